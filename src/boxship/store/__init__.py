"""What is kept: content, snapshots, metadata."""
