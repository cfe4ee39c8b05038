"""From tokens to a syntax tree, by the grammar of the CEL specification.

Also read, because rules are written with them: `of.?name`, `of[?key]`, `[?item]` and `{?key: value}` of the
optional values, and `` of.`name` `` for a name that is none.
"""

from __future__ import annotations

from typing import Final, TypeVar

from syncropel.policy.lexer import Token, checked, tokens
from syncropel.policy.syntax import (
    BadSyntax,
    Binary,
    Call,
    Choice,
    Index,
    ListLiteral,
    Literal,
    Logic,
    MapLiteral,
    Name,
    Node,
    Select,
    Unary,
)

MAX_NESTING: Final = 60
"""Levels of a tree, parentheses included."""
MAX_NODES: Final = 4_000
"""Parts of an expression."""
_TIGHTER: Final[tuple[frozenset[str], ...]] = (
    frozenset({"<", "<=", ">", ">=", "==", "!=", "in"}),
    frozenset({"+", "-"}),
    frozenset({"*", "/", "%"}),
)
"""Operators of two sides, the loosest first; all of them group to the left."""
_Made = TypeVar("_Made", bound=Node)


def parse(source: str) -> Node:
    """The tree of a source. Raises BadSyntax."""
    return _Parser(source).parse()


class _Parser:
    def __init__(self, source: str) -> None:
        self._tokens = tokens(source)
        self._next = 0
        self._depth = 0
        self._nodes = 0

    def parse(self) -> Node:
        found = self._expression()
        if self._peek() != "end":
            raise self._wrong()
        return found

    # Tokens

    def _peek(self) -> str:
        return self._tokens[self._next].kind

    def _take(self) -> Token:
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _took(self, kind: str) -> bool:
        if self._tokens[self._next].kind != kind:
            return False
        self._next += 1
        return True

    def _expect(self, kind: str) -> Token:
        if self._peek() != kind:
            raise self._wrong()
        return self._take()

    def _wrong(self) -> BadSyntax:
        return BadSyntax("not a CEL expression", self._tokens[self._next].at)

    def _made(self, node: _Made) -> _Made:
        self._nodes += 1
        if self._nodes > MAX_NODES:
            raise BadSyntax(f"the expression has over {MAX_NODES} parts", node.at)
        node.height = 1 + max((part.height for part in node.parts()), default=0)
        if node.height > MAX_NESTING + 1:
            raise BadSyntax("the expression is nested too deeply", node.at)
        return node

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_NESTING + 1:
            raise BadSyntax("the expression is nested too deeply", self._tokens[self._next].at)

    # The grammar, the loosest first

    def _expression(self) -> Node:
        self._enter()
        at = self._tokens[self._next].at
        found = self._logic("||")
        if self._took("?"):
            yes = self._logic("||")
            self._expect(":")
            found = self._made(Choice(at, found, yes, self._expression()))
        self._depth -= 1
        return found

    def _logic(self, operator: str) -> Node:
        at = self._tokens[self._next].at
        terms: list[Node] = []
        while True:
            term = self._logic("&&") if operator == "||" else self._binary(0)
            # `a && (b && c)` is one chain: as it absorbs errors, it means the same however it is grouped.
            terms += term.terms if isinstance(term, Logic) and term.operator == operator else (term,)
            if not self._took(operator):
                return terms[0] if len(terms) == 1 else self._made(Logic(at, operator, tuple(terms)))

    def _binary(self, level: int) -> Node:
        if level == len(_TIGHTER):
            return self._unary()
        at = self._tokens[self._next].at
        found = self._binary(level + 1)
        while self._peek() in _TIGHTER[level]:
            operator = self._take().kind
            found = self._made(Binary(at, operator, found, self._binary(level + 1)))
        return found

    def _unary(self) -> Node:
        token = self._tokens[self._next]
        if token.kind not in ("!", "-") or (
            token.kind == "-" and self._tokens[self._next + 1].kind == "number"
        ):
            return self._member()
        self._next += 1
        self._enter()
        of = self._unary()
        self._depth -= 1
        return self._made(Unary(token.at, token.kind, of))

    def _member(self) -> Node:
        at = self._tokens[self._next].at
        found = self._primary()
        while True:
            if self._took("."):
                optional = self._took("?")
                token = self._selector()
                if not optional and self._took("("):
                    arguments = self._arguments(")")
                    found = self._made(Call(at, found, token.text, token.at, arguments))
                else:
                    found = self._made(Select(at, found, token.text, token.at, optional))
            elif self._took("["):
                optional = self._took("?")
                key = self._expression()
                self._expect("]")
                found = self._made(Index(at, found, key, optional))
            elif self._peek() == "{" and isinstance(found, Name | Select):
                raise BadSyntax("there are no message types here", at)
            else:
                return found

    def _selector(self) -> Token:
        if self._peek() in ("name", "quoted"):
            return self._take()
        raise self._wrong()

    def _primary(self) -> Node:
        token = self._take()
        if token.kind == "literal":
            return self._made(Literal(token.at, token.value))
        if token.kind in ("number", "-"):
            return self._number(token)
        if token.kind == "." and self._peek() == "name":
            named = self._take()
            return self._named(token.at, named)
        if token.kind == "name":
            return self._named(token.at, token)
        if token.kind == "(":
            found = self._expression()
            self._expect(")")
            return found
        if token.kind == "[":
            return self._list(token.at)
        if token.kind == "{":
            return self._map(token.at)
        self._next -= 1
        raise self._wrong()

    def _number(self, token: Token) -> Node:
        number = self._take() if token.kind == "-" else token
        value = number.value
        if token.kind == "-":
            if number.kind != "number":
                raise BadSyntax("not a CEL expression", number.at)
            if type(value) not in (int, float):
                raise BadSyntax(f"-{number.text[:40]} is out of range", token.at)
            value = -value
        if type(value) is int:
            value = checked(value, token._replace(text=number.text))
        return self._made(Literal(token.at, value))

    def _named(self, at: int, token: Token) -> Node:
        if self._took("("):
            return self._made(Call(at, None, token.text, token.at, self._arguments(")")))
        return self._made(Name(at, token.text))

    def _arguments(self, end: str) -> tuple[Node, ...]:
        found: list[Node] = []
        while not self._took(end):
            if found:
                self._expect(",")
            found.append(self._expression())
        return tuple(found)

    def _list(self, at: int) -> Node:
        items: list[Node] = []
        optional: list[bool] = []
        while not self._took("]"):
            if items:
                self._expect(",")
                if self._took("]"):
                    break
            optional.append(self._took("?"))
            items.append(self._expression())
        return self._made(ListLiteral(at, tuple(items), tuple(optional)))

    def _map(self, at: int) -> Node:
        entries: list[tuple[Node, Node]] = []
        optional: list[bool] = []
        while not self._took("}"):
            if entries:
                self._expect(",")
                if self._took("}"):
                    break
            optional.append(self._took("?"))
            key = self._expression()
            self._expect(":")
            entries.append((key, self._expression()))
        return self._made(MapLiteral(at, tuple(entries), tuple(optional)))
