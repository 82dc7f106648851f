"""What is wrong with a template, in words that name the place: its line, or where two renderings part."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jinja2 import TemplateSyntaxError, UndefinedError

from tunewright.models.template_bounds import TEMPLATE_FILE

if TYPE_CHECKING:
    from types import TracebackType

NO_CLOCK = "'NoneType' object is not callable"
"""What a template that calls the clock, which is None here, says; there is nothing else that it could call."""
SHOWN = 24
"""Characters of a rendering that an error shows."""


def line_of(fault: Exception) -> int | None:
    """The line of the template that a fault of jinja's comes from, from 1; None where jinja does not say."""
    if isinstance(fault, TemplateSyntaxError):
        return fault.lineno
    line, trace = None, fault.__traceback__
    while trace is not None:
        line, trace = _line(trace, line), trace.tb_next
    return line


def _line(trace: TracebackType, before: int | None) -> int | None:
    return trace.tb_lineno if trace.tb_frame.f_code.co_filename == TEMPLATE_FILE else before


def refusal(name: str, fault: Exception, roles: str, line: int | None) -> tuple[str, str]:
    """What the template of this name did with such turns, and what to do about it first, if anything."""
    at = f" in line {line}" if line is not None else ""
    own = name.endswith(".jinja")
    correct = f"correct line {line} of {name}" if own and line is not None else f"correct {name}" if own else ""
    if isinstance(fault, TemplateSyntaxError):
        return f"the template {name!r} is no sound jinja{at}: {fault.message}", correct
    if str(fault) == NO_CLOCK:
        given = f"the template {name!r} writes today's date{at}: what is served tomorrow is not what was trained"
        return given, correct
    given = f"the template {name!r} refuses {roles}{at}: {fault or type(fault).__name__}"
    broken = isinstance(fault, UndefinedError | TypeError | KeyError)
    return given, correct if broken else "take such turns out of the data"


def parting(one: str, other: str) -> str:
    """Where two renderings that should begin alike part: the end of what they share, and how each goes on."""
    length = next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
    return (
        f"behind {one[max(0, length - SHOWN) : length]!r} the one goes on with {one[length : length + SHOWN]!r}, "
        f"the other with {other[length : length + SHOWN]!r}"
    )
