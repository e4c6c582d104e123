"""Networks: IPAM, drivers, published ports and names."""
