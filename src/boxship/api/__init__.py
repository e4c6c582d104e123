"""Wire protocols we serve."""
