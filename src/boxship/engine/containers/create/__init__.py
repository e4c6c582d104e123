"""Making a container: merge, validate, plan its mounts, then do it."""
