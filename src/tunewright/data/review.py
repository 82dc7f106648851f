"""A reviewed list of label issues, followed: what it decides on a row holds for every row that says the same."""

from __future__ import annotations

from collections.abc import Sequence  # noqa: TC003  # a type of the frozen record below
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import DataError, Problem
from tunewright.core.rows import Finding
from tunewright.data.decisions import DROP, KEEP, Known, read_decisions, require_current, roles_of
from tunewright.data.faults import counted, places
from tunewright.data.read import read_table
from tunewright.data.sift import amend, record, sift
from tunewright.recipe.data import DataSpec
from tunewright.recipe.label_issues import Relabel, review_files

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.data.decisions import Decision
    from tunewright.data.freeze import TestPlan
    from tunewright.recipe.label_issues import DropMislabelled

RULE = "label_review"
SAID = ("role", "content_key", "target")
"""What a decision speaks of: a text of one file under one label."""


@dataclass(frozen=True, slots=True)
class Reviewed:
    """The rows as the review leaves them."""

    rows: pl.DataFrame
    record: pl.DataFrame
    """The rows that it changed or dropped, in DROPPED_COLUMNS."""
    findings: tuple[Finding, ...] = ()


def require_frozen_test(spec: Relabel | DropMislabelled | None, plan: TestPlan) -> None:
    """Raises DataError where a review would have a say in which rows are drawn for the test: labels are its quotas.

    A test file of the user's own is not drawn, and a reason for a new test asks for one of the reviewed rows.
    """
    if spec is None or plan.settings.kind == "file" or plan.held is not None or plan.refreeze is not None:
        return
    given = f"is to be followed, and {plan.path.name} holds no test of {plan.name!r} yet: a review would move its rows"
    remedy = "run `tunewright prepare` without it first (`data.label_issues=null` behind the recipe)"
    raise DataError(Problem("data.label_issues", given, "a test that is frozen before labels are reviewed", remedy))


def follow_review(
    rows: pl.DataFrame,
    spec: Relabel | DropMislabelled | None,
    *,
    folder: Path,
    read: pl.DataFrame,
    left: Sequence[pl.DataFrame] = (),
) -> Reviewed:
    """The rows as the reviewed files say, each file upon the one before; lines without a decision say nothing.

    What is decided on a row holds for all rows of its file with its text (by content key) and its label: afterwards
    none says what was dropped, or bears the label that was replaced. `read` are all records, and `left` is the record
    of those that are not among the rows: decisions on them are met, and a finding names the labels that nobody gets.
    Raises DataError, listing each decision with its line, where one is of no record, of another text or label than the
    row has, of a row of the user's own test file, at odds with another one, or is neither `keep` nor `drop` nor a
    known label.
    """
    ledger, recorded = [*left], [record(rows.clear(), rule="", action="")]
    findings: list[Finding] = []
    relabels = isinstance(spec, Relabel)
    for file in review_files(spec):
        table = read_table(file, folder=folder, spec=DataSpec(train=file))
        decisions = read_decisions(table)
        require_current(decisions, Known(read, rows), table.source, relabels=relabels)
        outcomes = _outcomes(decisions, roles_of(decisions, read), relabels=relabels)
        findings += _of_none(outcomes, rows, table.source, left=ledger)
        followed = _followed(rows, outcomes)
        rows = followed.rows
        recorded.append(followed.record)
        ledger.append(followed.record)
    return Reviewed(rows, pl.concat(recorded), tuple(findings))


def _outcomes(decisions: Sequence[Decision], roles: dict[str, str], *, relabels: bool) -> pl.DataFrame:
    """What is said, the outcome of it, and the line that says so first; what is kept is left out."""
    said = [
        (roles[d.row_id], d.key, d.label, outcome, d.row_id, d.line)
        for d in decisions
        if (outcome := d.outcome(relabels=relabels)) != KEEP
    ]
    schema = dict.fromkeys((*SAID, "outcome", "row_id"), pl.String()) | {"decided_at": pl.Int64()}
    return pl.DataFrame(said, schema=schema, orient="row").unique(SAID, keep="first", maintain_order=True)


def _followed(rows: pl.DataFrame, outcomes: pl.DataFrame) -> Reviewed:
    decided = rows.join(outcomes.select(*SAID, "outcome"), on=SAID, how="left", maintain_order="left")
    sifted = sift(decided, keep=pl.col("outcome").ne_missing(DROP), reason=RULE)
    targets = sifted.kept.select(pl.coalesce("outcome", "target").alias("target"))["target"]
    amended = amend(sifted.kept.drop("outcome"), targets, rule=RULE)
    return Reviewed(amended.rows, pl.concat([sifted.dropped, amended.changes]))


def _of_none(outcomes: pl.DataFrame, rows: pl.DataFrame, source: str, *, left: Sequence[pl.DataFrame]) -> list[Finding]:
    """A note on labels that were decided for rows that are here no more, nor another that says the same."""
    idle = outcomes.filter(pl.col("outcome") != DROP).join(rows, on=SAID, how="anti")
    if not idle.height:
        return []
    gone = pl.concat([part.filter(pl.col("action") == "dropped").select("row_id", "rule") for part in left])
    rules = gone.filter(pl.col("row_id").is_in(idle["row_id"].to_list()))["rule"].unique().sort()
    message = (
        f"{counted(idle.height, 'label')} of {source} {'is' if idle.height == 1 else 'are'} given to nobody: "
        f"the rows had left before the review ({', '.join(rules)})"
    )
    at_lines = places((source, line) for line in idle["decided_at"])
    return [Finding("label_review_left", "note", message, idle.height, at_lines)]
