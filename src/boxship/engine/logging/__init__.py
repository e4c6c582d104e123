"""Log drivers: what containers write is taken from their spools to files, sockets and collectors."""
