"""Columns and records by their path into nested data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import prepared, write_jsonl
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError, RecipeError
from tunewright.data.paths import leaves, path_of, steps_of, walked
from tunewright.data.read import read_table
from tunewright.data.sniff import sniff
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

NAMES = st.text(st.characters(exclude_characters=".[]", exclude_categories=["Cs"]), min_size=1, max_size=6)
STEPS = st.lists(st.one_of(NAMES, st.integers(0, 999)), max_size=5)


def nested(count: int) -> list[dict[str, Any]]:
    tickets = [{"id": n, "body": {"text": f"nested message {n} about parcel {n * 7}"}} for n in range(count)]
    return [{"ticket": ticket, "labels": [("a", "b")[n % 2]]} for n, ticket in enumerate(tickets)]


@given(NAMES, STEPS)
def test_a_path_that_is_written_is_read_as_its_steps(first: str, more: list[str | int]) -> None:
    steps = (first, *more)
    assert steps_of(path_of(steps)) == steps


@given(st.dictionaries(NAMES, st.recursive(st.integers(), lambda held: st.dictionaries(NAMES, held, max_size=3))))
def test_every_leaf_is_reached_by_its_path(record: dict[str, Any]) -> None:
    for path in leaves([record], "root"):
        assert isinstance(walked(record, steps_of(path)[1:]), int)


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[", "a[x]", "[0]", "a[0]b", "a[-1]"])
def test_what_is_no_path_has_no_steps(text: str) -> None:
    assert steps_of(text) == ()


@pytest.mark.parametrize("name", ["t.jsonl", "t.json", "t.parquet"])
def test_a_recipe_names_columns_by_their_path(tmp_path: Path, name: str) -> None:
    rows = nested(40)
    if name == "t.parquet":
        pl.DataFrame(rows).write_parquet(tmp_path / name)
    elif name == "t.json":
        (tmp_path / name).write_text(json.dumps({"version": 1, "data": {"items": rows}}))
    else:
        write_jsonl(tmp_path / name, rows)
    records = "data.items" if name == "t.json" else None
    spec = DataSpec(train=name, input="ticket.body.text", target="labels[0]", id="ticket.id", records=records)
    held = prepared(tmp_path, spec)
    assert held.profile.labels == ("a", "b")
    assert held.profile.kept == 40
    assert held.splits["train"]["input"].str.starts_with("nested message").all()


def test_a_column_of_that_very_name_comes_before_a_path(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", [{"a.b": "flat", "a": {"b": "deep"}}])
    table = read_table("t.jsonl", folder=tmp_path, spec=DataSpec(train="t.jsonl", input="a.b"))
    assert table.frame["a.b"].to_list() == ["flat"]


def test_a_record_without_the_path_is_missing_and_counted(tmp_path: Path) -> None:
    rows = nested(40)
    rows[3]["labels"] = []
    rows[4]["ticket"] = {"id": 4}
    write_jsonl(tmp_path / "t.jsonl", rows)
    held = prepared(tmp_path, DataSpec(train="t.jsonl", input="ticket.body.text", target="labels[0]"))
    assert sum(held.profile.dropped.values()) == 2
    assert held.profile.read == 40


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("ticket.bdy.text", "'ticket' has no key 'bdy' (did you mean 'ticket.body'?)"),
        ("ticket.body.txt", "'ticket.body' has no key 'txt' (did you mean 'ticket.body.text'?)"),
        ("ticket.id.text", "'ticket.id' is no object"),
        ("labels[4]", "no list of 'labels' has an item 4"),
        ("ticket[0]", "'ticket' is no list"),
    ],
)
def test_a_path_that_leads_nowhere_is_told_with_the_nearest(tmp_path: Path, path: str, words: str) -> None:
    write_jsonl(tmp_path / "t.jsonl", nested(5))
    with pytest.raises(RecipeError) as raised:
        read_table("t.jsonl", folder=tmp_path, spec=DataSpec(train="t.jsonl", input=path))
    assert words in raised.value.problems[0].given


def test_records_bear_their_lines_wherever_they_lie(tmp_path: Path) -> None:
    text = json.dumps({"about": {"items": "["}, "data": {"none": {}, "items": nested(3)}}, indent=1)
    (tmp_path / "t.json").write_text(text)
    table = read_table("t.json", folder=tmp_path, spec=DataSpec(train="t.json", records="data.items"))
    assert table.frame["__line__"].to_list() == [
        n for n, line in enumerate(text.split("\n"), start=1) if line == "   {"
    ]


def test_records_that_lie_deeper_are_pointed_to(tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(json.dumps({"a": {"b": nested(2)}, "c": {"d": nested(2)}}))
    with pytest.raises(DataError, match=r"`data\.records: a\.b` or `data\.records: c\.d`"):
        read_table("t.json", folder=tmp_path, spec=DataSpec(train="t.json"))
    with pytest.raises(RecipeError, match=r"one of: a\.b, c\.d"):
        read_table("t.json", folder=tmp_path, spec=DataSpec(train="t.json", records="a.x"))


def test_records_are_asked_of_documents_alone(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "t.jsonl", nested(2))
    with pytest.raises(RecipeError, match="lie in no object"):
        read_table("t.jsonl", folder=tmp_path, spec=DataSpec(train="t.jsonl", records="ticket"))


@pytest.mark.parametrize("indent", [None, 1])
def test_a_first_look_proposes_paths_into_nested_records(tmp_path: Path, indent: int | None) -> None:
    (tmp_path / "t.json").write_text(json.dumps({"version": 1, "data": {"items": nested(60)}}, indent=indent))
    found = sniff("t.json", folder=tmp_path)
    assert found.records == "data.items"
    assert found.task == "classification"
    assert found.input is not None
    assert found.target is not None
    assert (found.input.column, found.target.column) == ("ticket.body.text", "labels[0]")
