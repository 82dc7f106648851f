"""Faults of single records, gathered in one pass and told together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

SHOWN = 20


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one record."""

    source: str
    line: int
    """Line from 1 where the record begins; the record's number where a file has no lines."""
    message: str
    remedy: str = ""

    @property
    def place(self) -> str:
        """The record as people find it, such as `tickets.csv:17`."""
        return at(self.source, self.line)


def at(source: str, line: int) -> str:
    """A record's place in words, such as `tickets.csv:17`."""
    return f"{source}:{line}"


def places(rows: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """The places of the first 20 rows, given as source and line."""
    return tuple(at(source, line) for source, line in list(rows)[:SHOWN])


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 row`, `2,300 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def data_error(faults: Sequence[Fault], *, what: str, expected: str = "", remedy: str = "") -> DataError:
    """The error that lists the faults in the order given: a sum first, then at most 20 of them, each with its line.

    `what` finishes the sentence "12 records …".
    """
    assert faults
    if len(faults) == 1:
        only = faults[0]
        return DataError(Problem(only.place, only.message, expected, only.remedy or remedy))
    shown = faults[:SHOWN]
    sources = ", ".join(dict.fromkeys(fault.source for fault in faults))
    more = f"; the first {SHOWN} are listed" if len(faults) > SHOWN else ""
    head = Problem(sources, f"{counted(len(faults), 'record')} {what}{more}", expected, remedy)
    return DataError(head, *(Problem(f.place, f.message, remedy=f.remedy) for f in shown))
