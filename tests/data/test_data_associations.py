"""A column that goes with the label is told, one that does not is not, and the measures hold to their definitions."""

from __future__ import annotations

import json
import random
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency
from sklearn.metrics import mutual_info_score

from tunewright.data.associations import (
    LENGTH,
    associations,
    chi_square,
    cramers_v,
    holm,
    mutual_information,
    shortcut_findings,
)

if TYPE_CHECKING:
    from collections.abc import Callable

TABLES = st.lists(st.lists(st.integers(1, 60), min_size=3, max_size=3), min_size=2, max_size=5).map(np.array)


def rows(
    count: int, meta: Callable[[int, str], dict[str, object]], *, seed: int = 3, long: bool = False
) -> pl.DataFrame:
    draw = random.Random(seed)
    labels = [draw.choice(["late", "lost", "fine"]) for _ in range(count)]
    sizes = [60 if long and label == "lost" else draw.randint(5, 30) for label in labels]
    return pl.DataFrame(
        {
            "input": ["x" * size for size in sizes],
            "target": labels,
            "meta": [json.dumps(meta(draw.randint(0, 10**6), label)) for label in labels],
            "group": pl.Series([None] * count, dtype=pl.String),
        }
    )


@given(TABLES)
def test_the_measures_agree_with_scipy_and_scikit_learn(table: np.ndarray) -> None:
    assert chi_square(table) == pytest.approx(chi2_contingency(table, correction=False).statistic, abs=1e-9)
    expected = mutual_info_score(None, None, contingency=table) / np.log(2)
    assert mutual_information(table) == pytest.approx(max(expected, 0), abs=1e-9)
    assert 0 <= cramers_v(table) <= 1
    assert cramers_v(table) == pytest.approx(cramers_v(table.T))


def test_cramers_v_is_one_for_a_function_of_the_label_and_zero_for_equal_shares() -> None:
    assert cramers_v(np.diag([40, 30, 30])) == pytest.approx(1.0, abs=1e-9)
    assert cramers_v(np.array([[20, 40], [10, 20]])) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_the_step_down_of_its_definition(p_values: list[float]) -> None:
    adjusted = holm(p_values)
    for index, p in enumerate(p_values):
        below = [q for q in p_values if q <= p]
        ordered = sorted(p_values)
        slow = max(min(1.0, (len(p_values) - rank) * ordered[rank]) for rank in range(len(below)))
        assert adjusted[index] == pytest.approx(slow)


def test_a_region_that_goes_with_the_label_is_a_shortcut() -> None:
    found = associations(
        rows(600, lambda n, label: {"region": "Lisbon" if label == "lost" and n % 10 < 7 else f"R{n % 3}"}), seed=13
    )
    by_name = {one.column: one for one in found}
    assert by_name["region"].skewed
    assert not by_name[LENGTH].skewed
    (finding,) = shortcut_findings(found)
    assert (finding.kind, finding.severity, finding.count) == ("shortcut", "warning", 600)
    assert "100% of those of 'Lisbon'" in finding.message
    assert "'region'" in finding.remedy


def test_chance_alone_is_no_shortcut() -> None:
    """Of 30 data sets without any skew, at the 1 % level of Holm, three accused have a chance of 0.3 %."""
    accused = 0
    for seed in range(30):
        sample = rows(200, lambda n, _: {"a": n % 4, "b": n % 7, "c": n % 2}, seed=seed)
        accused += len(shortcut_findings(associations(sample, seed=13)))
    assert accused < 3


def test_the_length_of_the_text_is_a_shortcut_where_it_says_the_label() -> None:
    found = associations(rows(300, lambda _n, _label: {}, long=True), seed=13)
    assert [one.column for one in found] == [LENGTH]
    (finding,) = shortcut_findings(found)
    assert "the length of the text" in finding.message


def test_a_coarser_label_is_told_as_derived_and_no_shortcut() -> None:
    found = associations(rows(300, lambda _n, label: {"kind": "good" if label == "fine" else "bad"}), seed=13)
    assert [finding.kind for finding in shortcut_findings(found)] == ["derived_column"]


def test_columns_of_many_values_of_one_value_and_nested_ones_are_left_out() -> None:
    sample = rows(300, lambda n, _: {"id": n, "same": 1, "list": [n % 2], "half": n % 2 if n % 3 else None})
    assert {one.column for one in associations(sample, seed=13)} == {LENGTH, "half"}


def test_rare_values_are_tested_by_permutation() -> None:
    found = associations(rows(120, lambda n, label: {"rare": "yes" if n % 40 == 0 else "no"}), seed=13)
    rare = next(one for one in found if one.column == "rare")
    assert rare.test == "permutation"
    assert 0 < rare.p_value <= 1
    assert sum(map(sum, rare.counts)) == 120


def test_one_label_has_no_associations() -> None:
    sample = rows(50, lambda n, _: {"a": n % 2}).with_columns(pl.lit("one").alias("target"))
    assert associations(sample, seed=13) == ()


def test_a_column_called_length_stands_beside_the_length_of_the_text() -> None:
    found = associations(rows(400, lambda n, _label: {"length": ["short", "long"][n % 2]}, long=True), seed=13)
    assert {one.column for one in found} == {LENGTH, "length"}
    assert [one.column for one in found if one.skewed] == [LENGTH]
