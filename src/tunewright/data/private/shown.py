"""What people are shown, without secrets: findings, errors, and all records of an audit or a report."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, TypeVar

import polars as pl

from tunewright.core.errors import TunewrightError
from tunewright.data.private.find import find_spans
from tunewright.data.private.mask import Placeholders, numbered
from tunewright.data.private.scan import FoundInColumn
from tunewright.data.private.secrets import SECRETS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Record = TypeVar("Record")
COLUMN = "text"
SECRET = frozenset({"secret"})


def shielded(record: Record) -> Record:
    """The record with `<SECRET>` for each secret in its texts, however deep: in dataclasses, tuples, lists, mappings.

    Where it holds several, each has a number, and two names that differ still do. A secret that was cut or parted from
    the words that give it away is not known for one: texts are shielded before they are shortened.
    """
    texts: dict[str, str] = {}
    _walked(record, lambda text: texts.setdefault(text, text))
    column = pl.Series(COLUMN, list(texts), dtype=pl.String)
    found = _found(column)
    if not found.rows:
        return record
    several = numbered([(column, found)], SECRET, ())
    placeholders = several if len(several.numbers) > 1 else Placeholders(SECRET)
    safe = dict(zip(texts, placeholders.masked(column, found), strict=True))
    told: Record = _walked(record, safe.__getitem__)
    return told


def shielded_texts(texts: pl.Series) -> pl.Series:
    """The texts, whole, with `<SECRET>` for each secret: their words and excerpts may be shown."""
    return Placeholders(SECRET).masked(texts, _found(texts))


@contextmanager
def shielded_errors() -> Iterator[None]:
    """Errors that a user can act on leave without secrets, which cells that they quote may hold."""
    try:
        yield
    except TunewrightError as fault:
        fault.problems = fault.args = shielded(fault.problems)
        raise


def _found(texts: pl.Series) -> FoundInColumn:
    return FoundInColumn(COLUMN, {row: (spans,) for row, spans in find_spans(texts, SECRETS).items()})


def _walked(value: Any, change: Callable[[str], str]) -> Any:
    """The value with its texts changed; the very value where none is."""
    if isinstance(value, str):
        return value if isinstance(value, Enum) else change(value)
    if isinstance(value, Mapping):
        held = {_walked(name, change): _walked(each, change) for name, each in value.items()}
        return held if held != value else value
    if isinstance(value, tuple | list):
        parts = [_walked(each, change) for each in value]
        return value if all(a is b for a, b in zip(parts, value, strict=True)) else type(value)(parts)
    if is_dataclass(value) and not isinstance(value, type):
        held = {field.name: getattr(value, field.name) for field in fields(value)}
        changed = {name: new for name, old in held.items() if (new := _walked(old, change)) is not old}
        return replace(value, **changed) if changed else value
    return value
