"""Leases: what work in progress needs, so that no garbage collection takes it away meanwhile.

They live in memory: one process owns the store, and its death ends all its work; the next start sweeps.
Whoever wants to use a blob or snapshot that is not recorded anywhere yet keeps it *first*, then looks
whether it is there: then either the collector sees the lease, or the thing is already gone and made anew.
"""

import contextlib
import threading
from collections import Counter
from collections.abc import Iterator


class Lease:
    """What one piece of work holds on to. Safe in several threads."""

    def __init__(self, leases: "Leases", purpose: str) -> None:
        self.purpose = purpose
        self._leases = leases
        self._kept: set[str] = set()

    def __repr__(self) -> str:
        return f"Lease({self.purpose}: {len(self._kept)})"

    def keep(self, key: str) -> None:
        """Hold on to a blob (by digest) or a snapshot (by key or name), there already or not."""
        with self._leases.lock:
            if key not in self._kept:
                self._kept.add(key)
                self._leases.kept[key] += 1

    def kept(self) -> frozenset[str]:
        """What it holds on to now."""
        return frozenset(self._kept)

    def release(self) -> None:
        """Let go of everything."""
        with self._leases.lock:
            self._leases.kept.subtract(self._kept)
            for key in self._kept:
                if self._leases.kept[key] <= 0:
                    del self._leases.kept[key]
            self._kept.clear()


class Leases:
    """All leases; the collector deletes only under `lock`, having asked `is_kept`."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.kept: Counter[str] = Counter()

    def __repr__(self) -> str:
        return f"Leases({len(self.kept)} kept)"

    def statistics(self) -> dict[str, int]:
        """How many things are kept."""
        return {"kept": len(self.kept)}

    @contextlib.contextmanager
    def hold(self, purpose: str) -> Iterator[Lease]:
        """A lease for the block."""
        lease = Lease(self, purpose)
        try:
            yield lease
        finally:
            lease.release()

    def is_kept(self, key: str) -> bool:
        """Tell whether some work needs it."""
        return key in self.kept
