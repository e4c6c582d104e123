"""What vertices do: blocking work on file systems, by descriptor."""
