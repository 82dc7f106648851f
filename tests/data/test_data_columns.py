from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from tunewright.core.errors import RecipeError
from tunewright.data.columns import resolve_columns
from tunewright.data.frame import LINE
from tunewright.data.read import RawTable
from tunewright.recipe.data import DataSpec


def table(*columns: str) -> RawTable:
    return RawTable(pl.DataFrame({LINE: [2], **{name: ["x"] for name in columns}}), "t.csv", "csv", "utf-8", "")


def resolved(*columns: str, **given: str) -> tuple[str, str]:
    found = resolve_columns(table(*columns), DataSpec(train="t.csv", **given), "classification")  # type: ignore[arg-type]
    (text,) = found.input
    assert found.target is not None
    return text, found.target


@pytest.mark.parametrize(
    "columns",
    [
        ("text", "label"),
        ("Text", "LABELS"),
        ("message", "intent"),
        ("input", "output"),
        ("id", "tweet", "class"),
        ("utterance", "category", "tags"),
        ("label", "topic", "text", "title"),
    ],
)
def test_telling_names_are_recognised(columns: tuple[str, ...]) -> None:
    text, label = resolved(*columns)
    assert text.casefold() in {"text", "message", "input", "tweet", "utterance"}
    assert label.casefold() in {"label", "labels", "intent", "output", "class", "category"}


def test_names_that_say_nothing_are_refused_with_the_list_and_the_remedy() -> None:
    with pytest.raises(RecipeError) as caught:
        resolved("v1", "v2")
    assert [problem.place for problem in caught.value.problems] == ["data.input", "data.target"]
    assert "one of: v1, v2" in caught.value.problems[0].expected
    assert "data.input: NAME" in caught.value.problems[0].remedy


def test_two_possible_labels_are_refused_and_one_can_be_named() -> None:
    with pytest.raises(RecipeError, match="several columns that could hold the label: intent, category"):
        resolved("utterance", "intent", "category")
    assert resolved("utterance", "intent", "category", target="category") == ("utterance", "category")


def test_a_misspelt_column_is_refused_with_a_near_name() -> None:
    with pytest.raises(RecipeError, match="did you mean 'message'"):
        resolved("message", "intent", input="mesage")


def test_every_wrong_field_is_listed_at_once() -> None:
    with pytest.raises(RecipeError) as caught:
        resolved("text", "label", group="customer", time="date", id="number")
    assert [problem.place for problem in caught.value.problems] == ["data.group", "data.time", "data.id"]


def test_one_column_cannot_be_text_and_label() -> None:
    with pytest.raises(RecipeError, match="both name the column 'text'"):
        resolved("text", "label", input="text", target="text")


def test_a_column_named_for_something_else_is_not_taken_for_the_text() -> None:
    assert resolved("message", "query", "label", group="query") == ("message", "label")


@pytest.mark.parametrize(("kind", "headed"), [("csv", True), ("jsonl", False), ("parquet", False)])
def test_only_a_file_with_a_header_is_asked_for_one(kind: str, headed: bool) -> None:
    with pytest.raises(RecipeError) as raised:
        resolve_columns(replace(table("a", "b"), format=kind), DataSpec(train="t"), "classification")
    assert all(("header" in problem.remedy) is headed for problem in raised.value.problems)
