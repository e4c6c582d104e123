"""Listings: the default table, `--format json`, `table TEMPLATE` and free templates."""

import sys

from boxship.cli.tables import align
from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any


BAD_TEMPLATE = 64


class FormatFailed(BoxshipError):
    """A --format that does not parse or cannot be filled."""

    exit_status = 1


class Listing:
    """How the rows of one kind are shown.

    *fields* are (header, function of a row) by name; *columns* those of the default table; *calls*
    fields that take arguments (`.Label "x"`); *raw* the template of `--format raw`; *failure* what
    Docker says before a template's mistake.
    """

    def __init__(
        self,
        type_name: str,
        fields: "Mapping[str, tuple[str, Callable[[Any], Any]]]",
        columns: "Sequence[str]",
        calls: "dict[str, Callable[..., Any]] | None" = None,
        *,
        raw: str = "",
        failure: str = "failed to execute template",
    ) -> None:
        self.type_name = type_name
        self.fields = dict(fields)
        self.columns = columns
        self.calls = calls
        self.raw = raw
        self.failure = failure

    def show(self, rows: "Iterable[Any]", source: str) -> None:
        """Print *rows* by the template *source* ("" or "table": the default table)."""
        if source in {"", "table"}:
            sys.stdout.write(self.table(list(rows), self.columns))
        elif source == "raw" and self.raw:
            sys.stdout.write(self.render(rows, self.raw))
        else:
            sys.stdout.write(self.render(rows, source))

    def records(self, rows: "Iterable[Any]") -> "list[Any]":
        """The rows as templates see them."""
        from boxship.cli.template_functions import Record

        functions = {name: value for name, (_, value) in self.fields.items()}
        return [Record(row, functions, self.type_name, self.calls) for row in rows]

    def table(self, rows: "Sequence[Any]", columns: "Sequence[str]") -> str:
        """The aligned table with its header."""
        chosen = [self.fields[name] for name in columns]
        cells = [[header for header, _ in chosen]]
        cells += [[_cell(value(row)) for _, value in chosen] for row in rows]
        return align(cells)

    def uses(self, source: str, name: str) -> bool:
        """Whether a template mentions the field."""
        return f".{name}" in source

    def render(self, rows: "Iterable[Any]", source: str) -> str:
        """The rows by a template; `table …` gets a header and columns."""
        from boxship.cli.tables import expand
        from boxship.cli.template_functions import FUNCTIONS, HEADER_FUNCTIONS
        from boxship.cli.template_run import render
        from boxship.cli.templates import Template, TemplateError

        is_table = source.startswith("table")
        text = source.removeprefix("table").strip() if is_table else source
        if text == "json":
            text = "{{json .}}"
        text = text.replace("\\t", "\t").replace("\\n", "\n")
        try:
            template = Template(text, FUNCTIONS)
        except TemplateError as error:
            raise FormatFailed(f"failed to parse template: {error}") from None
        try:
            lines = [render(template, record) + "\n" for record in self.records(rows)]
            if not is_table:
                return "".join(lines)
            header = render(Template(text, HEADER_FUNCTIONS), self._header())
        except TemplateError as error:
            raise FormatFailed(f"{self.failure}: {error}") from None
        return expand(header + "\n" + "".join(lines))

    def _header(self) -> "Any":
        from boxship.cli.template_functions import Record

        headers = {name: _constant(header) for name, (header, _) in self.fields.items()}
        return Record(None, headers, self.type_name, dict.fromkeys(self.calls or (), _label_header))


def _constant(text: str) -> "Callable[[Any], str]":
    return lambda _row: text


def _label_header(_row: object, name: str = "") -> str:
    return name.rpartition(".")[2].replace("-", " ").replace("_", " ")


def _cell(value: object) -> str:
    return value if isinstance(value, str) else ("<nil>" if value is None else str(value))


def ellipsis(text: str, length: int) -> str:
    """At most *length* characters, the last of which is … where something was cut."""
    if len(text) <= length:
        return text
    return text[: length - 1] + "…" if length > 1 else text[:length]


def short_id(text: str) -> str:
    """The first twelve digits, without the algorithm."""
    return text.partition(":")[2][:12] if text.startswith("sha256:") else text[:12]


def labels_text(labels: "dict[str, str] | None") -> str:
    """`a=1,b=2`, sorted."""
    return ",".join(sorted(f"{key}={value}" for key, value in (labels or {}).items()))


def print_template(
    source: str,
    value: "Any",
    *,
    root_type: str,
    what: str = "template parsing error",
    name: str = "",
) -> None:
    """Print one value by a template and end the line, whatever became of it."""
    from boxship.cli.gofmt import typed
    from boxship.cli.template_run import parse_template, render
    from boxship.cli.templates import TemplateError

    try:
        template = parse_template(source, name)
    except TemplateError as error:
        failure = FormatFailed(f"template parsing error: {error}")
        failure.exit_status = BAD_TEMPLATE
        raise failure from None
    try:
        text = render(template, typed(value), go_types=True, root_type=root_type)
        sys.stdout.write(text + "\n")
    except TemplateError as error:
        sys.stdout.write("\n")
        raise FormatFailed(f"{what}: {error}" if what else str(error)) from None
