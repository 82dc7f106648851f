"""A reviewed list of label issues, followed: every decision is checked against the rows that it speaks of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from tunewright.core.errors import DataError, Problem, did_you_mean
from tunewright.data.faults import Fault, at, counted, data_error
from tunewright.data.frame import LINE
from tunewright.data.keys import content_key
from tunewright.data.read import read_table
from tunewright.data.sift import amend, record, sift
from tunewright.recipe.data import DataSpec
from tunewright.recipe.label_issues import Relabel, review_files

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tunewright.data.read import RawTable
    from tunewright.recipe.label_issues import DropMislabelled

RULE = "label_review"
KEEP, DROP = "keep", "drop"
COLUMNS = ("row_id", "text", "label", "decision")
"""What of a reviewed file is read; the others are for the reader."""
EXCERPT = 60
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that spreadsheet programs take for a formula (OWASP, CSV injection)."""
REMEDY = "list them anew with `tunewright labels`, or correct these decisions"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The rows as the review leaves them."""

    rows: pl.DataFrame
    record: pl.DataFrame
    """The rows that it changed or dropped, in DROPPED_COLUMNS."""


@dataclass(frozen=True, slots=True)
class _Decision:
    """One line of a reviewed file that decides something."""

    line: int
    row_id: str
    text: str
    label: str
    verdict: str
    """`keep`, `drop` or a label."""


def follow_review(rows: pl.DataFrame, spec: Relabel | DropMislabelled | None, *, folder: Path) -> Reviewed:
    """The rows as the reviewed files say, each file upon the one before; lines without a decision say nothing.

    Raises DataError, listing each decision with its line, where one is of no row, of another text or label than the row
    has, of a row of the user's own test file, or is neither `keep` nor `drop` nor a known label.
    """
    recorded = [record(rows.clear(), rule="", action="")]
    for file in review_files(spec):
        table = read_table(file, folder=folder, spec=DataSpec(train=file))
        decisions = _decisions(table)
        _require_current(decisions, rows, table.source)
        verdicts = {d.row_id: d.verdict for d in decisions if d.verdict not in {KEEP, d.label}}
        if not isinstance(spec, Relabel):
            verdicts = dict.fromkeys(verdicts, DROP)
        followed = _followed(rows, verdicts)
        rows = followed.rows
        recorded.append(followed.record)
    return Reviewed(rows, pl.concat(recorded))


def shown_text(text: str) -> str:
    """A text as a cell that no spreadsheet program carries out; `said_text` gives it back."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def said_text(cell: str) -> str:
    """The text that `shown_text` made the cell of."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell


def _followed(rows: pl.DataFrame, verdicts: Mapping[str, str]) -> Reviewed:
    leaving = [row for row, verdict in verdicts.items() if verdict == DROP]
    sifted = sift(rows, keep=~pl.col("row_id").is_in(leaving), reason=RULE)
    labels = {row: verdict for row, verdict in verdicts.items() if verdict != DROP}
    named = zip(sifted.kept["row_id"], sifted.kept["target"], strict=True)
    targets = pl.Series("target", [labels.get(row, label) for row, label in named], dtype=pl.String)
    amended = amend(sifted.kept, targets, rule=RULE)
    return Reviewed(amended.rows, pl.concat([sifted.dropped, amended.changes]))


def _decisions(table: RawTable) -> list[_Decision]:
    """The lines of the file that decide something. Raises DataError for a file without the columns."""
    absent = [name for name in COLUMNS if name not in table.frame.columns]
    if absent:
        found = [name for name in table.frame.columns if name != LINE]
        given = f"has no column {', '.join(map(repr, absent))}{did_you_mean(absent[0], found)}"
        expected = f"the columns {', '.join(COLUMNS)}, as `tunewright labels` writes them"
        raise DataError(Problem(table.source, given, expected, "name the reviewed file in data.label_issues.file"))
    found_rows = table.frame.select(LINE, *COLUMNS).iter_rows()
    read = [
        _Decision(int(line), *map(_word, (row, text, label, verdict))) for line, row, text, label, verdict in found_rows
    ]
    return [decision for decision in read if decision.verdict]


def _word(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _require_current(decisions: Sequence[_Decision], rows: pl.DataFrame, source: str) -> None:
    """Raises DataError listing the decisions that do not speak of these rows."""
    labels = {label for label in rows["target"].unique() if label is not None}
    clash = sorted(labels & {KEEP, DROP})
    if decisions and clash:
        given = f"{' and '.join(map(repr, clash))} can be a decision or a label"
        remedy = "give these labels other names with `data.label_map`, and list the issues anew"
        raise DataError(Problem(source, given, "labels of other names", remedy))
    known = {row["row_id"]: row for row in _rows_of(decisions, rows)}
    seen: dict[str, int] = {}
    faults = []
    for decision in decisions:
        message = _fault(decision, known.get(decision.row_id), labels)
        if message is None and decision.row_id in seen:
            message = f"decides on the row of line {seen[decision.row_id]:,} again"
        seen.setdefault(decision.row_id, decision.line)
        if message is not None:
            faults.append(Fault(source, decision.line, message))
    if faults:
        raise data_error(
            faults, what="hold decisions that do not fit the data", expected="a review of these rows", remedy=REMEDY
        )


def _rows_of(decisions: Sequence[_Decision], rows: pl.DataFrame) -> Iterator[dict[str, Any]]:
    wanted = rows.filter(pl.col("row_id").is_in([decision.row_id for decision in decisions]))
    return wanted.select("row_id", "content_key", "input", "target", "role", "source", "line").iter_rows(named=True)


def _fault(decision: _Decision, row: Mapping[str, Any] | None, labels: set[str]) -> str | None:
    """What keeps a decision from being followed."""
    if row is None:
        return f"no row has the id {decision.row_id!r}: the data file has changed, or it is another one"
    place = at(row["source"], row["line"])
    if row["role"] == "test":
        return f"{place} is of your own test file, which is never edited"
    if content_key(said_text(decision.text)) != row["content_key"]:
        return f"{place} now says {row['input'][:EXCERPT]!r}, the review {decision.text[:EXCERPT]!r}"
    if decision.label != row["target"]:
        return f"{place} is now labelled {row['target']!r}, the review says {decision.label!r}"
    if decision.verdict in {KEEP, DROP} or decision.verdict in labels:
        return None
    expected = f"{KEEP}, {DROP} and the {counted(len(labels), 'label')}"
    near = did_you_mean(decision.verdict, [*labels, KEEP, DROP])
    return f"the decision {decision.verdict!r} is none of {expected}{near}"
