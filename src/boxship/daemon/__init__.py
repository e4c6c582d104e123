"""boxshipd."""
