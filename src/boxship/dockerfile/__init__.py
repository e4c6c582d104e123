"""Dockerfiles and ignore files: text to instructions; pure."""
