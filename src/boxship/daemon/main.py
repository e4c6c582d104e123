"""boxshipd: the API mounted on the engine."""

import asyncio
import contextlib
import faulthandler
import gc
import logging
import os
import resource
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec

import boxship
from boxship.api.docker.app import build_app
from boxship.concurrency import Supervisor
from boxship.daemon import command_line, configuration, listening, logs, systemd
from boxship.daemon.configuration import DaemonConfig
from boxship.daemon.lock import hold_pidfile
from boxship.engine.lock import hold_roots
from boxship.errors import BoxshipError
from boxship.http.server import Server
from boxship.model.container import Ulimit
from boxship.services import Services

log = logging.getLogger(__name__)

MAX_FILES: Final = 1 << 20
PRODUCT: Final = f"Boxship/{boxship.__version__} (linux)"


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon until it is told to stop."""
    try:
        given = command_line.parse(sys.argv[1:] if arguments is None else arguments)
    except command_line.UsageError as error:
        print(f"{error}\nSee 'boxshipd --help'.\n{command_line.usage()}", file=sys.stderr)  # noqa: T201
        return 1
    if given.get("help"):
        print(command_line.usage())  # noqa: T201
        return 0
    if given.get("version"):
        print(f"Boxship version {boxship.__version__}")  # noqa: T201
        return 0
    try:
        return _run(given)
    except BoxshipError as error:
        print(str(error), file=sys.stderr)  # noqa: T201
        return 1


def _run(given: dict[str, object]) -> int:
    config = configuration.load(given)
    if given.get("validate"):
        listening.tls_context(config)
        print("configuration OK", file=sys.stderr)  # noqa: T201
        return 0
    if os.geteuid() != 0:
        print("boxshipd needs to be started with root privileges", file=sys.stderr)  # noqa: T201
        return 1
    logs.set_up(level=config.log_level, form=config.log_format, debug=config.debug)
    _prepare_process()
    config = _raise_file_limit(config)
    for directory, mode in ((config.engine.data_root, 0o711), (config.engine.exec_root, 0o711)):
        _make_directory(directory, mode)
    with hold_pidfile(config.pidfile), hold_roots(config.engine):
        asyncio.run(Daemon(config, given).run())
    return 0


def _prepare_process() -> None:
    os.umask(0o022)
    faulthandler.register(signal.SIGUSR1)
    if sys.version_info < (3, 12):
        # the default starts a thread for each child; later versions do this by themselves
        asyncio.get_event_loop_policy().set_child_watcher(asyncio.PidfdChildWatcher())


def _raise_file_limit(config: DaemonConfig) -> DaemonConfig:
    """Let the daemon open many files, and containers no more than they could before."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, MAX_FILES) if hard != resource.RLIM_INFINITY else MAX_FILES
    if soft >= wanted:
        return config
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    limits = config.engine.default_ulimits
    if any(limit.name == "nofile" for limit in limits):
        return config
    limits = (*limits, Ulimit(name="nofile", soft=soft, hard=hard))
    engine = msgspec.structs.replace(config.engine, default_ulimits=limits)
    return msgspec.structs.replace(config, engine=engine)


def _make_directory(path: Path, mode: int) -> None:
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(mode)


class Daemon:
    """One run of the daemon: listeners, engine, API, signals."""

    def __init__(self, config: DaemonConfig, given: dict[str, object]) -> None:
        self._config = config
        self._given = given
        self._stop = asyncio.Event()
        self._stops = 0
        self._tasks = Supervisor("daemon")
        self._notifier = systemd.Notifier()

    def __repr__(self) -> str:
        return f"<Daemon {self._config.engine.data_root}>"

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT; containers go on."""
        from boxship.engine import wiring  # noqa: PLC0415 - --help and --validate need no engine

        config = self._config
        log.info("Starting up: data root %s", config.engine.data_root)
        for name in configuration.unused(config):
            log.warning("%s has no effect in this engine", name)
        async with contextlib.AsyncExitStack() as undo:
            opened = listening.open_all(config)  # first: clients that come now wait for the engine
            undo.callback(listening.close_all, opened)
            systemd.forget_listen_variables()
            wiring.prepare_process()
            services = await undo.enter_async_context(wiring.open_engine(config.engine))
            application = build_app(services, product=PRODUCT)
            undo.push_async_callback(application.close, config.engine.shutdown_timeout)
            server = Server(application, hosts=self._host_names())
            undo.push_async_callback(server.close)
            for one in opened:
                await server.listen(one.socket, one.context)
            self._watch_signals(services)
            undo.push_async_callback(self._tasks.close)
            gc.collect()
            gc.freeze()  # what is here now stays: later collections need not look at it again
            self._notifier.ready()
            log.info("Daemon has completed initialization")
            for one in opened:
                log.info("API listen on %s", one.path or one.socket.getsockname())
            await self._stop.wait()
            self._notifier.stopping()
            log.info("Daemon shutdown: containers go on running")

    def _host_names(self) -> frozenset[str]:
        """Names clients may call us by over TCP."""
        names = (host.partition("://")[2].rpartition(":")[0] for host in self._config.hosts)
        return frozenset(name.lower() for name in names if name)

    def _watch_signals(self, services: Services) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop_now)
        loop.add_signal_handler(
            signal.SIGHUP, lambda: self._tasks.start(self._reload(services), name="reload")
        )

    def _stop_now(self) -> None:
        self._stops += 1
        self._stop.set()
        if self._stops >= 3:
            log.error("Forcing shutdown without cleanup: 3 interrupts received")
            os._exit(1)

    async def _reload(self, services: Services) -> None:
        """SIGHUP: read the file again; a bad one changes nothing."""
        from boxship.engine import wiring  # noqa: PLC0415

        self._notifier.reloading()
        try:
            config = configuration.load(self._given)
            await wiring.reload_engine(services, config.engine)
        except BoxshipError as error:
            log.error("Error reconfiguring the daemon: %s", error)  # noqa: TRY400
        else:
            self._config = config
            logs.set_level(level=config.log_level, debug=config.debug)
            log.info("Reloaded configuration: %s", config.config_file)
        finally:
            self._notifier.ready()


if __name__ == "__main__":
    sys.exit(main())
