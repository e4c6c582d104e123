"""The services, over the Engine API: each verb is one request (a list asks for each item's details)."""
