"""Targets that are numbers: nothing is guessed, shares of small and large ones are kept, oddities are told."""

from __future__ import annotations

import math
import random
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import prepared, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError
from tunewright.data.numbers import GROUPS, LARGEST, as_number, number_groups
from tunewright.data.sniff import sniff
from tunewright.data.unfit import Unfit

if TYPE_CHECKING:
    from pathlib import Path

READ: tuple[tuple[Any, str | None], ...] = (
    ("3.50", "3.5"),
    (" 4 ", "4"),
    ("-0.25", "-0.25"),
    ("1e3", "1000"),
    (".5", "0.5"),
    (7, "7"),
    (7.0, "7"),
    (2.5, "2.5"),
    ("", None),
    ("  ", None),
    ("NaN", None),
    (None, None),
    (math.nan, None),
    (math.inf, None),
)


@pytest.mark.parametrize(("value", "text"), READ)
def test_a_number_is_read_as_it_is_meant(value: Any, text: str | None) -> None:
    assert as_number(value) == text


@pytest.mark.parametrize("value", ["3,5", "five", "1 000", "$3", True, [1], {"a": 1}, "0x10", "١"])
def test_what_could_be_read_in_two_ways_is_refused(value: Any) -> None:
    with pytest.raises(Unfit):
        as_number(value)


@given(st.floats(-LARGEST, LARGEST, width=64))
def test_a_number_loses_nothing(number: float) -> None:
    text = as_number(number)
    assert text is not None
    assert float(text) == number
    assert as_number(text) == text


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=200))
def test_groups_follow_the_numbers_order(numbers: list[float]) -> None:
    groups = number_groups(pl.Series([repr(number) for number in numbers])).cast(pl.Int64).to_list()
    assert all(0 <= group < GROUPS for group in groups)
    pairs = sorted(zip(numbers, groups, strict=True))
    assert [group for _, group in pairs] == sorted(group for _, group in pairs)
    assert len(set(numbers)) >= len(set(groups))


def rows(count: int = 200) -> list[dict[str, str]]:
    """Different texts, their numbers rising."""
    draw = random.Random(5)
    words = [f"word{n}" for n in range(300)]
    return [{"text": " ".join(draw.choices(words, k=12)), "score": f"{n / 4}"} for n in range(count)]


def write(folder: Path, held: list[dict[str, str]]) -> None:
    write_csv(folder / "train.csv", held, ("text", "score"))


def test_every_split_holds_small_and_large_numbers_alike(tmp_path: Path) -> None:
    write(tmp_path, rows())
    found = prepared(tmp_path, task="regression")
    means = {name: frame["target"].cast(pl.Float64).mean() for name, frame in found.splits.items()}
    assert all(abs(mean - 25) < 3 for mean in means.values()), means
    assert found.profile.labels == ()
    test = found.profile.splits["test"].numbers
    assert test is not None
    assert test.n == found.splits["test"].height


def test_rows_without_a_number_leave_with_their_reason_and_others_are_refused(tmp_path: Path) -> None:
    held = rows()
    held[3]["score"], held[4]["score"] = "", "about 4"
    write(tmp_path, held)
    with pytest.raises(DataError, match="not a number"):
        prepared(tmp_path, task="regression")
    held[4]["score"] = "NaN"
    write(tmp_path, held)
    found = prepared(tmp_path, task="regression")
    assert found.profile.dropped == {"missing_number": 2}
    assert found.profile.read == found.profile.kept + 2


def test_oddities_of_numbers_are_told(tmp_path: Path) -> None:
    held = [*rows(), {"text": rows()[7]["text"], "score": "40"}, {"text": "a text of another kind", "score": "9999"}]
    write(tmp_path, held)
    kinds = {finding.kind: finding for finding in prepared(tmp_path, task="regression").profile.findings}
    assert kinds["contradiction"].count == 2
    assert "9999" in kinds["far_number"].message


def test_one_number_alone_is_refused(tmp_path: Path) -> None:
    write(tmp_path, [{**row, "score": "4"} for row in rows()])
    with pytest.raises(DataError, match="have the number 4"):
        prepared(tmp_path, task="regression")


@pytest.mark.parametrize(("mean", "refused"), [(0, False), (2_000, False), (1_000_000, True), (-1_000_000, True)])
def test_numbers_that_a_weight_would_round_off_are_refused(tmp_path: Path, mean: int, *, refused: bool) -> None:
    write(tmp_path, [{**row, "score": f"{mean + n % 7 / 2}"} for n, row in enumerate(rows())])
    if not refused:
        assert prepared(tmp_path, task="regression").profile.kept
        return
    with pytest.raises(DataError, match="in single precision") as raised:
        prepared(tmp_path, task="regression")
    assert "off every target" in raised.value.problems[0].remedy


def test_a_first_look_knows_numbers_by_name_and_decimals(tmp_path: Path) -> None:
    write(tmp_path, rows())
    found = sniff(tmp_path / "train.csv")
    assert found.task == "regression"
    assert found.target is not None
    assert found.target.column == "score"


def test_whole_numbers_stay_labels_unless_the_task_is_named(tmp_path: Path) -> None:
    write(tmp_path, [{**row, "score": str(n % 5)} for n, row in enumerate(rows())])
    found = sniff(tmp_path / "train.csv")
    assert found.task == "classification"
    assert any("task regression" in other for other in found.alternatives)
    assert sniff(tmp_path / "train.csv", task="regression").task == "regression"


@pytest.mark.parametrize("value", ["1e999", "-4e38", 10**400, 3.5e38])
def test_a_number_that_no_weight_can_hold_is_refused(value: object) -> None:
    with pytest.raises(Unfit, match="beyond"):
        as_number(value)
