"""The verbs, one module each; loaded when called."""
