"""The gate over texts: less can be better, forgetting can forbid, and what cannot pass is refused at once."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from text_cases import spoken

from tunewright.core.errors import RecipeError
from tunewright.core.results import Outcome, Verdict
from tunewright.evaluation.evaluate_texts import Beside, TextSystem, assemble_texts
from tunewright.evaluation.gate import (
    compared_metrics,
    default_conditions,
    default_text_conditions,
    judge,
    require_possible,
)
from tunewright.evaluation.gentler import gentler
from tunewright.evaluation.retention import retention
from tunewright.evaluation.settings import ScoreSettings
from tunewright.recipe.judge import BetterThan, ClassFloor, EvaluationSpec, Floor, Retention
from tunewright.recipe.train import AdamW, Lora, TopLayers, TrainSpec

SPEC = EvaluationSpec(resamples=300)
GENERAL = spoken(60, quality=0.7, seed=9)


def results(tuned: float, base: float, *, rise: float | None = 0.0, n: int = 150):
    rows = {"tuned": spoken(n, quality=tuned, seed=1), "base": spoken(n, quality=base, seed=2)}
    looked_up = replace(rows["base"], nats_N=np.full(n, np.nan), stopped=(None,) * n)
    kept = None
    if rise is not None:
        noise = np.random.default_rng(3).normal(1 + rise, 0.03, 60)
        after = replace(GENERAL, nats_N=GENERAL.nats_N * noise)
        kept = retention(GENERAL, after, settings=ScoreSettings(resamples=300))
    return assemble_texts(
        [
            TextSystem("nearest_neighbour", "nearest neighbour", "baseline", looked_up),
            TextSystem("base", "starter, untuned", "base", rows["base"]),
            TextSystem("tuned", "starter, tuned", "tuned", rows["tuned"]),
        ],
        task="generation",
        headline="bits_per_byte",
        spec=SPEC,
        seed=13,
        gap=None,
        compared=("bits_per_byte", "chrf", "loss"),
        beside=Beside(retention=kept),
    )


def decided(condition, found):
    return judge([condition], found, imbalance_ratio=None).outcomes[0]


def test_less_bits_pass_and_more_bits_fail() -> None:
    condition = BetterThan(metric="bits_per_byte")
    better, worse, equal = (decided(condition, results(*q)) for q in ((0.95, 0.5), (0.5, 0.95), (0.7, 0.7)))
    assert better.outcome is Outcome.PASS
    assert "of which less is better" in better.found
    assert "lies below 0" in better.found
    assert worse.outcome is Outcome.FAIL
    assert "Keep starter, untuned" in worse.advice
    assert "classes" not in worse.advice
    assert equal.outcome is Outcome.UNKNOWN
    assert decided(BetterThan(metric="chrf"), results(0.95, 0.5)).outcome is Outcome.PASS
    assert decided(BetterThan(metric="chrf"), results(0.5, 0.95)).outcome is Outcome.FAIL


def test_a_floor_of_a_loss_is_the_most_allowed() -> None:
    found = results(0.9, 0.6)
    loss = next(s for s in found.systems if s.role == "tuned").metrics["loss"]
    above, below = Floor(metric="loss", at_least=loss.high + 0.1), Floor(metric="loss", at_least=loss.low - 0.1)
    within = Floor(metric="loss", at_least=loss.value)
    assert decided(above, found).outcome is Outcome.PASS
    assert decided(below, found).outcome is Outcome.FAIL
    assert "lies above" in decided(below, found).found
    assert decided(within, found).outcome is Outcome.UNKNOWN
    assert decided(above, found).condition == f"loss is at most {above.at_least:g}"
    assert decided(Floor(metric="stop_rate", at_least=0.7), found).outcome is Outcome.PASS
    assert decided(Floor(metric="stop_rate", at_least=0.99), found).outcome is Outcome.FAIL


def some_written(found, n: int, of: int):
    """The results as of a test of more prompts, of which answers were written for so many."""
    assert found.n == n
    return replace(found, n=of)


def test_what_more_written_answers_would_decide_is_said_before_new_test_rows_are_asked_for() -> None:
    found = results(0.77, 0.72, n=40)
    chrf = next(s for s in found.systems if s.role == "tuned").metrics["chrf"]
    for condition in (BetterThan(metric="chrf"), Floor(metric="chrf", at_least=chrf.value - 0.5)):
        some = decided(condition, some_written(found, 40, 5000))
        assert some.outcome is Outcome.UNKNOWN
        assert "evaluation.generate" in some.advice
        assert "5,000" in some.advice
        every = decided(condition, found)
        assert "Add test rows" in every.advice
        assert "evaluation.generate" not in every.advice
    for tuned, base in ((0.75, 0.75), (0.7, 0.78)):  # alike, or worse: as few written answers tell neither
        unsure = decided(BetterThan(metric="chrf"), some_written(results(tuned, base, n=10), 10, 5000))
        assert unsure.outcome is Outcome.UNKNOWN
        assert "evaluation.generate" in unsure.advice
    bits = decided(BetterThan(metric="bits_per_byte"), some_written(results(0.75, 0.745, n=40), 40, 5000))
    assert "evaluation.generate" not in bits.advice  # the likelihood is taken of every test row


def test_forgetting_is_judged_by_the_whole_interval_of_its_rise() -> None:
    outcomes = {rise: decided(Retention(at_most=0.1), results(0.9, 0.6, rise=rise)) for rise in (-0.2, 0.0, 0.1, 0.3)}
    assert [outcomes[rise].outcome for rise in outcomes] == [
        Outcome.PASS,
        Outcome.PASS,
        Outcome.UNKNOWN,
        Outcome.FAIL,
    ]
    assert outcomes[0.3].condition == "bits per byte of general text rise by at most 10 %"
    assert "lies above 10 % as a whole" in outcomes[0.3].found
    assert "train more gently" in outcomes[0.3].advice
    assert "general_text" in outcomes[0.1].advice
    assert outcomes[0.0].advice == ""
    lora = TrainSpec(method=Lora(rank=8, targets=["q_proj"]), max_steps=40, optimizer=AdamW(lr=3e-4))
    advice = judge([Retention()], results(0.9, 0.6, rise=0.3), imbalance_ratio=None, train=lora).outcomes[0].advice
    assert "rank (now 8)" in advice
    missing = decided(Retention(), results(0.9, 0.6, rise=None))
    assert missing.outcome is Outcome.UNKNOWN
    assert "not scored" in missing.found


@pytest.mark.parametrize(
    ("step", "whole", "outcome"),
    [
        (0.0, 0.0, Outcome.PASS),
        (0.0, 0.3, Outcome.FAIL),
        (0.0, 0.1, Outcome.UNKNOWN),
        (0.3, 0.0, Outcome.FAIL),
    ],
)
def test_what_many_runs_forgot_together_is_held_to_the_level_too(step: float, whole: float, outcome: Outcome) -> None:
    found = replace(results(0.9, 0.6, rise=step), since_first=results(0.9, 0.6, rise=whole).retention)
    said = decided(Retention(at_most=0.1), found)
    assert said.outcome is outcome
    assert "to the untuned base" in said.found
    assert "to the base that this chain of runs began with" in said.found


def test_the_base_is_called_what_it_is() -> None:
    found = replace(results(0.95, 0.5), base="the earlier run's model (run:a)")
    said = [decided(c, found) for c in (BetterThan(metric="bits_per_byte"), Retention())]
    assert said[0].condition.startswith("bits per byte is better than that of the earlier run's model (run:a)")
    assert "to the earlier run's model (run:a)" in said[1].found


def test_the_best_baseline_is_found_where_the_headline_knows_none() -> None:
    found = results(0.95, 0.5)
    outcome = decided(BetterThan(system="best_baseline", metric="chrf"), found)
    assert outcome.outcome is Outcome.PASS
    assert "nearest neighbour" in outcome.found


def test_the_defaults_ship_a_better_model_that_stops_and_remembers() -> None:
    conditions = default_text_conditions("generation")
    assert [c.kind for c in conditions] == ["better_than", "floor", "retention"]
    assert compared_metrics(conditions) == ("bits_per_byte",)
    found = results(0.99, 0.5)
    assert judge(conditions, found, imbalance_ratio=None).verdict is Verdict.SHIP
    assert judge(conditions, results(0.99, 0.5, rise=0.4), imbalance_ratio=None).verdict is Verdict.DONT_SHIP
    assert judge(conditions, results(0.6, 0.5), imbalance_ratio=None).verdict is Verdict.DONT_SHIP  # seldom stops


@pytest.mark.parametrize("task", ["generation", "text_to_text", "language_modelling"])
def test_the_defaults_of_each_task_are_possible(task: str) -> None:
    require_possible(default_text_conditions(task), EvaluationSpec(), task)
    require_possible(default_text_conditions(task, "masked"), EvaluationSpec(), task)


@pytest.mark.parametrize(
    ("condition", "spec", "task", "said"),
    [
        (BetterThan(metric="accuracy"), {}, "generation", "'accuracy'.*generation"),
        (BetterThan(), {}, "text_to_text", "'macro_f1'.*text_to_text"),
        (Floor(metric="chrf", at_least=20), {}, "language_modelling", "'chrf'.*language_modelling"),
        (BetterThan(metric="chrf"), {}, "classification", "'chrf'.*classification"),
        (Retention(), {}, "classification", "retention"),
        (ClassFloor(), {}, "generation", "no classes"),
        (Retention(), {"general_text": None}, "generation", "general_text"),
        (Retention(), {"baselines": ["nearest_neighbour"]}, "generation", "leaves out 'base'.*add 'base'"),
        (Retention(), {}, "text_to_text", "not measured for text_to_text.*remove it"),
        (Floor(metric="stop_rate", at_least=0.9), {"generate": 0}, "generation", "evaluation.generate is 0"),
        (BetterThan(metric="length_ratio"), {}, "generation", "neither"),
        (BetterThan(metric="bits_per_byte"), {"baselines": ["nearest_neighbour"]}, "generation", "'base'"),
        (BetterThan(system="best_baseline", metric="chrf"), {"baselines": ["base"]}, "generation", "alone"),
        (BetterThan(system="best_baseline", metric="loss"), {}, "generation", "baselines of texts have none"),
        (BetterThan(metric="chrf", alpha=0.001), {"resamples": 100}, "generation", "p-value"),
    ],
)
def test_a_condition_that_cannot_pass_is_refused_by_name(condition, spec, task, said: str) -> None:
    with pytest.raises(RecipeError, match=f"(?s){said}"):
        require_possible([condition], EvaluationSpec(**spec), task)


def test_the_metrics_that_a_task_has_stand_in_the_refusal() -> None:
    with pytest.raises(RecipeError, match="bits_per_byte, loss, perplexity"):
        require_possible([BetterThan(metric="accuracy")], EvaluationSpec(), "language_modelling")
    require_possible(default_conditions(None), EvaluationSpec())
    require_possible([BetterThan(metric="exact_match", alpha=0.001)], EvaluationSpec(resamples=100), "generation")


@pytest.mark.parametrize(
    "condition", [Retention(), BetterThan(metric="bits_per_byte"), Floor(metric="perplexity", at_least=9)]
)
def test_a_masked_base_has_a_loss_alone_and_no_general_text(condition) -> None:
    require_possible([condition], EvaluationSpec(), "language_modelling", layout="causal")
    require_possible([BetterThan(metric="loss")], EvaluationSpec(), "language_modelling", layout="masked")
    with pytest.raises(RecipeError, match=r"gate\.conditions.*(on a masked base|on such a base)"):
        require_possible([condition], EvaluationSpec(), "language_modelling", layout="masked")


def earlier(n: int, factor: float, noise: float):
    before = spoken(n, quality=0.7, seed=9)
    drawn = factor + noise * np.linspace(-1, 1, n)
    scored = retention(before, replace(before, nats_N=before.nats_N * drawn), settings=ScoreSettings(resamples=300))
    return replace(results(0.9, 0.6), earlier_test=scored)


def test_a_small_earlier_test_that_may_be_forgotten_does_not_pass() -> None:
    condition = Retention(on="earlier_test", at_most=0.05)
    small = decided(condition, earlier(5, 1.4, 0.6))
    assert small.outcome is Outcome.UNKNOWN
    assert "reaches from below 5 % to above it" in small.found
    assert "data.replay" in small.advice
    assert decided(condition, earlier(80, 1.0, 0.02)).outcome is Outcome.PASS
    assert decided(condition, earlier(80, 1.4, 0.02)).outcome is Outcome.FAIL


def test_advice_fits_what_no_evaluation_can_bring() -> None:
    found = results(0.9, 0.6, rise=None)
    for condition, said in (
        (Retention(), "evaluation.general_text"),
        (Retention(on="earlier_test"), "run:NAME"),
        (BetterThan(system="best_baseline", metric="loss"), "that of the base"),
        (Floor(metric="accuracy", at_least=0.5), "a metric in gate.conditions that is scored: bits_per_byte"),
    ):
        outcome = decided(condition, found)
        assert outcome.outcome is Outcome.UNKNOWN
        assert said in outcome.advice
        assert "Run the evaluation again" not in outcome.advice


@pytest.mark.parametrize(
    ("train", "ways", "not_said"),
    [
        (
            TrainSpec(),
            ["train.optimizer.lr (now auto)", "train.epochs (now 8)", "kind: lora", "kind: top_layers"],
            "rank",
        ),
        (TrainSpec(max_steps=40, epochs=2), ["train.max_steps (now 40)"], "epochs"),
        (
            TrainSpec(optimizer=AdamW(lr=3e-4), method=Lora()),
            ["(now 0.0003)", "rank (now 16)", "targets"],
            "kind: lora",
        ),
        (TrainSpec(method=Lora(rank=1, targets=["q_proj"])), ["lower", "fewer train.epochs"], "train.method"),
        (TrainSpec(method=TopLayers(layers=2)), ["train.method.layers, now 2"], "kind:"),
        (TrainSpec(method=TopLayers(layers=0)), ["lower", "fewer train.epochs"], "train.method"),
        (None, ["a lower train.optimizer.lr", "fewer train.epochs"], "now"),
    ],
)
def test_how_to_forget_less_follows_from_the_settings(train: TrainSpec | None, ways: list[str], not_said: str) -> None:
    said = gentler(train)
    assert all(way in said for way in ways), said
    assert not_said not in said
    assert said.endswith("), or train on general text beside the rows (data.general_text)")
    assert said.isascii()
