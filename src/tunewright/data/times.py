"""The time column as instants that can be ordered."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tunewright.data.faults import Fault, data_error

if TYPE_CHECKING:
    import polars as pl

_EPOCH = re.compile(r"-?\d{9,10}(\.\d+)?")
_EPOCH_MS = re.compile(r"-?\d{12,13}")
_YEAR_FIRST = re.compile(r"(\d{4})[/.](\d{1,2})[/.](\d{1,2})(.*)", re.DOTALL)


def instant(text: str) -> float:
    """Seconds since 1970 of an ISO 8601 date or time (UTC unless it says otherwise) or of Unix time itself.

    Raises ValueError for anything else: day-first and month-first dates cannot be told apart.
    """
    text = text.strip()
    if _EPOCH.fullmatch(text):
        return float(text)
    if _EPOCH_MS.fullmatch(text):
        return float(text) / 1000
    slashed = _YEAR_FIRST.fullmatch(text)
    if slashed:
        text = f"{slashed[1]}-{int(slashed[2]):02}-{int(slashed[3]):02}{slashed[4]}"
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def instants(rows: pl.DataFrame) -> list[float]:
    """The instant of each row. Raises DataError listing every row whose time is absent or cannot be read."""
    found: list[float] = []
    faults: list[Fault] = []
    for source, line, given in rows.select("source", "line", "time").iter_rows():
        try:
            found.append(instant(given or ""))
        except ValueError:
            faults.append(Fault(source, line, f"time {given!r}" if given and given.strip() else "has no time"))
    if faults:
        raise data_error(
            faults,
            what="have no readable time, and split.kind is 'time'",
            expected="ISO 8601, such as 2024-03-31 or 2024-03-31T14:05:00+02:00, or Unix time",
            remedy="rewrite these times, or use another split",
        )
    return found
