"""Two systems on the same prompts: the difference, its sign, its interval and its test."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from text_cases import spoken, texts_given

from tunewright.evaluation.paired import mcnemar_exact
from tunewright.evaluation.paired_texts import compare_texts
from tunewright.evaluation.randomisation import EXACT_UNITS, swap_test
from tunewright.evaluation.score_texts import score_texts
from tunewright.evaluation.settings import ScoreSettings
from tunewright.evaluation.texts import METRICS, Tallied

FAST = ScoreSettings(resamples=300)


def compared(first, second, metric="chrf", settings=FAST):
    return compare_texts(first, second, metric=metric, system="tuned", against="base", settings=settings)


@pytest.mark.parametrize("metric", ["chrf", "bleu", "rouge2", "token_f1", "bits_per_byte", "perplexity", "stop_rate"])
def test_a_difference_is_the_difference_of_the_scores(metric: str) -> None:
    good, poor = spoken(80, quality=0.9, seed=1), spoken(80, quality=0.5, seed=2)
    found = compared(good, poor, metric)
    scores = [
        score_texts(rows, name="a", title="a", role="tuned", settings=FAST, metrics=[metric]).metrics[metric].value
        for rows in (good, poor)
    ]
    assert found.difference.value == pytest.approx(scores[0] - scores[1])
    assert found.difference.low < found.difference.value < found.difference.high
    assert found.p_value < 0.05
    better = found.difference.value > 0 if METRICS[metric].higher_is_better else found.difference.value < 0
    assert better
    assert found.gained > found.lost  # of a metric of which less is better too
    back = compared(poor, good, metric)
    assert (back.gained, back.lost) == (found.lost, found.gained)
    assert back.difference.value == pytest.approx(-found.difference.value)


def test_a_share_of_independent_rows_takes_the_exact_test() -> None:
    first = texts_given(["a"] * 10, [["a"]] * 8 + [["b"]] * 2)
    second = texts_given(["b"] * 10, [["a"]] * 8 + [["b"]] * 2)
    found = compared(first, second, "exact_match")
    assert (found.gained, found.lost, found.test) == (8, 2, "mcnemar-exact")
    assert found.p_value == pytest.approx(mcnemar_exact(8, 2))
    pairs = tuple(str(i // 2) for i in range(10))
    grouped = compared(replace(first, clusters=pairs), replace(second, clusters=pairs), "exact_match")
    assert grouped.test == "exact-randomisation"


def counted_out(first, second, kind) -> float:
    """The share of all swaps, one by one, whose difference is at least as large as the one seen."""

    def gap(swapped) -> float:
        mask = np.array(swapped)[:, np.newaxis]
        totals = [np.where(mask, b, a).sum(axis=0)[np.newaxis] for a, b in ((first, second), (second, first))]
        return abs(float((kind.statistic(totals[0]) - kind.statistic(totals[1]))[0]))

    seen = gap([False] * len(first))
    return float(np.mean([gap(swaps) >= seen - 1e-9 for swaps in itertools.product([False, True], repeat=len(first))]))


@pytest.mark.parametrize("metric", ["bleu", "bits_per_byte", "token_f1"])
def test_randomisation_of_few_prompts_is_all_swaps_counted_out(metric: str) -> None:
    good, poor = spoken(9, quality=0.9, seed=3), spoken(9, quality=0.6, seed=4)
    kind = METRICS[metric]
    first, second = (Tallied(rows).table(kind) for rows in (good, poor))
    found = swap_test(first, second, good.clusters, kind.statistic, draws=1, rng=np.random.default_rng(1))
    assert found.test == "exact-randomisation"
    assert found.p_value == pytest.approx(counted_out(first, second, kind), abs=1e-12)
    assert compared(good, poor, metric).test == "exact-randomisation"


def test_one_prompt_alone_is_no_evidence_and_six_can_be() -> None:
    for n, least in ((1, 1.0), (6, 2 / 64)):
        good, poor = spoken(n, quality=1.0, seed=3), spoken(n, quality=0.0, seed=4)
        assert compared(good, poor, "bits_per_byte").p_value == least


def test_drawn_swaps_come_near_all_swaps_counted_out() -> None:
    n = EXACT_UNITS + 1
    good, poor = spoken(n, quality=0.8, seed=3), spoken(n, quality=0.7, seed=4)
    kind = METRICS["bits_per_byte"]
    first, second = (Tallied(rows).table(kind) for rows in (good, poor))
    drawn = swap_test(first, second, good.clusters, kind.statistic, draws=20_000, rng=np.random.default_rng(1))
    assert drawn.test == "approximate-randomisation"
    assert drawn.p_value == pytest.approx(counted_out(first, second, kind), abs=0.015)


def test_a_system_is_no_better_than_itself() -> None:
    rows = spoken(40, quality=0.7, seed=5)
    for metric in METRICS:
        found = compared(rows, rows, metric)
        assert found.difference.value == 0
        assert found.difference.low < 0 < found.difference.high  # forty rows cannot prove that nothing differs
        assert found.p_value == 1
        assert (found.gained, found.lost) == (0, 0)


def test_only_rows_that_both_have_are_compared() -> None:
    rows = spoken(30, quality=0.8, seed=6)
    fewer = replace(rows, texts=(*rows.texts[:20], *[None] * 10))
    assert compared(fewer, rows).difference.n == compared(rows, fewer).difference.n == 20
    looked_up = replace(rows, nats_N=np.full(30, np.nan), stopped=(None,) * 30)
    found = compared(rows, looked_up, "bits_per_byte")
    assert found.difference.value is None
    assert found.p_value is None
    assert "base" in found.reason
    assert "likelihoods" in found.reason


def test_other_rows_and_unknown_metrics_are_refused() -> None:
    rows = spoken(10, quality=0.8, seed=7)
    with pytest.raises(ValueError, match="references"):
        compared(rows, replace(rows, references=(("else",), *rows.references[1:])))
    with pytest.raises(ValueError, match="accuracy"):
        compared(rows, rows, "accuracy")


@pytest.mark.slow
def test_the_test_errs_at_its_level_when_nothing_differs() -> None:
    wrong = 0
    for seed in range(200):
        first, second = (spoken(40, quality=0.7, seed=1000 + 2 * seed + k) for k in (0, 1))
        wrong += compared(first, second, "bits_per_byte", ScoreSettings(resamples=200, seed=seed)).p_value < 0.05
    assert wrong <= 20  # 10 expected


def test_a_draw_that_is_no_number_counts_as_large() -> None:
    def undefined(tallies_BF):
        return np.where(tallies_BF[:, 0] == first.sum(), 9.0, np.where(tallies_BF[:, 0] == second.sum(), 1.0, np.nan))

    first, second = np.arange(1.0, 13)[:, None] * 3, np.arange(1.0, 13)[:, None]
    clusters = [str(i) for i in range(12)]
    assert swap_test(first, second, clusters, undefined, draws=200, rng=np.random.default_rng(1)).p_value == 1.0
