"""A reviewed list is followed as it stands, or refused line by line; every row that it touches is on record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import law, prepared, tickets, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError, RecipeError
from tunewright.data.decisions import said_text, shown_text
from tunewright.data.keys import row_id
from tunewright.recipe.data import DataSpec
from tunewright.recipe.label_issues import DropMislabelled, Relabel

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.data.prepare import Prepared

ROWS = tickets(40)
OWN_TEST = tickets(6, start=100)
"""A test file of the user's own: no review has a say in what is drawn for the test."""
COLUMNS = ("row_id", "text", "label", "decision")


def line(number: int, decision: str, *, source: str = "train.csv", **changes: str) -> dict[str, str]:
    """What a reviewer leaves of the record with this number, from 1."""
    row = ROWS[number - 1]
    found = {"row_id": row_id(source, number), "text": row["text"], "label": row["label"], "decision": decision}
    return {**found, **changes}


def followed(folder: Path, *lines: dict[str, str], kind: type[Any] = Relabel, **spec: Any) -> Prepared:
    write_csv(folder / "reviewed.csv", lines, COLUMNS)
    return reviewed(folder, ROWS, kind(file="reviewed.csv"), **spec)


def reviewed(folder: Path, rows: list[dict[str, str]], review: Relabel | DropMislabelled, **spec: Any) -> Prepared:
    """The rows as the review in the folder leaves them, with a test file of the user's own."""
    write_csv(folder / "train.csv", rows)
    write_csv(folder / "test.csv", OWN_TEST)
    return prepared(folder, DataSpec(train="train.csv", test="test.csv", label_issues=review, **spec))


def labels(found: Prepared) -> dict[str, str]:
    rows = pl.concat(list(found.splits.values()))
    return dict(zip(rows["row_id"], rows["target"], strict=True))


def recorded(found: Prepared) -> dict[str, list[str]]:
    ours = found.dropped.filter(pl.col("rule") == "label_review")
    return {action: ours.filter(pl.col("action") == action)["row_id"].to_list() for action in ("dropped", "changed")}


def test_decisions_are_followed_and_on_record(tmp_path: Path) -> None:
    found = followed(tmp_path, line(1, "delivery"), line(2, "keep"), line(3, "drop"), line(4, ""), line(5, "refund"))
    now, ids = labels(found), [row_id("train.csv", n) for n in range(1, 6)]
    assert now[ids[0]] == "delivery"
    assert ids[2] not in now
    assert [now[ids[n]] for n in (1, 3, 4)] == ["delivery", "delivery", "refund"]
    assert recorded(found) == {"dropped": [ids[2]], "changed": [ids[0]]}
    changed = found.dropped.filter(pl.col("action") == "changed").row(0, named=True)
    assert changed["before"] == '{"target": "refund"}'
    assert found.profile.read == found.profile.kept + sum(found.profile.dropped.values()) == 46
    (told,) = (finding for finding in found.profile.findings if finding.kind == "label_review")
    assert told.count == 2


def test_dropping_takes_every_row_that_was_judged_wrong(tmp_path: Path) -> None:
    found = followed(tmp_path, line(1, "delivery"), line(2, "keep"), line(3, "drop"), kind=DropMislabelled)
    ids = [row_id("train.csv", n) for n in (1, 3)]
    assert sorted(recorded(found)["dropped"]) == sorted(ids)
    assert recorded(found)["changed"] == []


def test_a_second_review_speaks_of_what_the_first_left(tmp_path: Path) -> None:
    write_csv(tmp_path / "second.csv", [line(1, "refund", label="delivery"), line(2, "drop")], COLUMNS)
    write_csv(tmp_path / "first.csv", [line(1, "delivery")], COLUMNS)
    now = labels(reviewed(tmp_path, ROWS, Relabel(file=["first.csv", "second.csv"])))
    assert now[row_id("train.csv", 1)] == "refund"
    assert row_id("train.csv", 2) not in now


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"text": "message number 77 about refund"}, ["train.csv:2", "now says 'message number 0 about refund'"]),
        ({"label": "delivery"}, ["train.csv:2", "now labelled 'refund'", "the review says 'delivery'"]),
        ({"row_id": "f" * 32}, ["no row has the id 'ffff"]),
        ({"decision": "delivry"}, ["'delivry' is none of keep, drop", "did you mean 'delivery'?"]),
        ({"decision": "Keep"}, ["'Keep' is none of keep, drop", "did you mean 'keep'?"]),
    ],
)
def test_a_decision_that_does_not_fit_is_refused_with_its_line(
    tmp_path: Path, changes: dict[str, str], said: list[str]
) -> None:
    with pytest.raises(DataError) as fault:
        followed(tmp_path, line(2, "keep"), {**line(1, "delivery"), **changes})
    (problem,) = fault.value.problems
    assert problem.place == "reviewed.csv:3"
    assert "tunewright labels" in problem.remedy
    for part in said:
        assert part in problem.given


def test_every_stale_decision_is_told_at_once(tmp_path: Path) -> None:
    stale = [line(n, "drop", text="something else") for n in range(1, 6)]
    with pytest.raises(DataError) as fault:
        followed(tmp_path, *stale, line(1, "drop"))
    places = [problem.place for problem in fault.value.problems[1:]]
    assert places == ["reviewed.csv:2", "reviewed.csv:3", "reviewed.csv:4", "reviewed.csv", "reviewed.csv:7"]
    assert "2 others of this kind: line 5, 6" in fault.value.problems[4].given
    assert "again" in fault.value.problems[-1].given


def test_a_spreadsheet_may_reorder_and_add_columns(tmp_path: Path) -> None:
    lines = [f'delivery;a note;{row_id("train.csv", 1)};"{ROWS[0]["text"]}  ";refund']
    text = "\ufeff" + "\r\n".join(["decision;note;row_id;text;label", *lines]) + "\r\n"
    (tmp_path / "reviewed.csv").write_text(text, encoding="utf-8")
    found = reviewed(tmp_path, ROWS, Relabel(file="reviewed.csv"))
    assert labels(found)[row_id("train.csv", 1)] == "delivery"


@law(200)
@given(st.text() | st.text("'=+-a", max_size=5))
def test_a_text_survives_the_guard_against_formulas(text: str) -> None:
    cell = shown_text(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert said_text(cell) == text


def test_a_text_that_reads_like_a_formula_can_be_reviewed(tmp_path: Path) -> None:
    rows = [{"text": "=)", "label": "refund"}, {"text": "-)", "label": "delivery"}, *ROWS]
    cells = [{"row_id": row_id("train.csv", n), "text": shown_text(rows[n - 1]["text"])} for n in (1, 2)]
    lines = [{**cell, "label": rows[n]["label"], "decision": "drop"} for n, cell in enumerate(cells)]
    assert lines[0]["text"] == "'=)"
    write_csv(tmp_path / "reviewed.csv", lines, COLUMNS)
    found = reviewed(tmp_path, rows, Relabel(file="reviewed.csv"))
    assert len(recorded(found)["dropped"]) == 2


def test_the_users_own_test_file_is_never_edited(tmp_path: Path) -> None:
    judged = line(1, "drop", source="test.csv", **OWN_TEST[0])
    with pytest.raises(DataError, match="your own test file, which is never edited"):
        followed(tmp_path, judged)


def test_a_file_without_its_columns_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "reviewed.csv", [{"row_id": "1", "decison": "drop"}], ("row_id", "decison"))
    with pytest.raises(DataError, match="has no column 'text', 'label', 'decision'"):
        reviewed(tmp_path, ROWS, Relabel(file="reviewed.csv"))


def test_labels_that_read_like_decisions_are_refused(tmp_path: Path) -> None:
    rows = tickets(30, labels=("drop", "delivery"))
    found = {"row_id": row_id("train.csv", 1), "text": rows[0]["text"], "label": "drop", "decision": "drop"}
    write_csv(tmp_path / "reviewed.csv", [found], COLUMNS)
    with pytest.raises(DataError, match="'drop' can be a decision or a label"):
        reviewed(tmp_path, rows, Relabel(file="reviewed.csv"))


def test_a_task_without_labels_has_none_to_review(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", [{"prompt": r["text"], "answer": r["label"]} for r in ROWS], ("prompt", "answer"))
    spec = DataSpec(train="train.csv", input="prompt", target="answer", label_issues=Relabel(file="reviewed.csv"))
    with pytest.raises(RecipeError, match=r"data\.label_issues"):
        prepared(tmp_path, spec, task="text_to_text")
