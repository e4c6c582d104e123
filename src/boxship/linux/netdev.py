"""Counters of network interfaces, as a process in their namespace sees them (/proc/PID/net/dev)."""

from boxship.linux.cgroups.usage import read_text
from boxship.services.monitoring import NetworkUse


def read_interfaces(pid: int) -> dict[str, NetworkUse]:
    """All interfaces of the process's network namespace but loopback; empty once it is gone."""
    return parse(read_text(f"/proc/{pid}/net/dev"))


def parse(text: str) -> dict[str, NetworkUse]:
    """Read the text of /proc/net/dev."""
    interfaces = {}
    for line in text.splitlines()[2:]:
        name, _, counters = line.partition(":")
        name = name.strip()
        fields = counters.split()
        if name == "lo" or len(fields) < 12:
            continue
        received, sent = fields[:4], fields[8:12]  # bytes, packets, errors, drops of either way
        values = [int(each) for each in (*received, *sent)]
        interfaces[name] = NetworkUse(
            rx_bytes=values[0],
            rx_packets=values[1],
            rx_errors=values[2],
            rx_dropped=values[3],
            tx_bytes=values[4],
            tx_packets=values[5],
            tx_errors=values[6],
            tx_dropped=values[7],
        )
    return interfaces
