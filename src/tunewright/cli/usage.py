"""What is wrong with a command line, said as everything else is: place, given, expected, remedy."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import Problem, did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typer.exceptions import TyperException

_CHOICE = re.compile(r"'.*' is not one of (?P<choices>'.*')\.", re.DOTALL)
_OUR_WORDS = ("Value error, ", "Input should be ")
"""How pydantic, by which typer reads options, opens its sentences."""


def usage_problem(fault: TyperException, verbs: Sequence[str]) -> Problem:
    """The problem, with the option, the verb or the value that was probably meant."""
    context: Any = getattr(fault, "ctx", None)
    verb = context.info_name if context is not None and context.parent is not None else None
    shown = f"tunewright {verb} --help" if verb else "tunewright --help"
    remedy = f"`{shown}` lists what it takes, with examples"
    refused = _refused_value(fault)
    if refused is not None:
        place, given, expected = refused
        return Problem(place, given, expected, remedy)
    message, expected = fault.format_message(), ""
    option: str | None = getattr(fault, "option_name", None)
    if option is not None and hasattr(fault, "possibilities"):  # typer's mark of an option that is not there
        known = [name for parameter in context.command.params for name in parameter.opts] + ["--help"]
        message = f"no such option {option!r}{did_you_mean(option, known)}"
    elif verb is None and message.startswith("No such command"):
        expected = f"one of: {', '.join(verbs)}"
    return Problem("command line", message, expected, remedy)


def _refused_value(fault: TyperException) -> tuple[str, str, str] | None:
    """Option, value and what it takes, where a value was refused; None for another fault."""
    from pydantic import ValidationError  # 50 ms that a sound command line does without

    cause, parameter = fault.__cause__, getattr(fault, "param", None)
    if not isinstance(cause, ValidationError) or parameter is None:
        return None
    first = cause.errors(include_url=False)[0]
    value, wanted = str(first["input"]), first["msg"].partition(", unable to parse")[0]
    for words in _OUR_WORDS:
        wanted = wanted.removeprefix(words)
    choice = _CHOICE.fullmatch(wanted)
    given = f"unknown value {value!r}" if choice else f"given {value!r}"
    if choice:
        choices = re.findall(r"'([^']*)'", choice["choices"])
        given, wanted = given + did_you_mean(value, choices), f"one of: {', '.join(choices)}"
    if wanted.startswith(("greater", "less")):
        wanted = f"a number {wanted}"
    return max(parameter.opts, key=len), given, wanted
