"""The `boxship` command line: Docker's grammar, texts and exit codes."""

PROGRAM = "boxship"
