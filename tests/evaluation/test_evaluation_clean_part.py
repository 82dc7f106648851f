"""The test without the rows that training rows hold: what stays is scored as if nothing else had been there."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from evaluation_cases import given

from tunewright.core.codec import from_data, to_data
from tunewright.core.predictions import LabelSetPredictions, ValuePredictions
from tunewright.core.results import CleanPart, Results
from tunewright.evaluation.assemble_counted import AnsweredSystem, assemble_counted
from tunewright.evaluation.clean_part import with_clean_part
from tunewright.evaluation.clean_reading import clean_reading
from tunewright.evaluation.evaluate import System, assemble
from tunewright.evaluation.label_sets import count_sets
from tunewright.evaluation.numbers import count_numbers
from tunewright.recipe.judge import EvaluationSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tunewright.evaluation.counted import Counted

scored = partial(assemble, headline="accuracy", spec=EvaluationSpec(resamples=200), seed=5, gap=None)
TARGETS = [0, 1] * 60
IDS = tuple(f"row{number}" for number in range(len(TARGETS)))
MARKS_NK = np.array([[target, number % 3] for number, target in enumerate(TARGETS)]) > 0
LEARNED = range(40)
"""Rows that the tuned model knows by heart; of the others it answers half right, as the base does of all."""


def two_systems() -> list[System]:
    half = [target if number % 4 < 2 else 1 - target for number, target in enumerate(TARGETS)]
    tuned = [target if number in LEARNED else half[number] for number, target in enumerate(TARGETS)]
    answers = {"base": half, "tuned": tuned}
    return [
        System(name, f"The {name}", "tuned" if name == "tuned" else "base", given(TARGETS, said, classes=2))
        for name, said in answers.items()
    ]


def test_the_clean_part_is_scored_as_a_test_of_these_rows_alone() -> None:
    held = {f"row{number}" for number in LEARNED}
    systems = two_systems()
    found = with_clean_part(scored(systems), systems, held, scored).clean_part
    kept_N = np.array([number not in LEARNED for number in range(120)])
    alone = scored([replace(system, predictions=system.predictions.where(kept_N)) for system in systems])
    assert found == CleanPart(
        80, 40, tuple(replace(s, per_class=(), confusion=()) for s in alone.systems), alone.comparisons
    )
    assert [system.metrics["accuracy"].value for system in found.systems] == [0.5, 0.5]


def test_a_gain_that_came_of_learning_by_heart_is_said_to_be_gone() -> None:
    systems = two_systems()
    results = with_clean_part(scored(systems), systems, {f"row{number}" for number in LEARNED}, scored)
    assert clean_reading(results) == (
        "Without the 40 of 120 test rows that stand in training rows, accuracy of the tuned model is 0.500 (0.667 on "
        "all); +0.000 against The base, p = 1: the difference that all rows show is not shown without them."
    )


def test_without_contaminated_rows_there_is_no_clean_part() -> None:
    systems = two_systems()
    results = scored(systems)
    assert with_clean_part(results, systems, {"a row of some benchmark"}, scored) is results
    with pytest.raises(ValueError, match="no clean part"):
        clean_reading(results)


def test_where_no_row_is_left_the_score_is_unknown_and_not_zero() -> None:
    systems = two_systems()
    results = with_clean_part(scored(systems), systems, {f"row{number}" for number in range(120)}, scored)
    assert results.clean_part == CleanPart(0, 120)
    assert clean_reading(results).endswith("nothing is left to score: what the model can do on unseen rows is unknown.")


def test_the_clean_part_travels_as_json() -> None:
    systems = two_systems()
    results = with_clean_part(scored(systems), systems, {"row3"}, scored)
    assert from_data(Results, to_data(results), place="results.json") == results


NUMBERS_N = np.linspace(0, 9, 120)
COUNTED: dict[str, tuple[ValuePredictions | LabelSetPredictions, Callable[[Any], Counted], str]] = {
    "regression": (
        ValuePredictions(IDS, NUMBERS_N + np.sin(NUMBERS_N * 7) + (np.arange(120) >= 40), NUMBERS_N, IDS),
        count_numbers,
        "spearman",
    ),
    "multilabel": (
        LabelSetPredictions(IDS, ("a", "b"), np.stack([NUMBERS_N / 9, np.cos(NUMBERS_N) ** 2], axis=1), MARKS_NK, IDS),
        count_sets,
        "micro_f1",
    ),
}
"""Task to predictions, what counts them and a metric: ranks, say, are those within the rows that stay."""


@pytest.mark.parametrize("task", COUNTED)
def test_counted_answers_are_counted_anew_on_the_clean_part(task: str) -> None:
    predictions, count, metric = COUNTED[task]

    def judged(systems: Sequence[AnsweredSystem]) -> Results:
        counted = [system.counted(count, lambda _: ()) for system in systems]
        settings = {"task": task, "headline": metric, "compared": (), "seed": 5, "gap": None}
        return assemble_counted(counted, spec=EvaluationSpec(resamples=200), **settings)

    systems = [AnsweredSystem("tuned", "The tuned", "tuned", predictions)]
    found = with_clean_part(judged(systems), systems, set(IDS[:40]), judged).clean_part
    assert found is not None
    assert (found.n, found.left_out) == (80, 40)
    alone = judged([replace(systems[0], predictions=predictions.where(np.arange(120) >= 40))])
    assert found.systems == alone.systems
    assert found.systems[0].metrics[metric].value != judged(systems).systems[0].metrics[metric].value
