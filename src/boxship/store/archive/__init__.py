"""Archives: tar streams read, written, unpacked into and packed from directories; compression."""
