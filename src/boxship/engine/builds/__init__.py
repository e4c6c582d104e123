"""Builds in this process: the classic builder's words on top of the build graph."""
