"""Volumes: the service, the driver `local`, and drivers that are plugins."""
