"""Docker's JSON documents read back into values of the model: the mirror of `boxship.api.docker.views`."""
