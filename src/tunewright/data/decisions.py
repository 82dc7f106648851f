"""What a reviewed list of labels decides: its lines, and whether each of them speaks of the rows that are here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from tunewright.core.errors import DataError, Problem, did_you_mean
from tunewright.data.faults import Fault, at, counted, data_error
from tunewright.data.frame import LINE
from tunewright.data.keys import content_key
from tunewright.data.private.redact import without_secrets

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tunewright.data.read import RawTable

KEEP, DROP = "keep", "drop"
COLUMNS = ("row_id", "text", "label", "decision")
"""What of a reviewed file is read; the others are for the reader."""
EXCERPT = 60
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that spreadsheet programs take for a formula (OWASP, CSV injection)."""
REMEDY = "list them anew with `tunewright labels`, or correct these decisions"


@dataclass(frozen=True, slots=True)
class Decision:
    """One line of a reviewed file that decides something."""

    line: int
    row_id: str
    text: str
    label: str
    verdict: str
    """`keep`, `drop` or a label."""

    @property
    def key(self) -> str:
        """The content key of the text that was judged."""
        return content_key(said_text(self.text))

    def outcome(self, *, relabels: bool) -> str:
        """What becomes of the rows: `keep`, `drop`, or the label that they get where the recipe relabels."""
        if self.verdict in {KEEP, self.label}:
            return KEEP
        return self.verdict if relabels else DROP


@dataclass(frozen=True, slots=True)
class Known:
    """The records that decisions may speak of."""

    read: pl.DataFrame
    """Every record that was read."""
    rows: pl.DataFrame
    """Those that are still here, as they are now."""


def shown_text(text: str) -> str:
    """A text as a cell that no spreadsheet program carries out; `said_text` gives it back."""
    return f"'{text}" if text.lstrip("'").startswith(FORMULA) else text


def said_text(cell: str) -> str:
    """The text that `shown_text` made the cell of."""
    return cell[1:] if cell.startswith("'") and cell.lstrip("'").startswith(FORMULA) else cell


def read_decisions(table: RawTable) -> list[Decision]:
    """The lines of the file that decide something. Raises DataError for a file without the columns."""
    absent = [name for name in COLUMNS if name not in table.frame.columns]
    if absent:
        found = [name for name in table.frame.columns if name != LINE]
        given = f"has no column {', '.join(map(repr, absent))}{did_you_mean(absent[0], found)}"
        expected = f"the columns {', '.join(COLUMNS)}, as `tunewright labels` writes them"
        raise DataError(Problem(table.source, given, expected, "name the reviewed file in data.label_issues.file"))
    found_rows = table.frame.select(LINE, *COLUMNS).iter_rows()
    read = [
        Decision(int(line), *map(_word, (row, text, label, verdict))) for line, row, text, label, verdict in found_rows
    ]
    return [decision for decision in read if decision.verdict]


def roles_of(decisions: Sequence[Decision], read: pl.DataFrame) -> dict[str, str]:
    """The row ids that decisions name and that were read, each with the role of its file."""
    wanted = read.filter(_named_by(decisions)).select("row_id", "role")
    return dict(wanted.iter_rows())


def require_current(decisions: Sequence[Decision], known: Known, source: str, *, relabels: bool) -> None:
    """Raises DataError listing the decisions that do not speak of these rows, or speak against one another."""
    labels = {label for label in known.rows["target"].unique() if label is not None}
    clash = sorted(labels & {KEEP, DROP})
    if decisions and clash:
        given = f"{' and '.join(map(repr, clash))} can be a decision or a label"
        remedy = "give these labels other names with `data.label_map`, and list the issues anew"
        raise DataError(Problem(source, given, "labels of other names", remedy))
    opposed = _opposed(decisions, roles_of(decisions, known.read), relabels=relabels)
    messages = dict(opposed) | dict(_repeated(decisions)) | dict(_stale(decisions, known, labels))
    if messages:
        faults = [Fault(source, line, messages[line]) for line in sorted(messages)]
        raise data_error(
            faults, what="hold decisions that do not fit the data", expected="a review of these rows", remedy=REMEDY
        )


def _word(value: Any) -> str:
    return "" if value is None else str(value).strip()


def _quoted(text: str) -> str:
    """The beginning of a text between quotation marks, without secrets: messages go to terminals and logs."""
    return repr(without_secrets(text)[:EXCERPT])


def _named_by(decisions: Sequence[Decision]) -> pl.Expr:
    return pl.col("row_id").is_in([decision.row_id for decision in decisions])


def _repeated(decisions: Sequence[Decision]) -> Iterator[tuple[int, str]]:
    """Lines that decide on the row of an earlier one."""
    seen: dict[str, int] = {}
    for decision in decisions:
        if decision.row_id in seen:
            yield decision.line, f"decides on the row of line {seen[decision.row_id]:,} again"
        seen.setdefault(decision.row_id, decision.line)


def _opposed(decisions: Sequence[Decision], roles: Mapping[str, str], *, relabels: bool) -> Iterator[tuple[int, str]]:
    """Lines that say of one text and label what an earlier line does not, or give back what another one takes.

    A decision holds for every row of the file that says the same, so two of them must agree.
    """
    first: dict[tuple[str | None, str, str], tuple[int, str]] = {}
    for decision in decisions:
        outcome = decision.outcome(relabels=relabels)
        line, earlier = first.setdefault(
            (roles.get(decision.row_id), decision.key, decision.label), (decision.line, outcome)
        )
        if outcome != earlier:
            yield decision.line, f"says {outcome!r}, and line {line:,} {earlier!r} of the same text and label"
    for decision in decisions:
        outcome = decision.outcome(relabels=relabels)
        line, other = first.get((roles.get(decision.row_id), decision.key, outcome), (0, KEEP))
        if other != KEEP:
            yield decision.line, f"gives the text the label {outcome!r}, which line {line:,} takes from it"


def _stale(decisions: Sequence[Decision], known: Known, labels: set[str]) -> Iterator[tuple[int, str]]:
    """Lines that cannot be followed for what they say of their own row."""
    read, here = (
        {row["row_id"]: row for row in frame.filter(_named_by(decisions)).iter_rows(named=True)}
        for frame in (known.read.select("row_id", "role", "source", "line"), known.rows)
    )
    for decision in decisions:
        message = _fault(decision, read.get(decision.row_id), here.get(decision.row_id)) or _unknown(decision, labels)
        if message is not None:
            yield decision.line, message


def _fault(decision: Decision, read: Mapping[str, Any] | None, row: Mapping[str, Any] | None) -> str | None:
    """Why the row, as it was read and as it is now (None where it has left), is not the one that was judged."""
    if read is None:
        return f"no row has the id {_quoted(decision.row_id)}: the data file has changed, or it is another one"
    place = at(read["source"], read["line"])
    if read["role"] == "test":
        return f"{place} is of your own test file, which is never edited"
    if row is None:
        return None
    if decision.key != row["content_key"]:
        return f"{place} now says {_quoted(row['input'])}, the review {_quoted(decision.text)}"
    if decision.label != row["target"]:
        return f"{place} is now labelled {row['target']!r}, the review says {_quoted(decision.label)}"
    return None


def _unknown(decision: Decision, labels: set[str]) -> str | None:
    """That the verdict is no word of a review."""
    if decision.verdict in {KEEP, DROP, decision.label} or decision.verdict in labels:
        return None
    expected = f"{KEEP}, {DROP} and the {counted(len(labels), 'label')}"
    near = did_you_mean(decision.verdict, [*labels, KEEP, DROP])
    return f"the decision {_quoted(decision.verdict)} is none of {expected}{near}"
