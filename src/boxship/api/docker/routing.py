"""What a route is: a method, a path, a handler, and what a client's leaving does to it."""

from collections.abc import Awaitable, Callable
from enum import Enum, auto
from typing import NamedTuple

from boxship.http.request import Request
from boxship.http.response import Answer
from boxship.services import Services

Handler = Callable[[Services, Request], Awaitable[Answer]]


class Access(Enum):
    """READ and STREAM end when the client leaves; WRITE goes on to its end."""

    READ = auto()
    WRITE = auto()
    STREAM = auto()


class Route(NamedTuple):
    """One row of the table."""

    method: str
    path: str
    handler: Handler
    access: Access
