"""Faults of single records, gathered in one pass and told together."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import polars as pl

SHOWN = 20
"""Most entries of an error."""
ALIKE = 3
"""Faults of one kind that are listed one by one."""
LINES = 8
"""Of the others, the lines that are named."""
DETAIL = re.compile(r"'[^']*'|\"[^\"]*\"|\d[\d,.]*")
"""What may differ between faults of a kind: names between quotation marks, and numbers."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with one record."""

    source: str
    line: int
    """Line from 1 where the record begins; the record's number where a file has no lines."""
    message: str
    remedy: str = ""
    numbered: bool = False
    """Whether `line` is the record's number, since several records stand on one line, or none on a line."""

    @property
    def place(self) -> str:
        """The record as people find it, such as `tickets.csv:17` or `tickets.json, record 17`."""
        return f"{self.source}, record {self.line:,}" if self.numbered else at(self.source, self.line)

    @property
    def kind(self) -> tuple[str, str, str]:
        """Equal for faults that differ in names and numbers alone."""
        return self.source, DETAIL.sub("…", self.message), self.remedy


def at(source: str, line: int) -> str:
    """A record's place in words, such as `tickets.csv:17`."""
    return f"{source}:{line}"


def places(rows: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """The places of the first 20 rows, given as source and line."""
    return tuple(at(source, line) for source, line in list(rows)[:SHOWN])


def places_of(rows: pl.DataFrame) -> tuple[str, ...]:
    """The places of the first 20 rows of a frame with `source` and `line`."""
    return places(rows.select("source", "line").iter_rows())


def counted(count: int, one: str, many: str = "") -> str:
    """A count with its noun: `1 row`, `2,300 rows`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def data_error(faults: Sequence[Fault], *, what: str, expected: str = "", remedy: str = "") -> DataError:
    """The error that lists the faults in the order given: a sum first, then the first of each kind with their places,
    and how many more there are of it; 20 entries at most.

    `what` finishes the sentence "12 records …".
    """
    assert faults
    if len(faults) == 1:
        only = faults[0]
        return DataError(Problem(only.place, only.message, expected, only.remedy or remedy))
    kinds: dict[tuple[str, str, str], list[int]] = {}
    for number, fault in enumerate(faults):
        kinds.setdefault(fault.kind, []).append(number)
    found = [entry for numbers in kinds.values() for entry in _listed(faults, numbers)]
    listed = [problem for _, problem in sorted(found, key=lambda entry: entry[0])]
    sources = ", ".join(dict.fromkeys(fault.source for fault in faults))
    more = f"; {SHOWN} are listed" if len(listed) > SHOWN else ""
    unlisted = len(faults) - sum(problem.count for problem in listed[:SHOWN])
    head = Problem(sources, f"{counted(len(faults), 'record')} {what}{more}", expected, remedy, count=unlisted)
    return DataError(head, *listed[:SHOWN])


def _listed(faults: Sequence[Fault], numbers: Sequence[int]) -> Iterator[tuple[int, Problem]]:
    """The first faults of a kind, each with its place; of the others their number and the first of their lines.

    Each entry comes with the number of the fault that it begins with.
    """
    few = numbers if len(numbers) <= ALIKE + 1 else numbers[:ALIKE]
    for number in few:
        fault = faults[number]
        yield number, Problem(fault.place, fault.message, remedy=fault.remedy)
    others = [faults[number] for number in numbers[len(few) :]]
    if others:
        first, word = others[0], "record" if others[0].numbered else "line"
        shown = ", ".join(f"{fault.line:,}" for fault in others[:LINES])
        more = f" and {len(others) - LINES:,} more" if len(others) > LINES else ""
        said = f"{len(others):,} others of this kind: {word} {shown}{more}"
        yield numbers[len(few)], Problem(first.source, said, count=len(others))
