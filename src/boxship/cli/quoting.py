"""Texts in quotation marks, as Go's messages have them."""


def go_quote(text: str) -> str:
    """Go's %q, for the texts that occur in messages."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
