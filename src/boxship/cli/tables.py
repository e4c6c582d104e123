"""Aligned columns as Go's text/tabwriter makes them (minimum 10 wide, 3 spaces between)."""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

MINIMUM = 10
PADDING = 3


def align(rows: "Sequence[Sequence[str]]", minimum: int = MINIMUM, padding: int = PADDING) -> str:
    """Lay out rows that all have the same cells; the last cell of a row is not padded."""
    if not rows:
        return ""
    widths = [
        max(max(len(row[i]) for row in rows) + padding, minimum) for i in range(len(rows[0]) - 1)
    ]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        lines.append("".join(cells) + row[-1])
    return "\n".join(lines) + "\n"


def expand(text: str, minimum: int = MINIMUM, padding: int = PADDING) -> str:
    """Lay out text whose cells end in tabs; a column lasts while consecutive lines have it."""
    lines = [line.split("\t") for line in text.split("\n")]
    out = [[""] * len(cells) for cells in lines]
    _column(lines, out, 0, 0, len(lines), minimum, padding)
    return "\n".join("".join(cells) for cells in out)


def _column(
    lines: "list[list[str]]",
    out: "list[list[str]]",
    column: int,
    first: int,
    end: int,
    minimum: int,
    padding: int,
) -> None:
    row = first
    while row < end:
        if column >= len(lines[row]) - 1:
            if column < len(lines[row]):
                out[row][column] = lines[row][column]
            row += 1
            continue
        last = row
        while last < end and column < len(lines[last]) - 1:
            last += 1
        width = max(len(lines[i][column]) for i in range(row, last)) + padding
        width = max(width, minimum)
        for i in range(row, last):
            out[i][column] = lines[i][column].ljust(width)
        _column(lines, out, column + 1, row, last, minimum, padding)
        row = last
