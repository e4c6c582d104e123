"""Docker's JSON documents, made from values of the model."""
