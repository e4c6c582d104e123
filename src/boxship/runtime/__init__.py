"""Runs a bundle: root file system, OCI spec, supervision by conmon."""
