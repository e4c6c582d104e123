"""The subset of Go's text/template that `--format` needs: text to a tree of nodes."""

from boxship.errors import BoxshipError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
_SPACE = " \t\r\n"
_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "\\": "\\", "'": "'", "a": "\a", "b": "\b"}


class TemplateError(BoxshipError):
    """A template that does not parse, or fails on its data."""


class Node:
    """One node: kind, position in the source, its text, and kind-dependent parts."""

    __slots__ = ("kind", "parts", "pos", "text")

    def __init__(self, kind: str, pos: int, text: str = "", parts: "Any" = None) -> None:
        self.kind = kind
        self.pos = pos
        self.text = text
        self.parts = parts

    def __repr__(self) -> str:
        return f"Node({self.kind}, {self.text!r})"


class Token:
    """A lexical piece of an action."""

    __slots__ = ("kind", "pos", "space", "value")

    def __init__(self, kind: str, value: str, pos: int, *, space: bool) -> None:
        self.kind = kind
        self.value = value
        self.pos = pos
        self.space = space  # preceded by white space, which ends a chain of fields


class Template:
    """A parsed template; `nodes` is what execution walks, `defined` those that others are made of."""

    __slots__ = ("defined", "functions", "name", "nodes", "source")

    def __init__(self, source: str, functions: "dict[str, Any]", name: str = "") -> None:
        self.source = source
        self.functions = functions
        self.name = name
        parser = _Parser(source, functions, name)
        self.nodes = parser.parse()
        self.defined = parser.defined


def _line(source: str, pos: int) -> int:
    return source.count("\n", 0, pos) + 1


class _Parser:
    def __init__(self, source: str, functions: "dict[str, Any]", name: str) -> None:
        self.source = source
        self.functions = functions
        self.name = name
        self.pieces = self._pieces()
        self.at = 0
        self.tokens: list[Token] = []
        self.index = 0
        self.action_pos = 0
        self.variables = {"$"}
        self.defined: dict[str, list[Node]] = {}

    def fail(self, message: str, pos: "int | None" = None) -> TemplateError:
        line = _line(self.source, self.action_pos if pos is None else pos)
        return TemplateError(f"template: {self.name}:{line}: {message}")

    def _pieces(self) -> "list[tuple[str, str, int]]":
        """Split into texts and actions, with the trimming of white space applied."""
        source, position, trim = self.source, 0, False
        pieces = []
        while True:
            start = source.find("{{", position)
            text = source[position:] if start < 0 else source[position:start]
            if trim:
                text = text.lstrip(_SPACE)
            if start < 0:
                if text:
                    pieces.append(("text", text, position))
                return pieces
            inner = start + 2
            if source[inner : inner + 1] == "-" and source[inner + 1 : inner + 2] in set(_SPACE):
                text = text.rstrip(_SPACE)
                inner += 1
            if text:
                pieces.append(("text", text, position))
            end = self._action_end(inner)
            body = source[inner:end]
            trim = body.endswith("-") and body[-2:-1] in set(_SPACE)
            if trim:
                body = body[:-1]
            if not body.strip().startswith("/*"):
                pieces.append(("action", body, inner))
            position = end + 2

    def _action_end(self, start: int) -> int:
        source, i = self.source, start
        if source[i:].lstrip(_SPACE).startswith("/*"):
            close = source.find("*/", i)
            i = len(source) if close < 0 else close
        while i < len(source):
            char = source[i]
            if source.startswith("}}", i):
                return i
            if char in "\"'":
                i += 1
                while i < len(source) and source[i] != char:
                    if source[i] == "\n":
                        break
                    i += 2 if source[i] == "\\" else 1
                if i >= len(source) or source[i] == "\n":
                    raise self.fail("unterminated quoted string", start)
            elif char == "`":
                i = source.find("`", i + 1)
                if i < 0:
                    raise self.fail("unterminated raw quoted string", start)
            i += 1
        raise self.fail("unclosed action", start)

    def parse(self) -> "list[Node]":
        nodes, ending = self._list(())
        if ending:
            raise self.fail(f"unexpected {{{{{ending}}}}}")
        return nodes

    def _list(self, endings: "tuple[str, ...]") -> "tuple[list[Node], str]":
        """Nodes up to {{end}} or {{else}}; which of them ended the list."""
        nodes = []
        while self.at < len(self.pieces):
            kind, text, pos = self.pieces[self.at]
            self.at += 1
            if kind == "text":
                nodes.append(Node("text", pos, text))
                continue
            self.action_pos = pos
            self.tokens = _tokens(self, text, pos)
            self.index = 0
            word = self.peek().value if self.peek().kind == "word" else ""
            if word in {"end", "else"}:
                if word not in endings:
                    raise self.fail(f"unexpected {{{{{word}}}}}")
                self.next()
                return nodes, word
            nodes.append(self._action(word))
        if endings:
            raise self.fail("unexpected EOF", len(self.source))
        return nodes, ""

    def peek(self) -> Token:
        if self.index < len(self.tokens):
            return self.tokens[self.index]
        return Token("end", "", self.action_pos, space=False)

    def next(self) -> Token:
        token = self.peek()
        self.index += 1
        return token

    def _action(self, word: str) -> Node:
        if word in {"if", "with", "range"}:
            return self._control(self.next())
        if word in {"define", "block", "template"}:
            return self._associated(self.next())
        if word in {"break", "continue"}:
            token = self.next()
            return Node(word, token.pos)
        pipe = self._pipeline("command")
        if self.peek().kind != "end":
            raise self.fail(f'unexpected "{self.peek().value}" in operand')
        return Node("action", pipe.pos, "", pipe)

    def _associated(self, token: Token) -> Node:
        """`{{define "x"}}…{{end}}`, `{{template "x" .}}`, and `{{block "x" .}}…{{end}}`, which is both."""
        name = self._term() if self.peek().kind != "end" else None
        if name is None or name.kind != "literal" or not isinstance(name.parts, str):
            raise self.fail(f"unexpected {token.value} clause")
        pipe = None
        if self.peek().kind != "end":
            pipe = self._pipeline(f"{token.value} clause")
        elif token.value == "block":
            raise self.fail("missing value for block clause")
        if token.value != "template":
            outer, self.variables = self.variables, {"$"}
            self.defined[name.parts], _ = self._list(("end",))
            self.variables = outer
        if token.value == "define":
            return Node("text", token.pos, "")
        shown = f"{{{{template {name.text}{' ' + pipe.text if pipe and pipe.text else ''}}}}}"
        return Node("template", name.pos, shown, (name.parts, pipe))

    def _control(self, token: Token) -> Node:
        known = set(self.variables)
        pipe = self._pipeline(token.value)
        body, ending = self._list(("end", "else"))
        otherwise: list[Node] = []
        if ending == "else":
            following = self.peek()
            if following.kind == "word" and following.value in {"if", "with"}:
                otherwise = [self._control(self.next())]
            else:
                otherwise, _ = self._list(("end",))
        self.variables = known
        return Node(token.value, token.pos, "", (pipe, body, otherwise))

    def _pipeline(self, context: str, closing: str = "end") -> Node:
        """`$x := a | b c`; parts are (declared names, is it an assignment, commands)."""
        pos = self.peek().pos
        names, assign = self._declarations(context)
        commands = []
        while True:
            if self.peek().kind == closing:
                break
            commands.append(self._command(closing))
            if self.peek().kind != "pipe":
                break
            self.next()
            if self.peek().kind == closing:
                raise self.fail(f"missing value for {context}")
        if not commands:
            raise self.fail(f"missing value for {context}")
        self.variables.update(names)
        return Node("pipe", pos, "", (names, assign, commands))

    def _declarations(self, context: str) -> "tuple[list[str], bool]":
        start = self.index
        names = []
        while self.peek().kind == "variable":
            names.append(self.next().value)
            if self.peek().kind in {"declare", "assign"}:
                return names, self.next().kind == "assign"
            if context == "range" and self.peek().kind == "comma":
                self.next()
                continue
            break
        self.index = start
        return [], False

    def _command(self, closing: str) -> Node:
        pos = self.peek().pos
        operands = []
        while self.peek().kind not in {"pipe", closing, "end"}:
            operands.append(self._operand())
        if not operands:
            raise self.fail("empty command")
        return Node("command", pos, "", operands)

    def _operand(self) -> Node:
        node = self._term()
        following = self.peek()
        if following.kind == "field" and not following.space:
            pos = following.pos
            fields = []
            while self.peek().kind == "field" and not self.peek().space:
                fields.append(self.next().value[1:])
            text = node.text + "".join(f".{name}" for name in fields)
            if node.kind in {"field", "variable"}:
                return Node(node.kind, pos, text, [*node.parts, *fields])
            return Node("chain", pos, text, (node, fields))
        return node

    def _term(self) -> Node:
        token = self.next()
        kind, value, pos = token.kind, token.value, token.pos
        if kind == "field":
            return Node("field", pos, value, [value[1:]])
        if kind == "dot":
            return Node("dot", pos, ".")
        if kind == "variable":
            if value not in self.variables:
                raise self.fail(f'undefined variable "{value}"')
            return Node("variable", pos, value, [value])
        if kind == "literal":
            return Node("literal", pos, self.source[pos : pos + len(value)], _literal(self, value))
        if kind == "open":
            pipe = self._pipeline("parenthesized pipeline", "close")
            if self.next().kind != "close":
                raise self.fail("unclosed left paren")
            return Node("paren", pos, "(…)", pipe)
        if kind == "word":
            if value in {"true", "false"}:
                return Node("literal", pos, value, value == "true")
            if value == "nil":
                return Node("literal", pos, value, None)
            if value not in self.functions:
                raise self.fail(f'function "{value}" not defined')
            return Node("function", pos, value)
        raise self.fail(
            f'unexpected "{value}" in operand' if value else "missing value for command"
        )


def _tokens(parser: _Parser, text: str, base: int) -> "list[Token]":
    tokens = []
    i, space = 0, False
    while i < len(text):
        char = text[i]
        if char in _SPACE:
            space = True
            i += 1
            continue
        kind, end = _token(parser, text, i)
        tokens.append(Token(kind, text[i:end], base + i, space=space))
        i, space = end, False
    return tokens


_SINGLE = {"|": "pipe", "(": "open", ")": "close", ",": "comma", "=": "assign"}


def _token(parser: _Parser, text: str, i: int) -> "tuple[str, int]":
    char = text[i]
    if char in _SINGLE:
        return _SINGLE[char], i + 1
    if text.startswith(":=", i):
        return "declare", i + 2
    if char in "\"'`":
        end = i + 1
        while text[end] != char:
            end += 2 if text[end] == "\\" and char != "`" else 1
        return "literal", end + 1
    if char == "." and text[i + 1 : i + 2].isdigit() is False:
        end = _word_end(text, i + 1)
        if end == i + 1:
            if text[end : end + 1] not in {"", " ", "\t", "\n", ")", "|", ","}:
                raise parser.fail(f"unexpected bad character U+{ord(text[end]):04X} '{text[end]}'")
            return "dot", end
        return "field", end
    if char == "$":
        return "variable", _word_end(text, i + 1)
    if char.isdigit() or char in "+-.":
        end = i + 1
        while end < len(text) and (text[end] in _NAME or text[end] == "."):
            end += 1
        return "literal", end
    if char in _NAME:
        return "word", _word_end(text, i)
    raise parser.fail(f"unexpected bad character U+{ord(char):04X} {char!r}")


def _word_end(text: str, i: int) -> int:
    while i < len(text) and (text[i] in _NAME or ord(text[i]) > 127):
        i += 1
    return i


def _literal(parser: _Parser, text: str) -> object:
    if text.startswith("`"):
        return text[1:-1]
    if text[0] in "\"'":
        out, i = [], 1
        while i < len(text) - 1:
            if text[i] == "\\":
                out.append(_ESCAPES.get(text[i + 1], text[i + 1]))
                i += 2
            else:
                out.append(text[i])
                i += 1
        value = "".join(out)
        return value if text[0] == '"' else ord(value[0])
    try:
        return int(text, 0)
    except ValueError:
        try:
            return float(text)
        except ValueError:
            raise parser.fail(f"bad number syntax: {text!r}") from None
