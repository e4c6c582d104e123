"""The `boxship` command line beside the `docker` one, on the same daemon."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from support.engine import Result

COMMAND = (sys.executable, "-m", "boxship.cli.main")
SOURCE = Path(__file__).parents[2] / "src"
DOCKER_VERSION = "1.50"  # what docker 28.2 speaks: with it both get the same answers


def environment(host: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Surroundings in which a command line talks to *host* and finds no configuration of ours."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("DOCKER_", "BOXSHIP_"))}
    return {
        **kept,
        "DOCKER_HOST": host,
        "DOCKER_API_VERSION": DOCKER_VERSION,
        "DOCKER_BUILDKIT": "0",
        "PYTHONPATH": str(SOURCE),
        **(extra or {}),
    }


def run(
    program: str,
    args: tuple[str, ...],
    host: str,
    *,
    stdin: bytes | None = None,
    extra: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Result:
    """Run `docker` or `boxship` to its end."""
    command = list(COMMAND) if program == "boxship" else [program]
    done = subprocess.run(
        [*command, *args],
        env=environment(host, extra),
        input=stdin or b"",
        capture_output=True,
        timeout=60,
        check=False,
        cwd=cwd,
    )
    return Result(
        done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"), done.returncode
    )


LEGACY = re.compile(r"DEPRECATED: The legacy builder.*?environment-variable\.\n\n", re.DOTALL)


def comparable(result: Result) -> tuple[int, str, str]:
    """What must be alike; the program's own name is not."""
    return result.code, _renamed(result.stdout), _renamed(LEGACY.sub("", result.stderr))


def _renamed(text: str) -> str:
    # 'SRun' and the like are slips of docker's own texts
    text = re.sub(r"^SRun '", "Run '", text, flags=re.MULTILINE)
    return text.replace("docker", "boxship").replace("Docker daemon", "Boxship daemon")
