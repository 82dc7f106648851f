"""A template comes from a file or the hub: its cost is bounded, and nothing in it is left to chance."""

from __future__ import annotations

import contextlib
import re
import sys
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, nodes
from jinja2.ext import Extension
from jinja2.utils import Namespace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

    from jinja2.parser import Parser

TEMPLATE_FILE = "<template>"
"""What jinja calls the file of a compiled template."""
MAX_LINES = 100_000
"""Lines of a compiled template that the rendering of one short conversation may take; long templates take hundreds."""
MAX_CHARACTERS = 100_000
"""Characters that one short conversation may become."""
MAX_HELD = 20_000
"""Characters of a text, and items of a list, that a template may hold while it renders one: one more expression on
these, such as replacing every letter of the one by the other, makes some hundred megabytes at most."""
MAX_NUMBER = 1_000_000
"""The largest number that a template may hold or be written with: as many blanks, and no more, can be asked for."""
MAX_REPEATED = 100
"""Characters of a text that may be repeated."""
MAX_DEPTH = 4
"""Levels of lists and objects within a variable that are looked at."""
MAX_GROWTH = 20
"""Times as many characters as a conversation has, beyond MAX_CHARACTERS, that it may become: marks and escapes."""
WIDE = re.compile(r"%[-+ #0-9.]*\d{6,}|\{[^{}]*:[^{}]*\d{6,}")
"""A width in a format that asks for more blanks than MAX_NUMBER allows, or nearly."""
OPEN = re.compile(r"%[-+ #0-9.]*\*|\{[^{}]*:[^{}]*\{")
"""A width in a format that is an argument of its own, and so of any size."""
NUMBERS = frozenset({"int", "float"})
"""Filters that read a number from text."""
WIDTHS = frozenset({"center", "indent", "ljust", "rjust", "zfill", "expandtabs", "tojson"})
"""Filters and methods that write as many blanks, or zeros, as they are told."""
FORMATS = frozenset({"format", "format_map"})
MAX_DIGITS = 6
"""Digits of a text that may be read as a number."""


class _Generation(Extension):
    """Reads `{% generation %}` as transformers does: what stands in it is rendered as it is."""

    tags = {"generation"}  # the type that jinja declares

    def parse(self, parser: Parser) -> list[nodes.Node]:
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def unbounded(source: str) -> str | None:
    """What in the template could cost more than its lines tell, or differ from time to time; None where nothing does.

    One expression can make a text of any length (`'x' * 10 ** 9`), before anything that counts lines sees it. Raises
    jinja2.TemplateSyntaxError for a source that is no template.
    """
    extensions: list[str | type[Extension]] = [_Generation, "jinja2.ext.loopcontrols"]
    tree = Environment(extensions=extensions, autoescape=False).parse(source)  # noqa: S701  # a chat is plain text
    for node in tree.find_all((nodes.Pow, nodes.Mul, nodes.Mod, nodes.Const, nodes.Filter, nodes.Call, nodes.Name)):
        fault = _fault(node)
        if fault:
            return f"{fault} in line {node.lineno}"
    return None


def _fault(node: nodes.Node) -> str | None:
    if isinstance(node, nodes.Pow) or (isinstance(node, nodes.Mul) and not _is_repetition(node)):
        return "multiplies what has no bound"
    if isinstance(node, nodes.Const):
        return "holds a number beyond all bounds" if _is_beyond(node.value) else None
    if isinstance(node, nodes.Name):
        return "writes random words" if node.name == "lipsum" else None
    if isinstance(node, nodes.Mod):
        return _format_fault(node.left) if _formats(node) else None
    if isinstance(node, nodes.Filter):
        words = {node.name, *(argument.value for argument in node.args if isinstance(argument, nodes.Const))}
        return "writes at random" if "random" in words else _width_fault(node, words, node.node)
    if isinstance(node, nodes.Call) and isinstance(node.node, nodes.Getattr | nodes.Getitem):
        return _width_fault(node, {_method(node.node)}, node.node.node)
    return None


def _width_fault(node: nodes.Filter | nodes.Call, words: set[object], of: nodes.Expr | None) -> str | None:
    """What a filter or a method of the expression `of` could make too much of; `words` are what it may be called."""
    if words & NUMBERS and not _is_short_number(of):
        return "reads a number from text"
    widths = [*node.args, *(keyword.value for keyword in node.kwargs)]
    if words & WIDTHS and not all(isinstance(width, nodes.Const) for width in widths):
        return "writes as many blanks as it computes"
    return _format_fault(of) if words & FORMATS else None


def _format_fault(text: nodes.Expr | None) -> str | None:
    known = isinstance(text, nodes.Const) and not (isinstance(text.value, str) and OPEN.search(text.value))
    return None if known else "formats with a width that it computes"


def _formats(node: nodes.Mod) -> bool:
    """Whether a `%` formats a text: it does with several values, and where a text stands before it."""
    return isinstance(node.right, nodes.Tuple) or _is_text(node.left)


def _is_text(node: nodes.Expr) -> bool:
    """Whether an expression is a text that is written out, or put together."""
    if isinstance(node, nodes.Const):
        return isinstance(node.value, str)
    if isinstance(node, nodes.Add):
        return _is_text(node.left) or _is_text(node.right)
    return isinstance(node, nodes.Concat)


def _method(node: nodes.Getattr | nodes.Getitem) -> object:
    """The name of what is called, where it is written out."""
    if isinstance(node, nodes.Getattr):
        return node.attr
    return node.arg.value if isinstance(node.arg, nodes.Const) else None


def _is_short_number(node: nodes.Expr | None) -> bool:
    """Whether a number is written out, or a text of so few digits that it reads as no large one."""
    if not isinstance(node, nodes.Const):
        return False
    return not isinstance(node.value, str) or (len(node.value) <= MAX_DIGITS and "e" not in node.value.lower())


def _is_repetition(node: nodes.Mul) -> bool:
    """Whether a short constant, or a small number, is taken so many times as a variable or a constant says."""
    sides = (node.left, node.right)
    return any(_is_short(side) and _is_count(other) for side, other in (sides, sides[::-1]))


def _is_short(side: nodes.Expr) -> bool:
    if not isinstance(side, nodes.Const):
        return False
    return len(side.value) <= MAX_REPEATED if isinstance(side.value, str) else isinstance(side.value, int)


def _is_count(side: nodes.Expr) -> bool:
    """Whether an expression is a number of at most a few times MAX_NUMBER, or a text that a number is asked of."""
    if isinstance(side, nodes.Const):
        return isinstance(side.value, int) or (isinstance(side.value, str) and len(side.value) <= MAX_REPEATED)
    if isinstance(side, nodes.Add | nodes.Sub):
        return _is_count(side.left) and _is_count(side.right)
    return isinstance(side, nodes.Name | nodes.Getattr)


def _is_beyond(value: object) -> bool:
    if isinstance(value, str):
        return WIDE.search(value) is not None
    return isinstance(value, int | float) and abs(value) > MAX_NUMBER


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Raises TimeoutError inside the block once a template ran MAX_LINES lines in this thread, or holds more in a
    variable than MAX_HELD and MAX_NUMBER allow.
    """
    left = MAX_LINES

    def count(frame: FrameType, event: str, _argument: object) -> Any:
        nonlocal left
        if frame.f_code.co_filename != TEMPLATE_FILE:
            return None
        left -= event == "line"
        if left < 0:
            raise TimeoutError(f"it was still running after {MAX_LINES:,} lines: it loops without bound")
        if any(_is_large(value) for value in frame.f_locals.values()):
            raise TimeoutError(f"it held a text of more than {MAX_HELD:,} characters, or as large a number")
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        yield
    finally:
        sys.settrace(before)


def _is_large(value: object, depth: int = 0) -> bool:
    """Whether a variable, or something within it, is larger than a short conversation needs."""
    if isinstance(value, Namespace):
        value = object.__getattribute__(value, "_Namespace__attrs")
    if isinstance(value, bool) or depth > MAX_DEPTH:
        return False
    if isinstance(value, int | float):
        return abs(value) > MAX_NUMBER
    if isinstance(value, str):
        return len(value) > MAX_HELD
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list | tuple):
        return False
    return len(value) > MAX_HELD or any(_is_large(item, depth + 1) for item in value)
