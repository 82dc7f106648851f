"""Parts of the test: each row in one, each scored as a test of its rows alone, and harm told where it is sure."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
from evaluation_cases import given as answers_of
from hypothesis import given
from hypothesis import settings as law_settings
from hypothesis import strategies as st

from tunewright.core.codec import from_data, to_data
from tunewright.core.results import Results
from tunewright.evaluation.evaluate import System, assemble
from tunewright.evaluation.slices import ABSENT, LEAST, MOST, Part, parts_by, with_slices
from tunewright.recipe.judge import EvaluationSpec

scored = partial(assemble, headline="accuracy", spec=EvaluationSpec(resamples=200), seed=5, gap=None)
N = 240
TARGETS = [0, 1] * (N // 2)


def systems(wrong_tuned: set[int], wrong_base: set[int], *, base: bool = True) -> list[System]:
    def said(wrong: set[int]) -> list[int]:
        return [1 - target if number in wrong else target for number, target in enumerate(TARGETS)]

    tuned = System("tuned", "The tuned", "tuned", answers_of(TARGETS, said(wrong_tuned), classes=2))
    other = System("base", "The base", "base", answers_of(TARGETS, said(wrong_base), classes=2))
    return [other, tuned] if base else [tuned]


def thirds() -> list[Part]:
    return [Part("region", f"r{third}", frozenset(f"row{n}" for n in range(N) if n % 3 == third)) for third in range(3)]


VALUES = st.one_of(st.none(), st.sampled_from([f"v{n}" for n in range(20)]))


@given(values=st.lists(VALUES, max_size=400), seed=st.integers(0, 9))
@law_settings(deadline=None, max_examples=60)
def test_each_row_is_in_one_part_and_parts_are_large_or_name_others(values: list[str | None], seed: int) -> None:
    held = {f"row{number}": value for number, value in enumerate(values)}
    parts = parts_by("c", held)
    rows = [row for part in parts for row in part.rows]
    assert sorted(rows) == sorted(held)
    counts = Counter(value for value in values if value is not None)
    named = [part for part in parts if part.value in counts]
    assert len(named) == min(MOST, sum(count >= LEAST for count in counts.values()))
    assert [len(part.rows) for part in named] == sorted((len(part.rows) for part in named), reverse=True)
    assert all(len(part.rows) == counts[part.value] >= LEAST for part in named)
    assert all(held[row] == part.value for part in named for row in part.rows)
    assert sum(len(part.rows) for part in parts if part.value == ABSENT) == values.count(None)
    order = list(held)
    np.random.default_rng(seed).shuffle(order)
    assert parts_by("c", {row: held[row] for row in order}) == parts


def test_a_part_is_scored_as_a_test_of_its_rows_alone() -> None:
    both = systems(wrong_tuned={0, 3, 7}, wrong_base=set(range(60)))
    found = with_slices(scored(both), both, thirds(), scored)
    for third, part in enumerate(found.slices):
        held_N = np.array([n % 3 == third for n in range(N)])
        alone = scored([replace(one, predictions=one.predictions.where(held_N)) for one in both])
        assert (part.column, part.value, part.n) == ("region", f"r{third}", N // 3)
        assert [part.base, part.tuned] == [one.metrics["accuracy"] for one in alone.systems]
        assert part.comparison == alone.comparisons[0]
    assert from_data(Results, to_data(found), place="here") == found
    whole = scored(both)
    assert replace(found, slices=()) == whole, "nobody was harmed: nothing else is said"


def test_harm_to_a_part_is_told_while_the_mean_rises() -> None:
    lost = {n for n in range(N) if n % 3 == 1 and n < 120}  # half of one third
    both = systems(wrong_tuned=lost, wrong_base={n for n in range(N) if n % 3 != 1})
    found = with_slices(scored(both), both, thirds(), scored)
    assert found.comparisons[0].difference.value > 0
    new = found.warnings[len(scored(both).warnings) :]
    (told,) = new
    assert "Tuning did harm where region is r1: accuracy changed by -0.500 on 80 test rows" in told


@pytest.mark.parametrize("parts", [1, 40])
def test_harm_that_one_of_many_parts_shows_by_chance_is_not_told(parts: int) -> None:
    """Six rows lost and none won: p = 0.031 of one part, and nothing of one among forty."""
    both = systems(wrong_tuned=set(range(6)), wrong_base=set())
    part = thirds()
    first = replace(part[0], rows=frozenset(f"row{n}" for n in range(80)))
    others = [
        replace(part[1], rows=frozenset(f"row{n}" for n in range(80, 160)), value=f"o{n}") for n in range(parts - 1)
    ]
    found = with_slices(scored(both), both, [first, *others], scored)
    told = [warning for warning in found.warnings if "did harm" in warning]
    assert len(told) == (1 if parts == 1 else 0)


def test_without_a_base_a_part_has_the_tuned_models_score_alone() -> None:
    alone = systems({1}, set(), base=False)
    found = with_slices(scored(alone), alone, thirds(), scored)
    assert all(part.tuned is not None and part.base is None and part.comparison is None for part in found.slices)


def test_rows_that_no_prediction_is_of_are_a_part_of_nothing() -> None:
    both = systems({1}, set())
    found = with_slices(scored(both), both, [Part("c", "v", frozenset({"elsewhere"}))], scored)
    assert [(part.n, part.tuned) for part in found.slices] == [(0, None)]


def test_a_long_value_is_shortened_in_sentences_and_whole_in_the_results() -> None:
    both = systems(wrong_tuned=set(range(0, N, 2)), wrong_base=set())
    long = replace(thirds()[0], value="v" * 500)
    found = with_slices(scored(both), both, [long], scored)
    assert found.slices[0].value == long.value
    (told,) = (warning for warning in found.warnings if "did harm" in warning)
    assert f"where region is {'v' * 59}…: " in told
