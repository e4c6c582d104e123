"""A thread of its own for calls that change a thread's namespaces or directories."""

import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def in_fresh_thread(function: Callable[[], T]) -> T:
    """Run *function* in a new thread that ends with it, and return or raise what it does.

    What the function does to its thread (unshare, setns, chdir after CLONE_FS) dies with the thread
    and never reaches a pool.
    """
    results: list[T] = []
    failures: list[BaseException] = []

    def run() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - carried over to the caller
            failures.append(error)

    thread = threading.Thread(target=run, name="boxship-namespace")
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]
