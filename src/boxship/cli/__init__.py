"""The boxship command."""
