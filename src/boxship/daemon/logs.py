"""The daemon's log: lines of logfmt or JSON, as dockerd writes them."""

import json
import logging
from datetime import UTC, datetime
from typing import Final

LEVELS: Final = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}
_NAMES: Final = {
    logging.DEBUG: "debug",
    logging.INFO: "info",
    logging.WARNING: "warning",
    logging.ERROR: "error",
    logging.CRITICAL: "fatal",
}


def _stamp(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z")


class TextFormatter(logging.Formatter):
    """`time="…" level=info msg="…"`: one line each, control characters escaped."""

    def format(self, record: logging.LogRecord) -> str:
        line = f"time={json.dumps(_stamp(record))} level={_NAMES.get(record.levelno, 'info')} "
        line += f"msg={json.dumps(record.getMessage(), ensure_ascii=False)} module={record.name}"
        if record.exc_info:
            line += f" error={json.dumps(self.formatException(record.exc_info))}"
        return line


class JSONFormatter(logging.Formatter):
    """One JSON object on each line."""

    def format(self, record: logging.LogRecord) -> str:
        document = {
            "level": _NAMES.get(record.levelno, "info"),
            "module": record.name,
            "msg": record.getMessage(),
            "time": _stamp(record),
        }
        if record.exc_info:
            document["error"] = self.formatException(record.exc_info)
        return json.dumps(document)


def set_up(*, level: str, form: str, debug: bool) -> None:
    """Log to standard error from now on."""
    handler = logging.StreamHandler()
    handler.setFormatter(JSONFormatter() if form == "json" else TextFormatter())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if debug else LEVELS[level])
    logging.getLogger("asyncio").setLevel(logging.INFO)


def set_level(*, level: str, debug: bool) -> None:
    """Change how much is logged."""
    logging.getLogger().setLevel(logging.DEBUG if debug else LEVELS[level])
