"""Which daemon is meant."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from boxship.client.tls import TlsFiles

DEFAULT_HOST = "unix:///run/boxship/boxship.sock"


class Endpoint:
    """Which daemon to speak to; `named` says that the user chose it."""

    __slots__ = ("host", "named", "tls")

    def __init__(self, host: str, tls: "TlsFiles | None" = None, *, named: bool = True) -> None:
        self.host = host
        self.tls = tls
        self.named = named
