"""HTTP as Docker uses it."""
