"""A condition on columns, such as `region == "Cork" and stars >= 3`, as a tree. Text in, data out: nothing is run.

    expression  = both {"or" both}
    both        = one {"and" one}
    one         = "not" one | "(" expression ")" | column test
    test        = ("==" | "!=" | "<" | "<=" | ">" | ">=") value | ["not"] "in" "[" value {"," value} "]"
                | ["not"] "contains" text | "is" ["not"] "missing"

A column is a name, or anything between backticks. A value is a text in quotation marks, a number, true or false.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NoReturn

MOST_CHARS = 2_000
MOST_DEPTH = 32
MOST_VALUES = 500
COMPARISONS = ("==", "!=", "<=", ">=", "<", ">")
KEYWORDS = frozenset(("and", "or", "not", "in", "is", "missing", "contains", "true", "false"))

Value = str | float | bool


@dataclass(frozen=True, slots=True)
class Test:
    """One column under one test."""

    __test__ = False  # no test case, whatever the name says to a collector

    column: str
    operator: str
    """One of COMPARISONS, or `in`, `contains`, `missing`."""
    values: tuple[Value, ...]
    position: int
    """Where the column's name begins, from 1."""


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Condition


@dataclass(frozen=True, slots=True)
class Every:
    """All of them hold."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one of them holds."""

    parts: tuple[Condition, ...]


Condition = Test | Not | Every | Either


class ConditionError(ValueError):
    """The text is no condition; the message says where, what stands there and what was expected."""


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    """`name`, `text`, `number`, `sign`, `word` (a keyword) or `end`."""
    value: str
    position: int


_TOKEN = re.compile(
    r"\s*(?:(?P<name>[^\W\d]\w*)|`(?P<quoted>[^`]+)`|\"(?P<double>[^\"]*)\"|'(?P<single>[^']*)'"
    r"|(?P<number>[-+]?\d+(?:\.\d+)?(?![\w.]))|(?P<sign>[=!<>]=|[<>()\[\],]))"
)


def parse_condition(text: str) -> Condition:
    """The condition as a tree. Raises ConditionError for anything else, and for one too long or too deep."""
    if len(text) > MOST_CHARS:
        raise ConditionError(f"has {len(text):,} characters, expected at most {MOST_CHARS:,}")
    return _Parser(_tokens(text)).whole()


def columns_in(condition: Condition) -> tuple[Test, ...]:
    """Its tests, in the order in which they are written."""
    if isinstance(condition, Test):
        return (condition,)
    parts = (condition.of,) if isinstance(condition, Not) else condition.parts
    return tuple(test for part in parts for test in columns_in(part))


def _tokens(text: str) -> list[_Token]:
    tokens, end, body = [], 0, text.rstrip()
    while end < len(body):
        found = _TOKEN.match(body, end)
        if found is None:
            _refuse(_Token("sign", body[end:].split()[0], end + 1 + len(body[end:]) - len(body[end:].lstrip())), SHAPE)
        assert found is not None
        kind = str(found.lastgroup)
        position = found.start(kind) + 1 - (kind in {"quoted", "double", "single"})
        value = found[kind]
        if kind == "name" and value in KEYWORDS:
            kind = "word"
        names = {"quoted": "name", "double": "text", "single": "text"}
        tokens.append(_Token(names.get(kind, kind), value, position))
        end = found.end()
    return [*tokens, _Token("end", "", len(body) + 1)]


SHAPE = "a column, a text in quotation marks, a number, a comparison or a bracket"


def _refuse(token: _Token, expected: str) -> NoReturn:
    given = "the end" if token.kind == "end" else repr(token.value)
    hint = " (equality is written ==)" if token.value.startswith("=") and token.value[:2] != "==" else ""
    raise ConditionError(f"at character {token.position}: {given}{hint}, expected {expected}")


class _Parser:
    """Recursive descent over the tokens; one token is looked at, none is taken back."""

    def __init__(self, tokens: list[_Token]) -> None:
        self._tokens = tokens
        self._at = 0
        self._depth = 0

    def whole(self) -> Condition:
        found = self._expression()
        if self._next.kind != "end":
            _refuse(self._next, "'and', 'or' or the end")
        return found

    @property
    def _next(self) -> _Token:
        return self._tokens[self._at]

    def _take(self) -> _Token:
        self._at += 1
        return self._tokens[self._at - 1]

    def _taken(self, *values: str) -> bool:
        """Whether the next token is such a keyword or sign, which is then passed."""
        if self._next.kind in {"word", "sign"} and self._next.value in values:
            self._at += 1
            return True
        return False

    def _expect(self, value: str) -> None:
        if not self._taken(value):
            _refuse(self._next, repr(value))

    def _expression(self) -> Condition:
        parts = [self._both()]
        while self._taken("or"):
            parts.append(self._both())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _both(self) -> Condition:
        parts = [self._one()]
        while self._taken("and"):
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else Every(tuple(parts))

    def _one(self) -> Condition:
        self._depth += 1
        if self._depth > MOST_DEPTH:
            _refuse(self._next, f"at most {MOST_DEPTH} brackets and 'not' inside one another")
        if self._taken("not"):
            found: Condition = Not(self._one())
        elif self._taken("("):
            found = self._expression()
            self._expect(")")
        else:
            found = self._test()
        self._depth -= 1
        return found

    def _test(self) -> Condition:
        column = self._take()
        if column.kind != "name":
            _refuse(column, "the name of a column")
        operator = self._next
        if self._taken(*COMPARISONS):
            return Test(column.value, operator.value, (self._value(),), column.position)
        if self._taken("is"):
            opposite = self._taken("not")
            self._expect("missing")
            return _turned(Test(column.value, "missing", (), column.position), opposite=opposite)
        opposite = self._taken("not")
        if self._taken("in"):
            return _turned(Test(column.value, "in", self._values(), column.position), opposite=opposite)
        if self._taken("contains"):
            return _turned(Test(column.value, "contains", (self._text(),), column.position), opposite=opposite)
        _refuse(self._next, f"one of: {', '.join(COMPARISONS)}, in, not in, contains, is missing")

    def _values(self) -> tuple[Value, ...]:
        self._expect("[")
        values = [self._value()]
        while self._taken(","):
            values.append(self._value())
            if len(values) > MOST_VALUES:
                _refuse(self._next, f"at most {MOST_VALUES} values")
        self._expect("]")
        return tuple(values)

    def _text(self) -> str:
        token = self._take()
        if token.kind != "text":
            _refuse(token, "a text in quotation marks")
        if not token.value:
            _refuse(token, "a text of at least one character: every text contains the empty one")
        return token.value

    def _value(self) -> Value:
        token = self._take()
        if token.kind == "text":
            return token.value
        if token.kind == "number":
            return float(token.value)
        if token.kind == "word" and token.value in {"true", "false"}:
            return token.value == "true"
        hint = f'; write "{token.value}" for a text' if token.kind == "name" else ""
        _refuse(token, f"a text in quotation marks, a number, true or false{hint}")


def _turned(test: Test, *, opposite: bool) -> Condition:
    return Not(test) if opposite else test
