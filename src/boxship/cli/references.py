"""Image references as the command line takes them."""

from boxship.errors import InvalidArgument

_ALNUM = frozenset("abcdefghijklmnopqrstuvwxyz0123456789")
_TAG = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-")
_HEX = frozenset("0123456789abcdef")
DEFAULT_DOMAIN = "docker.io"


class Reference:
    """Domain, path, tag and digest of an image name."""

    __slots__ = ("digest", "domain", "path", "tag")

    def __init__(self, domain: str, path: str, tag: str, digest: str) -> None:
        self.domain = domain
        self.path = path
        self.tag = tag
        self.digest = digest

    @property
    def familiar_name(self) -> str:
        """Without the parts that are understood: docker.io and library."""
        if self.domain != DEFAULT_DOMAIN:
            return f"{self.domain}/{self.path}"
        return self.path.removeprefix("library/")

    @property
    def full_name(self) -> str:
        return f"{self.domain}/{self.path}"

    def __str__(self) -> str:
        tag = f":{self.tag}" if self.tag else ""
        return self.familiar_name + tag + (f"@{self.digest}" if self.digest else "")


def parse_reference(text: str) -> Reference:
    """Parse a name such as `localhost:5000/a/b:1`; raise InvalidArgument with Docker's words."""
    rest, at, digest = text.partition("@")
    if at:
        algorithm, _, value = digest.partition(":")
        if not algorithm or len(value) < 32 or not set(value) <= _HEX:
            raise InvalidArgument("invalid reference format")
    name, tag = rest, ""
    colon = rest.rfind(":")
    if colon > rest.rfind("/"):
        name, tag = rest[:colon], rest[colon + 1 :]
        if not tag or len(tag) > 128 or not set(tag) <= _TAG or tag[0] in ".-":
            raise InvalidArgument("invalid reference format")
    domain, path = _split_domain(name)
    if path != path.lower():
        raise InvalidArgument(
            f"invalid reference format: repository name ({path}) must be lowercase"
        )
    if not path or not all(_component(part) for part in path.split("/")):
        raise InvalidArgument("invalid reference format")
    if len(name) == 64 and set(name) <= _HEX:
        raise InvalidArgument(
            f"invalid repository name ({name}), cannot specify 64-byte hexadecimal strings"
        )
    return Reference(domain, path, tag, digest)


def _split_domain(name: str) -> "tuple[str, str]":
    first, slash, rest = name.partition("/")
    local = slash and (
        "." in first or ":" in first or first == "localhost" or first != first.lower()
    )
    domain, path = (first, rest) if local else (DEFAULT_DOMAIN, name)
    if domain == "index.docker.io":
        domain = DEFAULT_DOMAIN
    if domain == DEFAULT_DOMAIN and "/" not in path:
        path = f"library/{path}" if path else path
    return domain, path


def _component(part: str) -> bool:
    """Lower-case letters and digits, parted by one period, one or two underscores, or dashes."""
    if not part or part[0] not in _ALNUM or part[-1] not in _ALNUM:
        return False
    separator = ""
    for char in part:
        if char in _ALNUM:
            if separator.strip("-") and separator not in {".", "_", "__"}:
                return False
            separator = ""
        elif char in "._-":
            separator += char
        else:
            return False
    return True
