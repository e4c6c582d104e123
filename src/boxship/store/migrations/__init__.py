"""Schema of the metadata, one numbered SQL file per version."""
