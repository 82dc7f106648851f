"""Whether the text of a turn says what its calls of tools say: every argument, in whichever form a template has it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tunewright.core.conversation import Turn


def unsaid_arguments(turn: Turn, text: str) -> list[str]:
    """The arguments of the turn's calls whose values do not stand in the text, as `name of the call: argument`.

    A value may be written as JSON, as Python would write it, or bare.
    """
    return [
        f"{function.get('name')}: {argument}"
        for function in map(_function, turn.get("tool_calls") or ())
        for argument, value in _arguments(function).items()
        if not all(any(form in text for form in _forms(leaf)) for leaf in _leaves(value))
    ]


def _function(call: Any) -> Mapping[str, Any]:
    function = call.get("function", call)
    return function if isinstance(function, dict) else {}


def _arguments(function: Mapping[str, Any]) -> Mapping[str, Any]:
    found = function.get("arguments")
    return found if isinstance(found, dict) else {}


def _leaves(value: Any) -> Iterator[Any]:
    """The texts, numbers and truths that a value holds; of objects within it, their keys too."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield key
            yield from _leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from _leaves(part)
    else:
        yield value


def _forms(leaf: Any) -> set[str]:
    if not isinstance(leaf, str):
        return {json.dumps(leaf), str(leaf)}
    quoted = (json.dumps(leaf), json.dumps(leaf, ensure_ascii=False), repr(leaf))
    return {leaf.strip(), *(form[1:-1] for form in quoted)}
