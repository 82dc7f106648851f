"""Reviewing never moves a row into or out of the test: what is drawn for it is frozen before labels are judged."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl
import pytest
from data_room import law, prepared, tickets, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError
from tunewright.data.keys import row_id
from tunewright.data.lock import write_lock
from tunewright.recipe.data import DataSpec, StratifiedSplit
from tunewright.recipe.label_issues import Relabel

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.data.prepare import Prepared

ROWS = tickets(120)
OTHER = {"refund": "delivery", "delivery": "refund"}
COLUMNS = ("row_id", "text", "label", "decision")
REVIEW = DataSpec(train="train.csv", label_issues=Relabel(file="reviewed.csv"))


def write_review(folder: Path, decisions: Mapping[int, str]) -> None:
    """Decisions by the record's number, from 1."""
    lines = [{"row_id": row_id("train.csv", n), **ROWS[n - 1], "decision": said} for n, said in decisions.items()]
    write_csv(folder / "reviewed.csv", lines, COLUMNS)


def frozen(folder: Path) -> Prepared:
    """The rows before any review; their test is frozen."""
    write_csv(folder / "train.csv", ROWS)
    first = prepared(folder)
    write_lock(folder / "tunewright.lock", first.lock)
    return first


def numbers(found: Prepared) -> list[int]:
    """Of the training and validation rows, counted from 1."""
    rows = pl.concat([found.splits["train"], found.splits["validation"]])
    return [line - 1 for line in rows["line"].sort()]


def test_a_review_before_the_test_is_frozen_is_refused_with_what_to_do(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", ROWS)
    write_review(tmp_path, {1: "drop"})
    with pytest.raises(DataError) as fault:
        prepared(tmp_path, REVIEW)
    (problem,) = fault.value.problems
    assert problem.place == "data.label_issues"
    assert "tunewright.lock holds no test of 'train.csv' yet" in problem.given
    assert problem.expected
    assert "tunewright prepare" in problem.remedy


@law(15)
@given(data=st.data())
def test_reviewing_never_moves_a_row_into_or_out_of_the_test(data: st.DataObject) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        before = frozen(folder)
        verdicts = st.sampled_from(["keep", "drop", *OTHER])
        chosen = data.draw(st.dictionaries(st.sampled_from(numbers(before)), verdicts, min_size=1, max_size=40))
        write_review(folder, chosen)
        after = prepared(folder, REVIEW)
        assert after.splits["test"].equals(before.splits["test"])
        assert after.lock == before.lock


def test_a_decision_on_a_frozen_row_is_refused(tmp_path: Path) -> None:
    first = frozen(tmp_path).splits["test"].row(0, named=True)
    write_review(tmp_path, {first["line"] - 1: OTHER[first["target"]]})
    with pytest.raises(DataError, match="the frozen test of"):
        prepared(tmp_path, REVIEW)


def test_a_reason_for_a_new_test_draws_it_from_the_reviewed_rows_and_it_stays(tmp_path: Path) -> None:
    before = frozen(tmp_path)
    write_review(tmp_path, {n: OTHER[ROWS[n - 1]["label"]] for n in numbers(before)[:30]})
    split = StratifiedSplit(refreeze="the labels were reviewed")
    first = prepared(tmp_path, REVIEW, split)
    write_lock(tmp_path / "tunewright.lock", first.lock)
    for again in (prepared(tmp_path, REVIEW, split), prepared(tmp_path, REVIEW)):
        assert again.splits["test"].equals(first.splits["test"])
        assert again.lock == first.lock
