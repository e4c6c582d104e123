"""The image store's service."""
