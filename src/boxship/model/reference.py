"""Image references as Docker and the registries spell them (distribution/reference).

`busybox` is familiar, `docker.io/library/busybox:latest` is the same one in full: we store full names
and show familiar ones.
"""

import re
from typing import NamedTuple

from boxship.errors import InvalidArgument
from boxship.model.digest import Digest, is_digest, parse_digest

DEFAULT_DOMAIN = "docker.io"

_ALNUM = r"[a-z0-9]+"
_SEPARATOR = r"(?:[._]|__|[-]+)"
_COMPONENT = rf"{_ALNUM}(?:{_SEPARATOR}{_ALNUM})*"
_HOST = r"(?:(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])(?:\.(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9]))*|\[[a-fA-F0-9:]+\])"
_DOMAIN = rf"{_HOST}(?::[0-9]+)?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_COMPONENT}(?:/{_COMPONENT})*))"
    r"(?::(?P<tag>[\w][\w.-]{0,127}))?(?:@(?P<digest>[A-Za-z0-9+.:_-]+))?",
    re.ASCII,
)
_TAG = re.compile(r"[\w][\w.-]{0,127}", re.ASCII)
_MAX_NAME = 255


class Reference(NamedTuple):
    """A named image: `domain/path[:tag][@digest]`."""

    domain: str
    path: str
    tag: str | None = None
    digest: Digest | None = None

    @property
    def name(self) -> str:
        """The repository in full, without tag and digest."""
        return f"{self.domain}/{self.path}"

    @property
    def familiar_name(self) -> str:
        """The repository as Docker shows it: without `docker.io/` and `library/`."""
        if self.domain != DEFAULT_DOMAIN:
            return self.name
        official = self.path.removeprefix("library/")
        return official if "/" not in official else self.path

    @property
    def familiar(self) -> str:
        """The whole reference as Docker shows it."""
        return self.familiar_name + self._suffix()

    def __str__(self) -> str:
        return self.name + self._suffix()

    def _suffix(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return f"{tag}@{self.digest}" if self.digest else tag

    def with_default_tag(self) -> "Reference":
        """The same, tagged `latest` when it has neither tag nor digest."""
        return self if self.tag or self.digest else self._replace(tag="latest")


def parse_reference(text: str) -> Reference:
    """Read a familiar or full reference; raise InvalidArgument with Docker's words."""
    if re.fullmatch(r"[0-9a-f]{64}", text):
        raise InvalidArgument(
            f"invalid repository name ({text}), cannot specify 64-byte hexadecimal strings"
        )
    domain, path = _split_domain(text)
    match = _REFERENCE.fullmatch(f"{domain}/{path}")
    if match is None:
        name = path.partition(":")[0].partition("@")[0]
        if name.lower() != name:
            raise InvalidArgument(
                f"invalid reference format: repository name ({name}) must be lowercase"
            )
        raise InvalidArgument("invalid reference format")
    if len(match["path"]) > _MAX_NAME:
        raise InvalidArgument(f"repository name must not be more than {_MAX_NAME} characters")
    digest = match["digest"]
    if digest is not None and not is_digest(digest):
        raise InvalidArgument("invalid reference format")
    return Reference(domain, match["path"], match["tag"], parse_digest(digest) if digest else None)


def is_tag(text: str) -> bool:
    """Tell whether *text* is a well-formed tag."""
    return _TAG.fullmatch(text) is not None


def _split_domain(text: str) -> tuple[str, str]:
    first, slash, rest = text.partition("/")
    is_domain = slash and (
        "." in first or ":" in first or first == "localhost" or first.lower() != first
    )
    domain, path = (first, rest) if is_domain else (DEFAULT_DOMAIN, text)
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path.partition("@")[0]:
        path = f"library/{path}"
    return domain, path
