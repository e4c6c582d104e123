"""Progress of pulls, loads and builds: one line of a progress stream."""

import msgspec


class Progress(msgspec.Struct, frozen=True, kw_only=True):
    """One message; a client shows `stream` as it is, `status` beside `id`, and stops at `error`.

    `current` and `total` in bytes. `aux` is data for programs, keys as the stream spells them.
    """

    id: str = ""
    status: str = ""
    stream: str = ""
    current: int | None = None
    total: int | None = None
    error: str = ""
    error_code: int = 0
    aux: dict[str, str | int] | None = None
