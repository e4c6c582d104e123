"""Network drivers: what a network is on this host."""
