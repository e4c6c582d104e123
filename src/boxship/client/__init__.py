"""The Engine API, from the outside."""
