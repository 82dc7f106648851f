from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from data_room import prepared, tickets, write_csv, write_jsonl

from tunewright.core.errors import DataError
from tunewright.data.unfit import Unfit
from tunewright.data.values import as_label, as_name
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("value", "label"),
    [
        ("as is ", "as is "),
        ("1.50", "1.50"),
        (3, "3"),
        (3.0, "3"),
        (True, "true"),
        (False, "false"),
        (None, None),
        (float("nan"), None),
        (float("-inf"), None),
        (10**30, str(10**30)),
    ],
)
def test_a_label_becomes_the_text_it_is_written_as(value: Any, label: str | None) -> None:
    assert as_label(value) == label


@pytest.mark.parametrize("value", [2.5, ["a"], {"a": 1}, b"a"])
def test_what_is_no_label_is_refused(value: Any) -> None:
    with pytest.raises(Unfit):
        as_label(value)


def test_every_value_that_does_not_fit_is_listed_over_all_files_in_order(tmp_path: Path) -> None:
    rows = tickets(6)
    write_jsonl(
        tmp_path / "train.jsonl", [rows[0], {"text": 5, "label": 2.5}, *rows[1:], {"text": ["a"], "label": "b"}]
    )
    write_jsonl(tmp_path / "test.jsonl", [rows[0], {"text": "t", "label": ["a", "b"]}])
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, DataSpec(train="train.jsonl", test="test.jsonl"))
    places = [problem.place for problem in caught.value.problems]
    assert places == ["train.jsonl, test.jsonl", "train.jsonl:2", "train.jsonl:2", "train.jsonl:8", "test.jsonl:2"]


def test_broken_lines_of_all_files_are_listed_at_once(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_text("bad\n")
    (tmp_path / "test.jsonl").write_text('{"text": "a"}\nworse\n')
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, DataSpec(train="train.jsonl", test="test.jsonl"))
    assert [problem.place for problem in caught.value.problems] == ["train.jsonl:1", "test.jsonl:2"]


def test_other_columns_travel_as_json(tmp_path: Path) -> None:
    rows = [{**row, "votes": [1, 2], "score": 0.5, "note": None} for row in tickets(20)]
    write_jsonl(tmp_path / "train.jsonl", rows)
    found = prepared(tmp_path, DataSpec(train="train.jsonl"))
    assert json.loads(found.splits["train"]["meta"][0]) == {"votes": [1, 2], "score": 0.5, "note": None}


def test_a_repeated_or_missing_id_is_an_error_naming_both_lines(tmp_path: Path) -> None:
    rows = [{**row, "id": str(n)} for n, row in enumerate(tickets(20))]
    rows[7]["id"], rows[9]["id"] = "3", " "
    write_jsonl(tmp_path / "train.jsonl", rows)
    with pytest.raises(DataError) as caught:
        prepared(tmp_path, DataSpec(train="train.jsonl", id="id"))
    assert [problem.place for problem in caught.value.problems[1:]] == ["train.jsonl:8", "train.jsonl:10"]
    assert "'3' also stands in line 4" in str(caught.value)


@pytest.mark.parametrize("value", ["", " ", "\t\n", None])
def test_a_blank_group_date_or_id_is_missing(value: Any) -> None:
    assert as_name(value) is None


def test_a_group_keeps_its_spelling() -> None:
    assert [as_name(value) for value in (" c1", 7, 7.0)] == [" c1", "7", "7"]


@pytest.mark.parametrize("blank", ["", "  "])
def test_rows_without_a_group_stand_for_themselves(tmp_path: Path, blank: str) -> None:
    columns = ("text", "label", "who")
    rows = [{**row, "who": blank if n < 30 else f"c{n // 2}"} for n, row in enumerate(tickets(40))]
    write_csv(tmp_path / "train.csv", rows, columns)
    write_csv(tmp_path / "test.csv", [{**row, "who": blank} for row in tickets(4, start=90)], columns)
    own = prepared(tmp_path, DataSpec(train="train.csv", test="test.csv", group="who"))
    assert own.profile.dropped == {}
    finding = next(finding for finding in own.profile.findings if finding.kind == "no_group")
    assert (finding.severity, finding.count) == ("note", 34)
    assert finding.message == "34 rows have no group in 'who'"
    carved = prepared(tmp_path, DataSpec(train="train.csv", group="who"))
    blank_rows = {name: split["group"].null_count() for name, split in carved.splits.items()}
    assert min(blank_rows.values()) > 0


def test_nothing_is_said_of_groups_where_no_column_names_them(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    assert "no_group" not in {finding.kind for finding in prepared(tmp_path).profile.findings}
