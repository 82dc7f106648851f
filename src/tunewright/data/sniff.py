"""A first look at a data file: what it is, which columns matter and why. Proposals for a person to confirm."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping  # noqa: TC003  # a type of the frozen record below
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tunewright.data.csv_table import sniff_delimiter
from tunewright.data.decode import decode, detect_encoding
from tunewright.data.describe import SniffedColumn, describe, shown
from tunewright.data.faults import counted
from tunewright.data.frame import LINE
from tunewright.data.hub import HUB
from tunewright.data.labels import propose_label_map
from tunewright.data.missing import is_missing_label
from tunewright.data.propose import Proposal, propose
from tunewright.data.read import RawTable, read_table
from tunewright.data.times import instant
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

    import polars as pl

_LOST = "\ufffd"
_C1 = re.compile("[\x80-\x84\x86-\x9f]")


@dataclass(frozen=True, slots=True)
class Sniffed:
    """What a first look found."""

    source: str
    format: str
    encoding: str
    """Empty for binary formats."""
    write_encoding: bool
    """Whether the recipe must name the encoding, because `auto` refuses it."""
    delimiter: str | None
    rows: int
    splits: tuple[str, ...]
    """Splits that the source itself holds."""
    columns: tuple[SniffedColumn, ...]
    input: Proposal | None
    target: Proposal | None
    group: Proposal | None
    time: Proposal | None
    id: Proposal | None
    task: Literal["classification"] | None
    task_reason: str
    alternatives: tuple[str, ...]
    """Other readings of the columns or the task, one sentence each."""
    labels: Mapping[str, int]
    """Rows of each label as written, most frequent first; empty where no label column is proposed."""
    label_map: Mapping[str, str]
    """Spelling variants of labels and what they probably mean."""
    warnings: tuple[str, ...]


def sniff(source: Path | str, *, folder: Path | None = None) -> Sniffed:
    """The proposals for a file, a data set folder or a `hub:` name. Raises DataError when it cannot be read."""
    name, base = str(source), folder or Path()
    path = base / name
    raw = path.read_bytes() if not name.startswith(HUB) and path.is_file() else b""
    encoding, by_itself = detect_encoding(raw)
    table = read_table(name, folder=base, spec=DataSpec(train=name, encoding="auto" if by_itself else encoding))
    columns = tuple(describe(table.frame[column]) for column in table.frame.columns if column != LINE)
    proposals = propose(columns)
    labels = _labels(table.frame, proposals.target)
    return Sniffed(
        source=name,
        format=table.format,
        encoding=table.encoding,
        write_encoding=bool(table.encoding) and not by_itself,
        delimiter=_delimiter(raw, table) if raw else None,
        rows=table.frame.height,
        splits=table.parts,
        columns=columns,
        input=proposals.input,
        target=proposals.target,
        group=proposals.group,
        time=proposals.time,
        id=proposals.id,
        task=proposals.task,
        task_reason=proposals.task_reason,
        alternatives=proposals.alternatives,
        labels=labels,
        label_map=propose_label_map(labels),
        warnings=tuple(_warnings(table, columns, time=proposals.time, labels=labels, by_itself=by_itself)),
    )


def _delimiter(raw: bytes, table: RawTable) -> str | None:
    if table.format not in {"csv", "tsv"}:
        return None
    return sniff_delimiter(decode(raw, name=table.source, encoding=table.encoding).text)


def _labels(frame: pl.DataFrame, target: Proposal | None) -> dict[str, int]:
    if target is None:
        return {}
    values = (shown(value) for value in frame[target.column])
    counts = Counter(value for value in values if value is not None and not is_missing_label(value))
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _warnings(
    table: RawTable,
    columns: Sequence[SniffedColumn],
    time: Proposal | None,
    labels: Mapping[str, int],
    *,
    by_itself: bool,
) -> list[str]:
    found = []
    if not by_itself:
        found.append(f"the file is not UTF-8: it was read as {table.encoding}, a guess; check the accented letters")
    unnamed = [c.name for c in columns if table.format in {"csv", "tsv"} and re.fullmatch(r"column_\d+", c.name)]
    if unnamed:
        found.append(f"{counted(len(unnamed), 'column')} without a name: {', '.join(unnamed)}")
    empty = [c.name for c in columns if c.missing_share > 0.5]
    if empty:
        found.append(f"more than half of the cells are empty in {', '.join(empty)}")
    held = [c.name for c in columns if c.distinct < 200 and c.name in c.examples]
    if held:
        found.append(f"the first line may be a record and not a header: {held[0]!r} is also a value of its column")
    found += _character_warnings(table.frame)
    if time is not None:
        unread = _unreadable_times(table.frame[time.column])
        if unread:
            found.append(f"{counted(unread, 'value')} of {time.column!r} not in ISO 8601: a split by time refuses them")
    if len(labels) == 1:
        found.append(f"all rows bear one label, {next(iter(labels))!r}: there is nothing to tell apart")
    return found


def _character_warnings(frame: pl.DataFrame) -> list[str]:
    lost = c1 = 0
    for column in frame.columns:
        for value in frame[column]:
            if isinstance(value, str):
                lost += _LOST in value
                c1 += bool(_C1.search(value))
    found = []
    if lost:
        found.append(f"{counted(lost, 'cell')} with U+FFFD: characters that an earlier conversion lost")
    if c1:
        found.append(f"{counted(c1, 'cell')} with characters U+0080 to U+009F: probably cp1252 once read as Latin-1")
    return found


def _unreadable_times(series: pl.Series) -> int:
    unread = 0
    for value in series:
        text = shown(value)
        if text is None:
            continue
        try:
            instant(text)
        except ValueError:
            unread += 1
    return unread
