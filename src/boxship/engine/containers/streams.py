"""Attach, logs and terminals: implements services.streams.Streams."""

from boxship.engine.containers.attachment import Plan, ProcessAttachment
from boxship.engine.containers.contract import Parts
from boxship.engine.containers.detach import parse_detach_keys
from boxship.engine.containers.logs import ContainerLogs
from boxship.engine.containers.register import Register
from boxship.model.container import Action, Container, ContainerNotRunning, require
from boxship.services.streams import Attachment, AttachOptions, LogOptions, Logs


class EngineStreams:
    """Implements services.streams.Streams."""

    def __init__(self, parts: Parts, register: Register, logs: ContainerLogs) -> None:
        self._parts = parts
        self._register = register
        self._logs = logs

    def __repr__(self) -> str:
        return "EngineStreams()"

    async def attach(self, name: str, options: AttachOptions) -> Attachment:
        """See services.streams."""
        keys = parse_detach_keys(options.detach_keys)
        async with self._register.editing(name) as container:
            require(container, Action.ATTACH, name)
            attachment = self._attachment(container, options, keys)
            live = self._register.live(container.id)
            if not options.stream or not attachment.carries_something:
                attachment.give_up()
            elif container.running:
                await attachment.connect(live, self._parts.runtime, container)
            else:
                attachment.withdraw = live.join(attachment)
            self._register.publish(container, "attach")
            return attachment

    def _attachment(
        self, container: Container, options: AttachOptions, keys: bytes
    ) -> ProcessAttachment:
        config = container.config
        past = None
        if options.logs:
            past = self._logs.past(container, stdout=options.stdout, stderr=options.stderr)
        return ProcessAttachment(
            Plan(
                tty=config.tty,
                stdin=options.stdin and config.open_stdin,
                stdout=options.stdout,
                stderr=options.stderr,
                ends_stdin=config.stdin_once and not config.tty,  # a terminal has no end of input
                keys=keys if config.tty else None,
            ),
            on_detach=lambda: self._register.publish(container, "detach"),
            has_ended=lambda: self._has_ended(container.id),
            past=past,
        )

    def _has_ended(self, container_id: str) -> bool:
        current = self._register.current(container_id)
        return current is None or self._parts.runtime.has_ended(current.state.pid)

    async def logs(self, name: str, options: LogOptions) -> Logs:
        """See services.streams."""
        container = self._register.get(name)
        return self._logs.read(container, options)

    async def resize(self, name: str, height: int, width: int) -> None:
        """See services.streams."""
        container = self._register.get(name)
        if not container.running:
            raise ContainerNotRunning(container.id)
        if container.config.tty:  # without one nothing changes, and Docker says so to nobody
            await self._parts.runtime.resize(container, height, width)
        self._register.publish(container, "resize", height=str(height), width=str(width))
