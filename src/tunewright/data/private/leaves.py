"""The texts inside a row's fields: the field itself, or the strings of the JSON that it holds."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

JSON_COLUMNS = frozenset({"messages", "meta", "before"})
LONG_NUMBER = 10**6
"""A number in JSON below this is no number of anybody's."""


def leaves(column: str, value: str) -> list[str]:
    """The texts of a field, in their order."""
    found: list[str] = []

    def keep(text: str) -> str:
        found.append(text)
        return text

    rewritten(column, value, keep)
    return found


def columns_of(meta: str) -> list[str]:
    """The column that each text of a row's other columns (`meta`) stands in, in the order of `leaves`."""
    return [name for name, held in json.loads(meta).items() for _ in leaves("meta", json.dumps(held))]


def rewritten(column: str, value: str, change: Callable[[str], str]) -> str:
    """The field with each of its texts changed, which are taken in the order of `leaves`."""
    if column not in JSON_COLUMNS:
        return change(value)
    return json.dumps(_walked(json.loads(value), change), ensure_ascii=False)


def _walked(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {name: _walked(held, change) for name, held in value.items()}
    if isinstance(value, list):
        return [_walked(held, change) for held in value]
    if isinstance(value, int) and value >= LONG_NUMBER:
        changed = change(str(value))
        return value if changed == str(value) else changed
    return value
