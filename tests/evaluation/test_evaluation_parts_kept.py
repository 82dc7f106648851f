"""The condition that no part loses: its three outcomes, what it says, and a recipe that asks for parts it has not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tunewright.core.errors import RecipeError
from tunewright.core.results import Comparison, Estimate, Outcome, Results, Slice, SystemScores, Verdict
from tunewright.evaluation.gate import judge, on_shares_alone, require_possible
from tunewright.recipe.judge import EvaluationSpec, Floor, PartsKept

KEPT = PartsKept(at_most=0.05)
TUNED = SystemScores("tuned", "tuned", "tuned", {"accuracy": Estimate(0.9, 0.88, 0.92, 900)})


def part(value: str, difference: float | None, half: float = 0.02, p_value: float | None = 0.5, n: int = 300) -> Slice:
    found = Estimate(difference, None, None, n, reason="no rows")
    if difference is not None:
        found = Estimate(difference, difference - half, difference + half, n)
    return Slice("region", value, n, found, found, Comparison("accuracy", "tuned", "base", found, p_value, "", 1, 1))


def outcome(*parts: Slice, headline: str = "accuracy", condition: PartsKept = KEPT) -> tuple[Outcome, str, str]:
    results = Results("classification", 900, ("a", "b"), headline, (TUNED,), (), None, slices=parts)
    (said,) = judge([condition], results, imbalance_ratio=1.0).outcomes
    assert said.condition == f"no part of the test loses more than {condition.at_most:g}"
    return said.outcome, said.found, said.advice


def test_it_passes_where_no_interval_reaches_a_larger_loss() -> None:
    said = outcome(part("Cork", 0.1), part("Kerry", -0.02))
    assert said == (Outcome.PASS, "The intervals of all 2 parts reach no larger loss by accuracy.", "")


def test_it_fails_where_a_part_is_surely_worse_and_names_it() -> None:
    found, said, advice = outcome(part("Cork", 0.1), part("Kerry", -0.08, p_value=0.001))
    assert found is Outcome.FAIL
    assert "1 of 2 parts lost more by accuracy: where region is Kerry (-0.080, -0.100 to -0.060, n 300)" in said
    assert "data.balance" in advice


def test_a_sure_loss_that_is_allowed_passes_and_one_that_may_be_larger_leaves_it_open() -> None:
    assert outcome(part("Kerry", -0.03, p_value=1e-5))[0] is Outcome.PASS
    assert outcome(part("Kerry", -0.04, p_value=1e-5))[0] is Outcome.UNKNOWN
    assert outcome(part("Kerry", -0.03, p_value=1e-5), condition=PartsKept(at_most=0))[0] is Outcome.FAIL


def test_what_one_part_alone_would_show_is_corrected_for_all() -> None:
    worse = part("Kerry", -0.08, p_value=0.03)
    assert outcome(worse)[0] is Outcome.FAIL
    assert outcome(worse, *(part(f"r{n}", 0.1) for n in range(3)))[0] is Outcome.UNKNOWN


@pytest.mark.parametrize("open_part", [part("Kerry", 0.0, half=0.2, n=30), part("Kerry", None, p_value=None)])
def test_a_part_of_which_too_little_is_known_leaves_it_open(open_part: Slice) -> None:
    found, said, advice = outcome(part("Cork", 0.1), open_part)
    assert found is Outcome.UNKNOWN
    assert "1 of 2 parts may have lost more" in said
    assert "Add test rows" in advice


def test_of_a_loss_more_is_worse() -> None:
    assert outcome(part("Cork", -0.1), headline="bits_per_byte")[0] is Outcome.PASS
    assert outcome(part("Cork", 0.1, p_value=1e-5), headline="bits_per_byte")[0] is Outcome.FAIL
    assert outcome(part("Cork", -0.1, p_value=1e-5))[0] is Outcome.FAIL


@pytest.mark.parametrize("parts", [(), (Slice("region", "Cork", 0, None),)])
def test_without_parts_nothing_is_known(parts: tuple[Slice, ...]) -> None:
    assert outcome(*parts)[0] is Outcome.UNKNOWN


def test_a_part_without_a_base_is_not_known_to_be_kept() -> None:
    alone = replace(part("Cork", 0.1), base=None, comparison=None)
    assert outcome(alone)[0] is Outcome.UNKNOWN


def test_harm_to_a_part_forbids_shipping_a_model_that_is_better_on_the_whole() -> None:
    found = Results("classification", 900, ("a", "b"), "accuracy", (TUNED,), (), None)
    conditions = [Floor(metric="accuracy", at_least=0.8), KEPT]
    harmed = replace(found, slices=(part("Kerry", -0.2, p_value=1e-6),))
    assert judge(conditions, harmed, imbalance_ratio=1.0).verdict is Verdict.DONT_SHIP
    kept = replace(found, slices=(part("Kerry", 0.2),))
    assert judge(conditions, kept, imbalance_ratio=1.0).verdict is Verdict.SHIP


@pytest.mark.parametrize("task", ["classification", "regression", "multilabel", "generation"])
def test_a_recipe_without_parts_is_refused_and_one_with_parts_is_not(task: str) -> None:
    require_possible([KEPT], EvaluationSpec(slices=["region"]), task)
    with pytest.raises(RecipeError, match=r"evaluation\.slices names no column"):
        require_possible([KEPT], EvaluationSpec(), task)


def test_it_guards_no_small_class() -> None:
    assert on_shares_alone([Floor(metric="accuracy", at_least=0.8), KEPT], 5.0)
