"""Single values as the kinds of text that columns hold: nothing is guessed, and what does not fit is told."""

from __future__ import annotations

import math
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from tunewright.data.unfit import Unfit, kind_of, shown


def as_text(value: Any) -> str | None:
    """A text as it stands; null and not-a-number are missing."""
    if isinstance(value, str):
        return value
    if _is_missing(value):
        return None
    raise Unfit(f"is {kind_of(value)}, not a text: {shown(value)}", "write it in quotation marks if it is a text")


def as_label(value: Any) -> str | None:
    """A label as text: integers in digits, truth as `true` and `false`; null and non-finite numbers are missing."""
    if isinstance(value, str):
        return value
    if _is_missing(value):
        return None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float | Decimal) and value == int(value):
        return str(int(value))
    if isinstance(value, float | Decimal):
        raise Unfit(f"is the number {value}, not a label", "labels are words or whole numbers; bin the numbers first")
    remedy = "give each record one label" if isinstance(value, list) else "write the label as a word"
    raise Unfit(f"is {kind_of(value)}, not a label: {shown(value)}", remedy)


def as_name(value: Any) -> str | None:
    """A group, date or id as text; a blank one is missing: rows without a group are no group of their own."""
    if isinstance(value, str):
        return value if value.strip() else None
    if value is None:
        return None
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, list | dict | bytes):
        raise Unfit(f"is {kind_of(value)}: {shown(value)}", "write it as a word, a number or a date")
    return as_label(value) if not isinstance(value, float) or not value.is_integer() else str(int(value))


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and not math.isfinite(value))
