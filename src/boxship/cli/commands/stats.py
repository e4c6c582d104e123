"""boxship stats: what containers use, live."""

import sys
from _thread import allocate_lock, start_new_thread

from boxship.cli.flags import MANY, TABLE_FORMAT_HELP, Command, Flag, Options
from boxship.cli.formatting import Listing, short_id
from boxship.cli.running import Context, Failed, path_name
from boxship.cli.units import bytes_size, human_size
from boxship.client.codec import json_lines
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

INTERVAL_S = 0.5
WAIT_FIRST_S = 4.0


class Watched:
    """One container and the newest sample of it."""

    def __init__(self, container: str) -> None:
        self.container = container
        self.sample: Any = None
        self.error = ""
        self.ended = False

    @property
    def settled(self) -> bool:
        return self.sample is not None or bool(self.error) or self.ended


class Board:
    """All containers that are shown; filled by a thread each."""

    def __init__(self, context: Context, *, stream: bool) -> None:
        self._context = context
        self._stream = stream
        self._lock = allocate_lock()
        self.rows: dict[str, Watched] = {}

    def watch(self, container: str) -> None:
        """Follow one more container."""
        with self._lock:
            if container in self.rows:
                return
            row = self.rows[container] = Watched(container)
        start_new_thread(self._collect, (row,))

    def drop(self, container: str) -> None:
        with self._lock:
            self.rows.pop(container, None)

    def snapshot(self) -> "list[Watched]":
        with self._lock:
            return list(self.rows.values())

    def _collect(self, row: Watched) -> None:
        query: dict[str, Any] = {"stream": "1" if self._stream else "0"}
        try:
            path = f"/containers/{path_name(row.container)}/stats"
            response = self._context.client.request("GET", path, query)
            for sample in json_lines(response.stream()):
                row.sample = sample
        except (BoxshipError, OSError) as error:
            row.error = str(error)
        finally:
            row.ended = True


def run(context: Context, options: Options) -> None:
    """Show a table that is drawn anew twice a second, or one sample."""
    board = Board(context, stream=not options.no_stream)
    everything = not options.args
    if everything:
        query = {"all": "1"} if options.all else {}
        for row in context.client.get("/containers/json", query):
            board.watch(row["Id"])
        if not options.no_stream:
            start_new_thread(_follow_events, (context, board, bool(options.all)))
    else:
        for name in options.args:
            board.watch(name)
    _wait_first(board)
    for row in board.snapshot():
        if row.error and not everything:
            raise Failed(row.error)
    source = options.format or context.config.format_for("statsFormat")
    shown = listing(full=options.no_trunc)
    if options.no_stream:
        shown.show(board.snapshot(), source)
        return
    _draw(board, shown, source, everything=everything)


def _wait_first(board: Board) -> None:
    from time import monotonic, sleep

    deadline = monotonic() + WAIT_FIRST_S
    while monotonic() < deadline and not all(row.settled for row in board.snapshot()):
        sleep(0.01)


def _draw(board: Board, shown: Listing, source: str, *, everything: bool) -> None:
    from time import sleep

    template = source if source not in {"", "table"} else ""
    while True:
        rows = board.snapshot()
        text = shown.render(rows, template) if template else shown.table(rows, shown.columns)
        lines = "\x1b[K\n".join(text.rstrip("\n").split("\n"))
        sys.stdout.write(f"\x1b[H{lines}\x1b[K\n\x1b[J")
        sys.stdout.flush()
        if not everything and all(row.ended for row in rows):
            return
        sleep(INTERVAL_S)


def _follow_events(context: Context, board: Board, all_: bool) -> None:  # noqa: FBT001 - a thread's
    query = {"filters": {"type": {"container": True}}}
    try:
        response = context.client.request("GET", "/events", query)
        for event in json_lines(response.stream()):
            identity = event["Actor"]["ID"]
            if event["Action"] == "start" or (all_ and event["Action"] == "create"):
                board.watch(identity)
            elif event["Action"] == "destroy" or (event["Action"] == "die" and not all_):
                board.drop(identity)
    except (BoxshipError, OSError):
        return  # the daemon went away: the drawing loop shows what is left


def _cpu_percent(sample: "Any") -> float:
    now, before = sample["cpu_stats"], sample.get("precpu_stats") or {}
    used = now["cpu_usage"]["total_usage"] - (before.get("cpu_usage") or {}).get("total_usage", 0)
    system = now.get("system_cpu_usage", 0) - before.get("system_cpu_usage", 0)
    cpus = now.get("online_cpus") or len(now["cpu_usage"].get("percpu_usage") or ())
    return used / system * cpus * 100 if system > 0 and used > 0 else 0.0


def _memory(sample: "Any") -> int:
    memory = sample.get("memory_stats") or {}
    usage = int(memory.get("usage") or 0)
    stats = memory.get("stats") or {}
    idle = stats.get("total_inactive_file", stats.get("inactive_file", 0))
    return usage - idle if idle < usage else usage


def _limit(sample: "Any") -> int:
    return int((sample.get("memory_stats") or {}).get("limit") or 0)


def _network(sample: "Any") -> "tuple[int, int]":
    networks = (sample.get("networks") or {}).values()
    return sum(n["rx_bytes"] for n in networks), sum(n["tx_bytes"] for n in networks)


def _block(sample: "Any") -> "tuple[int, int]":
    read = written = 0
    for entry in (sample.get("blkio_stats") or {}).get("io_service_bytes_recursive") or ():
        kind = entry["op"][:1].lower()
        read += entry["value"] if kind == "r" else 0
        written += entry["value"] if kind == "w" else 0
    return read, written


def _value(row: Watched, text: "Any") -> str:
    return "--" if row.sample is None or row.error else text(row.sample)


def _pair(row: Watched, pair: "Any") -> str:
    if row.sample is None or row.error:
        return "-- / --"
    first, second = pair(row.sample)
    return f"{human_size(first, 3)} / {human_size(second, 3)}"


def _memory_text(row: Watched) -> str:
    if row.sample is None or row.error:
        return "-- / --"
    return f"{bytes_size(_memory(row.sample))} / {bytes_size(_limit(row.sample))}"


def _memory_percent(sample: "Any") -> str:
    limit = _limit(sample)
    return f"{_memory(sample) / limit * 100 if limit else 0:.2f}%"


def _name(row: Watched) -> str:
    if row.sample is None:
        return "--"
    return str(row.sample.get("name", "")).removeprefix("/") or "--"


def listing(*, full: bool) -> Listing:
    """The columns of `stats`."""

    def identity(row: Watched) -> str:
        found = row.sample.get("id", "") if row.sample else row.container
        return found if full else short_id(found or row.container)

    fields = {
        "BlockIO": ("BLOCK I/O", lambda row: _pair(row, _block)),
        "CPUPerc": ("CPU %", lambda row: _value(row, lambda s: f"{_cpu_percent(s):.2f}%")),
        "Container": (
            "CONTAINER",
            lambda row: (
                short_id(row.container) if len(row.container) == 64 and not full else row.container
            ),
        ),
        "ID": ("CONTAINER ID", identity),
        "MemPerc": ("MEM %", lambda row: _value(row, _memory_percent)),
        "MemUsage": ("MEM USAGE / LIMIT", _memory_text),
        "Name": ("NAME", _name),
        "NetIO": ("NET I/O", lambda row: _pair(row, _network)),
        "PIDs": (
            "PIDS",
            lambda row: _value(row, lambda s: str((s.get("pids_stats") or {}).get("current", 0))),
        ),
    }
    columns = ("ID", "Name", "CPUPerc", "MemUsage", "MemPerc", "NetIO", "BlockIO", "PIDs")
    return Listing("*container.statsContext", fields, columns, failure="template parsing error")


COMMAND = Command(
    "stats [OPTIONS] [CONTAINER...]",
    run,
    Flag("all", "a", "bool", "Show all containers (default shows just running)"),
    Flag("format", "", "string", TABLE_FORMAT_HELP),
    Flag("no-stream", "", "bool", "Disable streaming stats and only pull the first result"),
    Flag("no-trunc", "", "bool", "Do not truncate output"),
    args=(0, MANY),
    aliases="docker container stats, docker stats",
)
