"""Executing templates: Go's text/template semantics on JSON values and records."""

from boxship.cli import gofmt
from boxship.cli.gofmt import shown
from boxship.cli.template_functions import FUNCTIONS, Record, truth
from boxship.cli.templates import Node, Template, TemplateError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any


MAX_DEPTH = 200  # Go allows more, but no output that anyone reads needs it


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Bad(Exception):
    pass


class Run:
    """One execution."""

    def __init__(self, template: Template, *, go_types: bool = False, root_type: str = "") -> None:
        self.template = template
        self._root_type = root_type  # how Docker calls the type of the data, where it tells
        self._root: Any = None
        self._go_types = (
            go_types  # null prints as the nil slice, map or pointer Docker's types have
        )
        self.out: list[str] = []
        self.depth = 0
        self.scope: list[tuple[str, Any]] = []

    def execute(self, data: "Any") -> str:
        """Render *data*; raise TemplateError with Go's words."""
        self.scope = [("$", data)]
        self._root = data
        try:
            self._nodes(self.template.nodes, data)
        except (_Break, _Continue):
            raise TemplateError(
                "template: :1: {{break}} or {{continue}} outside {{range}}"
            ) from None
        return "".join(self.out)

    def _fail(self, node: Node, message: str) -> TemplateError:
        source, pos = self.template.source, node.pos
        line = source.count("\n", 0, pos) + 1
        column = pos - (source.rfind("\n", 0, pos) + 1)
        text = node.text if len(node.text) <= 20 else node.text[:20] + "..."
        name = self.template.name
        return TemplateError(
            f'template: {name}:{line}:{column}: executing "{name}" at <{text}>: {message}'
        )

    def _nodes(self, nodes: "list[Node]", dot: "Any") -> None:
        for node in nodes:
            kind = node.kind
            if kind == "text":
                self.out.append(node.text)
            elif kind == "action":
                value = self._pipe(node.parts, dot)
                if not node.parts.parts[0]:
                    self.out.append(
                        self._nil(node.parts, dot) if value is None else self._text(value)
                    )
            elif kind in {"if", "with"}:
                self._branch(node, dot)
            elif kind == "range":
                self._range(node, dot)
            elif kind == "template":
                self._associated(node, dot)
            elif kind == "break":
                raise _Break
            else:
                raise _Continue

    def _associated(self, node: Node, dot: "Any") -> None:
        """Another template, with a dot and variables of its own."""
        name, pipe = node.parts
        value = None if pipe is None else self._pipe(pipe, dot)
        if name not in self.template.defined:
            raise self._fail(node, f"template {gofmt.quoted(name)} not defined")
        outer, self.scope = self.scope, [("$", value)]
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self._fail(node, "exceeded maximum template depth (100000)")
        self._nodes(self.template.defined[name], value)
        self.depth -= 1
        self.scope = outer

    def _text(self, value: "Any") -> str:
        if isinstance(value, Record):
            return "{" + " ".join(shown(f(value.row)) for f in value.fields.values()) + "}"
        return shown(value)

    def _nil(self, pipe: Node, dot: "Any") -> str:
        last = pipe.parts[2][-1].parts[-1]
        if isinstance(dot, Record) and last.kind == "field" and len(last.parts) == 1:
            return "<nil>"
        if not self._go_types or last.kind != "field":
            return "<no value>"
        return gofmt.nil_text(last.parts[-1])

    def _branch(self, node: Node, dot: "Any") -> None:
        pipe, body, otherwise = node.parts
        mark = len(self.scope)
        value = self._pipe(pipe, dot)
        if truth(value):
            self._nodes(body, value if node.kind == "with" else dot)
        else:
            self._nodes(otherwise, dot)
        del self.scope[mark:]

    def _range(self, node: Node, dot: "Any") -> None:
        pipe, body, otherwise = node.parts
        names = pipe.parts[0]
        mark = len(self.scope)
        value = self._pipe(pipe, dot, declare=False)
        items = self._items(node, value)
        if not items:
            self._nodes(otherwise, dot)
        for key, item in items:
            if len(names) == 1:
                self.scope.append((names[0], item))
            elif names:
                self.scope += [(names[0], key), (names[1], item)]
            try:
                self._nodes(body, item)
            except _Break:
                break
            except _Continue:
                continue
            finally:
                del self.scope[mark:]

    def _items(self, node: Node, value: "Any") -> "list[tuple[Any, Any]]":
        if value is None:
            return []
        if isinstance(value, dict):
            return [(key, value[key]) for key in sorted(value)]
        if isinstance(value, (list, tuple)):
            return list(enumerate(value))
        if isinstance(value, int) and not isinstance(value, bool):
            return [(i, i) for i in range(value)]
        raise self._fail(
            node.parts[0].parts[2][-1].parts[-1], f"range can't iterate over {shown(value)}"
        )

    def _pipe(self, pipe: Node, dot: "Any", *, declare: bool = True) -> "Any":
        names, assign, commands = pipe.parts
        value: Any = None
        for index, command in enumerate(commands):
            value = self._command(command, dot, [value] if index else [])
        if declare and names:
            if assign:
                for i in range(len(self.scope) - 1, -1, -1):
                    if self.scope[i][0] == names[0]:
                        self.scope[i] = (names[0], value)
                        break
            else:
                self.scope.append((names[0], value))
        return value

    def _command(self, command: Node, dot: "Any", final: "list[Any]") -> "Any":
        first, *rest = command.parts
        kind = first.kind
        if kind == "function":
            return self._call(first, first.text, rest, final, dot, command)
        if kind in {"field", "variable", "chain"} and (rest or final):
            return self._method(first, rest, final, dot)
        if rest or final:
            raise self._fail(first, f"can't give argument to non-function {first.text}")
        return self._value(first, dot)

    def _call(
        self,
        node: Node,
        name: str,
        operands: "list[Node]",
        final: "list[Any]",
        dot: "Any",
        command: Node,
    ) -> "Any":
        if name in {"and", "or"}:  # these stop at the first operand that decides
            value: Any = None
            for operand in operands:
                value = self._value(operand, dot)
                if truth(value) == (name == "or"):
                    return value
            return final[0] if final else value
        values = [self._value(operand, dot) for operand in operands] + final
        values = [None if value is gofmt.NO_VALUE else value for value in values]
        function = self.template.functions[name]
        try:
            return function(*values)
        except (TypeError, AttributeError):
            raise self._fail(node, _misfit(function, name, values)) from None
        except (ValueError, KeyError, IndexError) as error:
            text = " ".join(part.text for part in (command.parts or ())) or node.text
            whole = Node("command", node.pos, text)
            raise self._fail(whole, f"error calling {name}: {error}") from None

    def _method(self, node: Node, operands: "list[Node]", final: "list[Any]", dot: "Any") -> "Any":
        values = [self._value(operand, dot) for operand in operands] + final
        target = dot if node.kind == "field" else self._value(node, dot)
        if isinstance(target, Record) and node.kind == "field" and node.parts[0] in target.calls:
            return target.calls[node.parts[0]](target.row, *values)
        raise self._fail(node, f"{node.text} has arguments but cannot be invoked as function")

    def _value(self, node: Node, dot: "Any") -> "Any":
        kind = node.kind
        if kind == "dot":
            return dot
        if kind == "field":
            return self._fields(node, dot, node.parts)
        if kind == "literal":
            return node.parts
        if kind == "variable":
            return self._fields(node, self._variable(node.parts[0]), node.parts[1:])
        if kind == "paren":
            return self._pipe(node.parts, dot)
        if kind == "chain":
            return self._fields(node, self._value(node.parts[0], dot), node.parts[1])
        return self._call(node, node.text, [], [], dot, node)

    def _variable(self, name: str) -> "Any":
        return next(value for known, value in reversed(self.scope) if known == name)

    def _fields(self, node: Node, value: "Any", names: "list[str]") -> "Any":
        last = len(names) - 1
        for index, name in enumerate(names):
            if value is gofmt.NO_VALUE:
                return value
            value = self._field(node, value, name, last=index == last)
        return value

    def _field(self, node: Node, value: "Any", name: str, *, last: bool) -> "Any":
        if isinstance(value, Record):
            if name in value.fields:
                return value.fields[name](value.row)
            if name in value.calls:
                raise self._fail(node, f"wrong number of args for {name}: want 1 got 0")
            raise self._fail(node, f"can't evaluate field {name} in type {value.type_name}")
        if isinstance(value, dict):
            return self._entry(node, value, name, last=last)
        if value is None:
            raise self._fail(node, f"nil pointer evaluating interface {{}}.{name}")
        kind = "interface {}" if self._go_types else gofmt.type_name(value)
        raise self._fail(node, f"can't evaluate field {name} in type {kind}")

    def _entry(self, node: Node, value: "dict[str, Any]", name: str, *, last: bool) -> "Any":
        if name in value:
            return value[name]
        is_map = self._go_types and not isinstance(value, gofmt.Struct)
        if is_map:
            return gofmt.NO_VALUE
        # Go's structs spell initialisms in capitals where JSON does not: APIVersion, ApiVersion
        for key in value:
            if key.lower() == name.lower():
                return value[key]
        if self._go_types and last and name in gofmt.OPTIONAL:
            return gofmt.OPTIONAL[name]  # the daemon leaves it out when it is empty
        if self._root_type and value is self._root:
            raise self._fail(node, f"can't evaluate field {name} in type {self._root_type}")
        raise self._fail(node, f"map has no entry for key {gofmt.quoted(name)}")


def _misfit(function: "Callable[..., Any]", name: str, values: "list[Any]") -> str:
    """Why a function cannot take these values: their number, or else their kind."""
    code = getattr(function, "__code__", None)
    if code is not None and not code.co_flags & 0x04 and code.co_argcount != len(values):
        want = code.co_argcount
        return f"wrong number of args for {name}: want {want} got {len(values)}"
    odd = next((value for value in values if not isinstance(value, str)), None)
    return f"wrong type for value; expected string; got {gofmt.type_name(odd)}"


def render(template: Template, data: "Any", *, go_types: bool = False, root_type: str = "") -> str:
    """Execute a template once."""
    return Run(template, go_types=go_types, root_type=root_type).execute(data)


def parse_template(text: str, name: str = "") -> Template:
    """Parse with Docker's functions; *name* is how complaints call it."""
    return Template(text, FUNCTIONS, name)
