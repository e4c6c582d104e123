"""Snapshots: layers that become root file systems."""
