"""Docker's JSON, both ways: what the API that we serve and the client that we are have in common."""
