"""Paths into nested records, such as `ticket.body.text` or `labels[0]`: read, walked and found."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Step = str | int
"""A key of an object, or the number from 0 of a list's item."""
DEEPEST = 8
MOST_KEYS = 200
"""Different keys of one object that are looked at: more are values, not names."""
_FORM = re.compile(r"[^.\[\]]+(\[\d{1,6}\])*(\.[^.\[\]]+(\[\d{1,6}\])*)*")
_STEP = re.compile(r"\[(\d+)\]|[^.\[\]]+")


def steps_of(path: str) -> tuple[Step, ...]:
    """The steps of a path; none for a text that is no path."""
    if _FORM.fullmatch(path) is None:
        return ()
    return tuple(int(match[1]) if match[1] else match[0] for match in _STEP.finditer(path))


def path_of(steps: Iterable[Step]) -> str:
    """The path of these steps, as it is written."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)
    return text.removeprefix(".")


def last_key(name: str) -> str:
    """The last key of a path, which says what stands there; a name that is no path as it is."""
    keys = [step for step in steps_of(name) if isinstance(step, str)]
    return keys[-1] if keys else name


def walked(value: Any, steps: Sequence[Step]) -> Any:
    """What stands at the end of the steps; nothing where one of them is not there."""
    for step in steps:
        if isinstance(step, int):
            value = value[step] if isinstance(value, list) and step < len(value) else None
        else:
            value = value.get(step) if isinstance(value, dict) else None
        if value is None:
            return None
    return value


def astray(values: Sequence[Any], root: str, steps: Sequence[Step]) -> str:
    """Where the steps leave all of these values, in words, with the nearest path; empty where one has them all."""
    held = [value for value in values if value is not None]
    for at, step in enumerate(steps):
        onward = [found for value in held if (found := walked(value, (step,))) is not None]
        if not onward:
            return _nothing_there(held, (root, *steps[:at]), step)
        held = onward
    return ""


def _nothing_there(held: Sequence[Any], before: Sequence[Step], step: Step) -> str:
    keys = list(dict.fromkeys(key for value in held[:1000] if isinstance(value, dict) for key in value))
    place = path_of(before)
    if isinstance(step, str) and keys:
        near = did_you_mean(step, keys[:MOST_KEYS]).replace("did you mean '", f"did you mean '{place}.")
        return f"{place!r} has no key {step!r}{near}; it has {', '.join(map(repr, keys[:12]))}"
    if isinstance(step, int) and any(isinstance(value, list) for value in held):
        return f"no list of {place!r} has an item {step}"
    return f"{place!r} is no {'list' if isinstance(step, int) else 'object'}"


def leaves(values: Sequence[Any], root: str) -> list[str]:
    """The paths to single values inside objects, and to the item of lists of one; none for a flat column."""
    found: dict[str, None] = {}
    for value in values:
        if isinstance(value, dict | list):
            found |= dict.fromkeys(_below(value, (root,)))
        if len(found) > MOST_KEYS:
            return []
    return list(found)


def _below(value: Any, steps: tuple[Step, ...]) -> list[str]:
    if isinstance(value, dict):
        if len(steps) >= DEEPEST:
            return []
        named = [(key, held) for key, held in value.items() if steps_of(key) == (key,)]
        return [path for key, held in named for path in _below(held, (*steps, key))]
    if isinstance(value, list):
        return [path_of((*steps, 0))] if len(value) == 1 and not isinstance(value[0], list | dict) else []
    return [path_of(steps)] if value is not None else []


def record_lists(value: Any, steps: tuple[Step, ...] = ()) -> list[str]:
    """The paths to lists of objects inside a document's object, the outermost alone."""
    if isinstance(value, list):
        records = bool(value) and all(isinstance(item, dict) for item in value)
        return [path_of(steps)] if records and steps else []
    if not isinstance(value, dict) or len(steps) >= DEEPEST:
        return []
    named = [(key, held) for key, held in list(value.items())[:MOST_KEYS] if steps_of(key) == (key,)]
    return [path for key, held in named for path in record_lists(held, (*steps, key))]
