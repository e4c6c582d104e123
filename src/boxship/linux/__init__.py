"""OS adapters: one module per kernel facility; blocking, typed, no policy."""
