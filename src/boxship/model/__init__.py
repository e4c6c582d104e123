"""What things are: frozen values, parsing and state rules; no I/O."""
