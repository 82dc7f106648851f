"""A decision holds for every row that says the same, and one on a row that has left already is met."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import law, prepared, tickets, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError
from tunewright.data.keys import row_id
from tunewright.recipe.clean import FilterSpec
from tunewright.recipe.data import DataSpec
from tunewright.recipe.label_issues import DropMislabelled, Relabel
from tunewright.recipe.privacy import PrivacySpec

if TYPE_CHECKING:
    from tunewright.data.prepare import Prepared

ROWS = tickets(40)
OTHER = {"refund": "delivery", "delivery": "refund"}
COLUMNS = ("row_id", "text", "label", "decision")
TOKEN = "ghp_" + "a1B2c3D4e5F6" * 3  # a made-up one
BOTH = pytest.mark.parametrize("duplicates", ["keep_first", "keep_all"])


def reviewed(
    folder: Path, rows: list[dict[str, str]], decisions: dict[int, str], *, kind: type[Any] = Relabel, **spec: Any
) -> Prepared:
    """The rows as decisions (by the record's number, from 1) leave them, with a test file of the user's own."""
    lines = [{"row_id": row_id("train.csv", n), **rows[n - 1], "decision": said} for n, said in decisions.items()]
    write_csv(folder / "reviewed.csv", [{name: row[name] for name in COLUMNS} for row in lines], COLUMNS)
    write_csv(folder / "train.csv", rows, tuple(rows[0]))
    write_csv(folder / "test.csv", [{**rows[0], **ticket} for ticket in tickets(6, start=100)], tuple(rows[0]))
    return prepared(
        folder, DataSpec(train="train.csv", test="test.csv", label_issues=kind(file="reviewed.csv"), **spec)
    )


def said(found: Prepared) -> list[tuple[str, str]]:
    """Text and label of every training and validation row."""
    rows = pl.concat([found.splits["train"], found.splits["validation"]])
    return list(rows.select("input", "target").iter_rows())


def notes(found: Prepared) -> list[str]:
    return [finding.message for finding in found.profile.findings if finding.kind == "label_review_left"]


@BOTH
def test_what_is_dropped_does_not_come_back_by_a_copy(tmp_path: Path, duplicates: str) -> None:
    copy = {**ROWS[0], "text": ROWS[0]["text"].upper() + "!"}
    found = reviewed(tmp_path, [*ROWS, copy], {1: "drop"}, duplicates=duplicates)
    assert all("number 0 " not in text.lower() for text, _ in said(found))
    assert found.profile.dropped == {"label_review": 2}
    assert found.profile.read == found.profile.kept + 2


@BOTH
@pytest.mark.parametrize("judged", [1, 41])
def test_a_copy_gets_the_label_too_and_no_contradiction_arises(tmp_path: Path, duplicates: str, judged: int) -> None:
    found = reviewed(tmp_path, [*ROWS, ROWS[0]], {judged: "delivery"}, duplicates=duplicates)
    assert {label for text, label in said(found) if text == ROWS[0]["text"]} == {"delivery"}
    assert found.profile.changed == {"label_review": 2}
    assert "contradiction" not in {finding.kind for finding in found.profile.findings}


def test_the_same_text_under_another_label_or_in_another_file_stays(tmp_path: Path) -> None:
    write_csv(tmp_path / "validation.csv", ROWS[:2])
    rows = [*ROWS, {**ROWS[0], "label": "delivery"}]
    found = reviewed(tmp_path, rows, {1: "drop"}, validation="validation.csv", leaks="report")
    own = found.splits["train"].filter(pl.col("input") == ROWS[0]["text"])
    assert own["target"].to_list() == ["delivery"]
    assert ROWS[0]["text"] in found.splits["validation"]["input"].to_list()


@law(30)
@given(
    wordings=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(sorted(OTHER))), max_size=20),
    verdicts=st.dictionaries(st.integers(0, 39), st.sampled_from(["keep", "drop", *OTHER]), min_size=1, max_size=8),
    duplicates=st.sampled_from(["keep_first", "keep_all"]),
)
def test_no_row_says_what_a_review_took(
    wordings: list[tuple[int, str]], verdicts: dict[int, str], duplicates: str
) -> None:
    rows = [*ROWS, *({"text": ROWS[n]["text"], "label": label} for n, label in wordings)]
    last = {row["text"]: n for n, row in enumerate(rows, start=1)}
    decisions = {last[ROWS[n]["text"]]: verdict for n, verdict in verdicts.items()}  # one a text: none are at odds
    with TemporaryDirectory() as folder:
        found = reviewed(Path(folder), rows, decisions, duplicates=duplicates)
    judged = ((rows[n - 1], verdict) for n, verdict in decisions.items())
    taken = {(row["text"], row["label"]) for row, verdict in judged if verdict not in {"keep", row["label"]}}
    assert not taken & set(said(found))
    assert found.profile.read == found.profile.kept + sum(found.profile.dropped.values())


@pytest.mark.parametrize(
    ("decisions", "told"),
    [
        ({1: "drop", 41: "keep"}, "says 'keep', and line 2 'drop' of the same text and label"),
        ({1: "drop", 42: "refund"}, "gives the text the label 'refund', which line 2 takes from it"),
        ({42: "refund", 1: "delivery"}, "gives the text the label 'refund', which line 3 takes from it"),
    ],
)
def test_decisions_at_odds_are_refused(tmp_path: Path, decisions: dict[int, str], told: str) -> None:
    rows = [*ROWS, ROWS[0], {**ROWS[0], "label": "delivery"}]
    with pytest.raises(DataError, match=told):
        reviewed(tmp_path, rows, decisions)


def test_where_judged_rows_are_dropped_two_reasons_to_drop_agree(tmp_path: Path) -> None:
    found = reviewed(tmp_path, [*ROWS, ROWS[0]], {1: "drop", 41: "delivery"}, kind=DropMislabelled)
    assert found.profile.dropped == {"label_review": 2}


@pytest.fixture(params=["keep_if", "min_chars", "secret"])
def leaving(request: pytest.FixtureRequest) -> tuple[str, list[dict[str, str]], dict[str, Any]]:
    """A rule, rows of which the second leaves by it, and the settings that make it leave."""
    rule: str = request.param
    rows = [{**row, "kind": "new"} for row in ROWS]
    rows[1] |= {"keep_if": {"kind": "old"}, "min_chars": {"text": "ah"}, "secret": {"text": f"my key {TOKEN}"}}[rule]
    fields = {
        "keep_if": {"keep_if": 'kind != "old"'},
        "min_chars": {"filter": FilterSpec(min_chars=10)},
        "secret": {"privacy": PrivacySpec(secret="drop")},
    }
    return rule, rows, fields[rule]


@pytest.mark.parametrize("verdict", ["keep", "drop", "refund"])
def test_a_decision_on_a_row_that_left_by_a_rule_is_met(leaving: Any, tmp_path: Path, verdict: str) -> None:
    rule, rows, fields = leaving
    found = reviewed(tmp_path, rows, {2: verdict, 3: "drop"}, **fields)
    assert found.profile.dropped == {rule: 1, "label_review": 1}
    told = [f"1 label of reviewed.csv is given to nobody: the rows had left before the review ({rule})"]
    assert notes(found) == (told if verdict == "refund" else [])


def test_where_judged_rows_are_dropped_a_label_for_a_row_that_left_needs_no_note(leaving: Any, tmp_path: Path) -> None:
    _, rows, fields = leaving
    assert notes(reviewed(tmp_path, rows, {2: "refund"}, kind=DropMislabelled, **fields)) == []


def test_what_was_judged_of_a_row_that_left_holds_for_its_copy(tmp_path: Path) -> None:
    rows = [{**row, "kind": "new"} for row in [*ROWS, ROWS[1]]]
    rows[1]["kind"] = "old"
    found = reviewed(tmp_path, rows, {2: "refund"}, keep_if='kind != "old"')
    assert {label for text, label in said(found) if text == ROWS[1]["text"]} == {"refund"}
    assert notes(found) == []


def test_a_row_that_an_earlier_review_dropped_gets_no_label_from_a_later_one(tmp_path: Path) -> None:
    lines = [{"row_id": row_id("train.csv", 2), **ROWS[1], "decision": said} for said in ("drop", "refund")]
    for name, decided in zip(("first.csv", "second.csv"), lines, strict=True):
        write_csv(tmp_path / name, [decided], COLUMNS)
    write_csv(tmp_path / "train.csv", ROWS)
    write_csv(tmp_path / "test.csv", tickets(6, start=100))
    review = Relabel(file=["first.csv", "second.csv"])
    found = prepared(tmp_path, DataSpec(train="train.csv", test="test.csv", label_issues=review))
    assert found.profile.dropped == {"label_review": 1}
    assert len(notes(found)) == 1
    assert "(label_review)" in notes(found)[0]


@pytest.mark.parametrize("side", ["text", "label", "row_id", "decision"])
def test_no_secret_of_a_stale_decision_or_of_its_row_is_told(tmp_path: Path, side: str) -> None:
    rows = [{**ROWS[0], "text": f"my key is {TOKEN}"}, *ROWS[1:]]
    stale = {"row_id": row_id("train.csv", 1), **rows[0], "decision": "drop"}
    stale |= {side: f"{TOKEN} it was"}
    write_csv(tmp_path / "reviewed.csv", [stale], COLUMNS)
    write_csv(tmp_path / "train.csv", rows)
    write_csv(tmp_path / "test.csv", tickets(6, start=100))
    with pytest.raises(DataError) as fault:
        prepared(tmp_path, DataSpec(train="train.csv", test="test.csv", label_issues=Relabel(file="reviewed.csv")))
    assert TOKEN not in str(fault.value)
    assert "<SECRET>" in str(fault.value)
