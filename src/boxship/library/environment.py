"""Which daemon is meant when nobody says: as the docker CLI reads the environment."""

import os
import ssl
from pathlib import Path
from typing import Final

from boxship.client.tls import TlsFiles, context_of

DEFAULT_HOST: Final = "unix:///run/boxship/boxship.sock"


def address_of(given: str | None) -> str:
    """What was given, else $DOCKER_HOST, else $BOXSHIP_HOST, else boxshipd's default socket."""
    environment = os.environ
    return (
        given or environment.get("DOCKER_HOST") or environment.get("BOXSHIP_HOST") or DEFAULT_HOST
    )


def tls_of_environment() -> ssl.SSLContext | None:
    """TLS as $DOCKER_TLS_VERIFY and $DOCKER_TLS ask for it, with the files of $DOCKER_CERT_PATH."""
    verify = bool(os.environ.get("DOCKER_TLS_VERIFY"))
    if not verify and not os.environ.get("DOCKER_TLS"):
        return None
    folder = Path(os.environ.get("DOCKER_CERT_PATH") or Path.home() / ".docker")
    cert, key = folder / "cert.pem", folder / "key.pem"
    has_own = cert.exists() or key.exists()
    return context_of(
        TlsFiles(
            ca=str(folder / "ca.pem") if verify else "",
            cert=str(cert) if has_own else "",
            key=str(key) if has_own else "",
            verify=verify,
        )
    )
