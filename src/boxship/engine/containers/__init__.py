"""Containers in this process: create, life, exec sessions, streams, files, health."""
