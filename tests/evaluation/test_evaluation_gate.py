"""The gate: every combination of outcomes, and never a verdict on nothing."""

from __future__ import annotations

import contextlib
import itertools
import math
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tunewright.core.errors import RecipeError
from tunewright.core.results import ClassScore, Comparison, Estimate, Outcome, Results, SystemScores, Verdict
from tunewright.evaluation.gate import (
    compared_metrics,
    default_conditions,
    judge,
    on_shares_alone,
    require_draws,
    require_possible,
)
from tunewright.evaluation.intervals import wilson
from tunewright.evaluation.power import rows_to_exclude
from tunewright.recipe.judge import BetterThan, ClassFloor, EvaluationSpec, Floor, Retention

if TYPE_CHECKING:
    from tunewright.recipe.judge import ConditionSpec

UNKNOWN = Estimate(None, None, None, 0, reason="not measured")
FLOOR = Floor(metric="accuracy", at_least=0.8)
BETTER = BetterThan(metric="macro_f1")
CLASSES = ClassFloor(at_least=0.2)


def around(value: float, half: float = 0.05) -> Estimate:
    return Estimate(value, value - half, value + half, 500, "wilson")


def system(name: str, role: str, accuracy: Estimate, recalls: dict[str, tuple[int, Estimate]] | None = None):
    per_class = tuple(
        ClassScore(label, support, recall, recall, recall) for label, (support, recall) in (recalls or {}).items()
    )
    return SystemScores(name, name, role, {"accuracy": accuracy, "macro_f1": accuracy}, per_class, ())


def results(
    *,
    accuracy: Estimate | None = None,
    difference: Estimate | None = None,
    p_value: float | None = 0.001,
    recalls: dict[str, tuple[int, Estimate]] | None = None,
) -> Results:
    """A tuned model, a base and a baseline; by default everything passes."""
    recalls = {"a": (50, around(0.9)), "b": (50, around(0.8))} if recalls is None else recalls
    difference = around(0.2) if difference is None else difference
    systems = (
        system("majority", "baseline", around(0.3)),
        system("tfidf_linear", "baseline", around(0.6)),
        system("base", "base", around(0.7)),
        system("tuned", "tuned", around(0.9) if accuracy is None else accuracy, recalls),
    )
    comparisons = tuple(
        Comparison(metric, "tuned", against, difference, p_value, "mcnemar-exact", 30, 5)
        for metric in ("accuracy", "macro_f1")
        for against in ("base", "tfidf_linear")
    )
    return Results("classification", 500, ("a", "b"), "macro_f1", systems, comparisons, None)


def outcome(condition: ConditionSpec, found: Results) -> Outcome:
    return judge([condition], found, imbalance_ratio=1.0).outcomes[0].outcome


ACCURACIES = {Outcome.PASS: around(0.9), Outcome.FAIL: around(0.7), Outcome.UNKNOWN: around(0.8)}
GAINS = {
    Outcome.PASS: (around(0.2), 0.001),
    Outcome.FAIL: (around(-0.2), 0.001),
    Outcome.UNKNOWN: (around(0.01), 0.6),
}
RECALLS = {
    Outcome.PASS: {"a": (50, around(0.9))},
    Outcome.FAIL: {"a": (50, around(0.9)), "b": (50, around(0.1))},
    Outcome.UNKNOWN: {"a": (50, around(0.9)), "b": (50, around(0.2))},
}


@pytest.mark.parametrize(("floor", "gain", "classes"), list(itertools.product(Outcome, repeat=3)))
def test_a_failure_forbids_and_doubt_leaves_open_and_only_three_passes_ship(
    floor: Outcome, gain: Outcome, classes: Outcome
) -> None:
    difference, p_value = GAINS[gain]
    found = results(accuracy=ACCURACIES[floor], difference=difference, p_value=p_value, recalls=RECALLS[classes])
    verdict = judge([FLOOR, BETTER, CLASSES], found, imbalance_ratio=1.0)
    said = [floor, gain, classes]
    assert [o.outcome for o in verdict.outcomes] == said
    expected = Verdict.SHIP
    if Outcome.FAIL in said:
        expected = Verdict.DONT_SHIP
    elif Outcome.UNKNOWN in said:
        expected = Verdict.NOT_ENOUGH_EVIDENCE
    assert verdict.verdict is expected
    for one in verdict.outcomes:
        assert one.condition
        assert one.found
        assert bool(one.advice) == (one.outcome is not Outcome.PASS), "advice says what to do where there is anything"


@pytest.mark.parametrize(
    ("value", "low", "high", "p_value", "expected"),
    [
        (0.10, 0.02, 0.18, 0.01, Outcome.PASS),
        (0.10, -0.01, 0.20, 0.04, Outcome.UNKNOWN),  # the test says yes, the interval does not
        (0.10, 0.01, 0.20, 0.06, Outcome.UNKNOWN),  # the interval says yes, the test does not
        (0.10, 0.01, 0.20, 0.05, Outcome.UNKNOWN),  # not below alpha
        (0.00, -0.001, 0.001, 1.0, Outcome.UNKNOWN),  # alike for certain is not better
        (-0.02, -0.04, 0.0, 0.06, Outcome.FAIL),
        (-0.02, -0.05, 0.01, 0.04, Outcome.FAIL),  # significantly worse
        (-0.02, -0.05, 0.01, 0.2, Outcome.UNKNOWN),
        (None, None, None, None, Outcome.UNKNOWN),
        (0.10, 0.02, 0.18, None, Outcome.UNKNOWN),
        (0.10, None, None, 0.01, Outcome.UNKNOWN),
        (math.nan, math.nan, math.nan, math.nan, Outcome.UNKNOWN),
        (0.10, 0.02, 0.18, math.nan, Outcome.UNKNOWN),
    ],
)
def test_better_needs_the_test_and_the_interval(value, low, high, p_value, expected) -> None:
    found = results(difference=Estimate(value, low, high, 500), p_value=p_value)
    assert outcome(BETTER, found) is expected


def test_an_interval_stricter_than_the_condition_asks_leaves_the_decision_to_the_test() -> None:
    found = results(difference=Estimate(0.1, -0.01, 0.21, 500), p_value=0.07)
    assert outcome(BetterThan(metric="macro_f1", alpha=0.1), found) is Outcome.PASS
    assert outcome(BetterThan(metric="macro_f1", alpha=0.1), replace(found, confidence=0.9)) is Outcome.UNKNOWN


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.81, 0.9, Outcome.PASS),
        (0.8, 0.9, Outcome.PASS),  # at least
        (0.79, 0.9, Outcome.UNKNOWN),
        (0.7, 0.8, Outcome.UNKNOWN),
        (0.7, 0.79, Outcome.FAIL),
        (None, None, Outcome.UNKNOWN),
        (math.nan, math.nan, Outcome.UNKNOWN),
    ],
)
def test_a_floor_is_decided_by_the_interval(low, high, expected) -> None:
    value = None if low is None else (low + high) / 2
    assert outcome(FLOOR, results(accuracy=Estimate(value, low, high, 100))) is expected


def without(found: Results, *names: str) -> Results:
    return replace(found, systems=tuple(s for s in found.systems if s.name not in names))


@pytest.mark.parametrize("condition", [FLOOR, BETTER, CLASSES, BetterThan(system="best_baseline", metric="accuracy")])
def test_what_is_missing_never_passes(condition: ConditionSpec) -> None:
    nothing = [
        without(results(), "tuned"),
        Results("classification", 0, (), "macro_f1", (), (), None),
        replace(
            without(results(), "base", "majority", "tfidf_linear"),
            systems=(system("tuned", "tuned", UNKNOWN, {"a": (0, UNKNOWN)}),),
        ),
        replace(results(accuracy=UNKNOWN, recalls={}), comparisons=()),
    ]
    for found in nothing:
        verdict = judge([condition], found, imbalance_ratio=None)
        assert verdict.verdict is Verdict.NOT_ENOUGH_EVIDENCE
        assert verdict.outcomes[0].found
        assert verdict.outcomes[0].advice


def test_the_best_baseline_is_the_one_that_is_best_by_the_metric_asked_for() -> None:
    found = judge([BetterThan(system="best_baseline", metric="accuracy")], results(), imbalance_ratio=1.0)
    assert found.verdict is Verdict.SHIP
    assert "(tuned: 0.900; tfidf_linear: 0.600)" in found.outcomes[0].found
    assert outcome(BetterThan(system="best_baseline"), without(results(), "tfidf_linear")) is Outcome.UNKNOWN


def test_a_model_surely_worse_than_a_baseline_by_the_metric_asked_for_does_not_ship() -> None:
    """Always the largest class: the lowest macro F1, which is the headline, and the highest accuracy."""
    largest = SystemScores(
        "majority", "majority", "baseline", {"accuracy": around(0.95), "macro_f1": around(0.3)}, (), ()
    )
    found = results()
    worse = [
        Comparison(metric, "tuned", "majority", around(-0.06 if metric == "accuracy" else 0.6), 0.001, "", 1, 9)
        for metric in ("accuracy", "macro_f1")
    ]
    found = replace(
        found, systems=(largest, *without(found, "majority").systems), comparisons=(*found.comparisons, *worse)
    )
    assert outcome(BetterThan(system="best_baseline", metric="accuracy"), found) is Outcome.FAIL
    assert outcome(BetterThan(system="best_baseline", metric="macro_f1"), found) is Outcome.PASS


def test_the_headline_chooses_the_best_baseline_where_none_has_the_metric_asked_for() -> None:
    asked = BetterThan(system="best_baseline", metric="micro_f1")
    named = Comparison("micro_f1", "tuned", "tfidf_linear", around(0.2), 0.001, "", 9, 1)
    assert outcome(asked, replace(results(), comparisons=(named,))) is Outcome.PASS


def test_a_comparison_of_another_system_or_metric_does_not_count() -> None:
    others = tuple(replace(c, system="an older model") for c in results().comparisons)
    assert outcome(BETTER, replace(results(), comparisons=others)) is Outcome.UNKNOWN
    assert outcome(BetterThan(metric="macro_recall"), results()) is Outcome.UNKNOWN


def test_a_class_without_test_rows_leaves_the_gate_open_whatever_is_asked_of_it() -> None:
    unknown = {"a": (50, around(0.9)), "b": (0, Estimate(0.0, 0.0, 0.1, 30))}
    for metric in ("recall", "precision", "f1"):
        found = judge([ClassFloor(metric=metric, min_support=5)], results(recalls=unknown), imbalance_ratio=1.0)
        assert found.verdict is Verdict.NOT_ENOUGH_EVIDENCE
        assert "Without test rows: 'b'." in found.outcomes[0].found


def test_small_classes_are_listed_and_not_judged() -> None:
    few = {"a": (50, around(0.9)), "b": (3, around(0.1))}
    found = judge([ClassFloor(min_support=5)], results(recalls=few), imbalance_ratio=1.0).outcomes[0]
    assert found.outcome is Outcome.PASS
    assert "Not judged, with fewer than 5 test rows: 'b' (3)." in found.found
    alone = judge([ClassFloor(min_support=5)], results(recalls={"b": (3, around(0.9))}), imbalance_ratio=1.0)
    assert alone.verdict is Verdict.NOT_ENOUGH_EVIDENCE


def test_the_classes_that_fail_and_those_undecided_are_named() -> None:
    recalls = {"good": (50, around(0.9)), "lost": (50, around(0.1)), "open": (50, around(0.2))}
    found = judge([CLASSES], results(recalls=recalls), imbalance_ratio=1.0).outcomes[0]
    assert found.outcome is Outcome.FAIL
    assert found.found.startswith("1 of 3 classes reach 0.2")
    assert "Below 0.2, with the whole interval: 'lost' (recall 0.100" in found.found
    assert "reaches from below 0.2 to above it: 'open' (recall 0.200" in found.found


def test_a_class_of_which_nothing_is_found_is_explained_to_someone_who_never_saw_an_interval() -> None:
    never = Estimate(0.0, *wilson(0, 11, confidence=0.95), 11, "wilson")
    found = judge([CLASSES], results(recalls={"a": (50, around(0.9)), "lost": (11, never)}), imbalance_ratio=1.0)
    (said,) = found.outcomes
    assert said.outcome is Outcome.UNKNOWN
    assert said.found == (
        "1 of 2 classes reach 0.2 for certain: the whole 95 % interval of the recall lies there. Undecided, as the "
        "interval reaches from below 0.2 to above it: 'lost' (recall 0.000: 0 of 11 test rows found; interval 0.000 to "
        "0.259)."
    )
    assert said.advice == (
        "The model may have given up 'lost': look at the training rows and labels. Add test rows of the classes named, "
        "which are too few to decide: about 16 of 'lost' (now 11) would do if the recall stays."
    )


def test_a_class_that_was_never_predicted_is_not_said_to_have_an_interval() -> None:
    never = Estimate(None, None, None, 0, reason="the class was never predicted")
    recalls = {"a": (50, around(0.9)), "lost": (11, never)}
    found = judge([ClassFloor(metric="precision")], results(recalls=recalls), imbalance_ratio=1.0).outcomes[0]
    assert "Unknown: 'lost' (the class was never predicted)." in found.found
    assert "Undecided" not in found.found
    assert "may have given up 'lost'" in found.advice


@pytest.mark.parametrize("hits", [0, 1, 5, 9])
@pytest.mark.parametrize("level", [0.2, 0.5, 0.8])
def test_the_rows_said_to_decide_a_share_are_the_fewest_that_do(hits: int, level: float) -> None:
    def decided(rows: int) -> bool:
        low, high = wilson(hits / 10 * rows, rows, confidence=0.95)
        return high < level or low >= level

    estimate = Estimate(hits / 10, *wilson(hits, 10, confidence=0.95), 10, "wilson")
    rows = rows_to_exclude(estimate, level, confidence=0.95)
    if decided(10) or hits / 10 == level:
        assert rows is None
    else:
        assert rows is not None
        assert decided(rows)
        assert rows == 11 or not decided(rows - 1)


MACHINE = re.compile(r"[a-z]+_[a-z0-9]+|mcnemar-exact|approximate-r|[^\x00-\x7f]")
"""Names of fields and tests, and what a plain console may not show."""


@pytest.mark.parametrize(
    "condition", [FLOOR, BETTER, CLASSES, BetterThan(system="best_baseline"), ClassFloor(metric="f1")]
)
@pytest.mark.parametrize("state", [*Outcome, "missing"])
def test_every_sentence_is_in_words_and_ends(condition: ConditionSpec, state: Outcome | str) -> None:
    if isinstance(state, Outcome):
        gain, p_value = GAINS[state]
        found = results(accuracy=ACCURACIES[state], difference=gain, p_value=p_value, recalls=RECALLS[state])
        found = replace(found, systems=tuple(replace(s, title=s.name.replace("_", " ")) for s in found.systems))
    else:
        found = Results("classification", 0, (), "macro_f1", (), (), None)
    (said,) = judge([condition], found, imbalance_ratio=1.0).outcomes
    assert not MACHINE.search(" ".join([said.condition, said.found, said.advice]))
    assert all(text.endswith(".") for text in (said.found, said.advice) if text)


@pytest.mark.parametrize(
    ("ratio", "metric"), [(None, "macro_f1"), (1.6, "macro_f1"), (1.5, "accuracy"), (1.0, "accuracy")]
)
def test_the_default_conditions_read_imbalanced_labels_by_macro_f1(ratio: float | None, metric: str) -> None:
    better, floor = default_conditions(ratio)
    assert better == BetterThan(system="base", metric=metric)
    assert floor == ClassFloor(metric="recall", at_least=0.2)
    assert compared_metrics([better, floor, better]) == (metric,)


def test_accuracy_alone_on_imbalanced_labels_is_warned_about() -> None:
    def warned(conditions: list[ConditionSpec], ratio: float | None) -> bool:
        return bool(judge(conditions, results(), imbalance_ratio=ratio).warnings)

    alone = [FLOOR, BetterThan(metric="accuracy")]
    assert warned(alone, 4.0)
    assert not warned(alone, 1.2)
    assert not warned([*alone, BETTER], 4.0)
    assert not warned([*alone, CLASSES], 4.0)


def test_a_gate_without_conditions_is_refused() -> None:
    with pytest.raises(ValueError, match="without conditions"):
        judge([], results(), imbalance_ratio=1.0)


def test_doubt_says_how_many_rows_would_settle_it() -> None:
    seen = results(difference=Estimate(0.02, -0.03, 0.07, 500), p_value=0.4)
    assert "about 6,386 test rows like these" in judge([BETTER], seen, imbalance_ratio=1.0).outcomes[0].advice
    worse = results(difference=Estimate(-0.02, -0.07, 0.03, 500), p_value=0.4)
    assert "change the training rather than" in judge([BETTER], worse, imbalance_ratio=1.0).outcomes[0].advice
    alike = results(difference=Estimate(0.0, -0.01, 0.01, 500), p_value=1.0)
    assert "Both score alike" in judge([BETTER], alike, imbalance_ratio=1.0).outcomes[0].advice


POSSIBLE = [
    (default_conditions(None), EvaluationSpec()),
    ([FLOOR, CLASSES], EvaluationSpec(baselines=["majority"])),
    ([BetterThan(system="best_baseline")], EvaluationSpec(baselines=["majority"])),
    ([BetterThan()], EvaluationSpec(baselines=["probe"])),
    ([BetterThan(alpha=0.01)], EvaluationSpec(resamples=100)),
    ([BetterThan(metric="accuracy", alpha=0.0001)], EvaluationSpec(resamples=100)),  # the exact test knows no floor
]
IMPOSSIBLE = [
    (default_conditions(None), EvaluationSpec(baselines=["majority"]), "evaluation.baselines"),
    ([BetterThan(system="best_baseline")], EvaluationSpec(baselines=["probe"]), "evaluation.baselines"),
    ([BetterThan(alpha=1 / 101)], EvaluationSpec(resamples=100), "evaluation.resamples"),
    ([FLOOR, BetterThan(alpha=0.001)], EvaluationSpec(resamples=900), "evaluation.resamples"),
]


@pytest.mark.parametrize(("conditions", "spec"), POSSIBLE)
def test_a_gate_that_some_model_could_pass_is_let_be(conditions: list[ConditionSpec], spec: EvaluationSpec) -> None:
    require_possible(conditions, spec)
    require_possible(conditions, spec, base="probe")


@pytest.mark.parametrize(("conditions", "spec", "field"), IMPOSSIBLE)
def test_a_gate_that_no_model_could_pass_is_refused_with_both_fields(
    conditions: list[ConditionSpec], spec: EvaluationSpec, field: str
) -> None:
    with pytest.raises(RecipeError, match=field) as raised:
        require_possible(conditions, spec, base="probe")
    assert raised.value.problems[0].place == "gate.conditions"


@pytest.mark.parametrize(
    ("base", "baselines", "possible"),
    [
        ("probe", ["probe"], True),
        ("probe", ["majority", "base"], False),
        ("base", ["base"], True),
        ("base", ["majority", "probe"], False),
        (None, ["base"], True),
        (None, ["probe"], True),
        (None, ["majority"], False),
    ],
)
def test_the_base_is_scored_by_the_baseline_that_the_task_says(base, baselines, possible) -> None:
    spec = EvaluationSpec(baselines=baselines)
    with contextlib.nullcontext() if possible else pytest.raises(RecipeError, match="leaves out") as raised:
        require_possible([BetterThan()], spec, base=base)
    assert possible or repr(base or "probe") in raised.value.problems[0].remedy


def test_the_best_baseline_is_no_base_and_may_be_a_probe_where_the_base_is_asked() -> None:
    alone = [BetterThan(system="best_baseline")]
    require_possible(alone, EvaluationSpec(baselines=["probe"]), base="base")
    with pytest.raises(RecipeError, match="'base', the base, alone"):
        require_possible(alone, EvaluationSpec(baselines=["base"]), base="base")


def test_what_to_do_without_an_opponent_speaks_of_texts_where_there_are_texts() -> None:
    found = judge([BETTER], without(results(), "base"), imbalance_ratio=None).outcomes[0]
    assert "evaluation.baselines" in found.advice
    assert "texts" not in found.advice


def test_a_share_of_clustered_rows_needs_as_many_draws_as_any_metric() -> None:
    spec, asked = EvaluationSpec(resamples=100), [BetterThan(metric="accuracy", alpha=0.001)]
    require_draws(asked, spec, clustered=lambda: False)
    with pytest.raises(RecipeError, match="gives no p-value below"):
        require_draws(asked, spec, clustered=lambda: True)


def test_rows_are_not_looked_at_where_the_draws_suffice() -> None:
    def looked_at() -> bool:
        raise AssertionError

    require_draws([BetterThan(metric="accuracy"), FLOOR], EvaluationSpec(resamples=100), clustered=looked_at)


MICRO = Floor(metric="micro_f1", at_least=0.8)


@pytest.mark.parametrize(
    ("conditions", "alone"),
    [
        ([FLOOR], True),
        ([BetterThan(metric="accuracy"), MICRO], True),
        ([FLOOR, Retention(on="earlier_test")], True),
        ([FLOOR, CLASSES], False),
        ([FLOOR, BETTER], False),
        ([Retention(on="earlier_test")], False),
    ],
)
def test_a_gate_on_shares_alone_is_warned_of_where_classes_differ_in_size(conditions, alone) -> None:
    assert on_shares_alone(conditions, 2.0) is alone
    assert not on_shares_alone(conditions, 1.2)
    assert bool(judge(conditions, results(), imbalance_ratio=2.0).warnings) is alone
