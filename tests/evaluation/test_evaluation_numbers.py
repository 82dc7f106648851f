"""Scores of numbers: equal to scikit-learn's and scipy's, with intervals that cover and tests that keep their level."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import mean_absolute_error, mean_squared_error, r2_score

from tunewright.core.errors import RunError
from tunewright.core.predictions import ValuePredictions
from tunewright.core.training import StepReport
from tunewright.evaluation.advice import Trained
from tunewright.evaluation.assemble_counted import CountedSystem, assemble_counted
from tunewright.evaluation.counted import compare_counted, counted_estimates
from tunewright.evaluation.number_baselines import mean_number, ridge_probe, tfidf_ridge
from tunewright.evaluation.number_gap import read_number_gap
from tunewright.evaluation.numbers import METRICS, count_numbers
from tunewright.evaluation.settings import ScoreSettings
from tunewright.recipe.judge import EvaluationSpec
from tunewright.recipe.train import TrainSpec

if TYPE_CHECKING:
    from collections.abc import Sequence

STEP = StepReport(8, 8.0, loss=0.1, grad_norm=1.0, lr=1e-4, examples=8, tokens=80, targets=8, seconds=0.1)
TRAINED = Trained(TrainSpec(), 1e-4, (STEP,), ())
QUICK = ScoreSettings(resamples=300)
NUMBERS = st.lists(st.tuples(st.floats(-1e4, 1e4), st.floats(-1e4, 1e4)), min_size=3, max_size=40)


def predictions(
    targets: Sequence[float] | np.ndarray,
    given_N: Sequence[float] | np.ndarray,
    clusters: Sequence[object] | None = None,
) -> ValuePredictions:
    n = len(targets)
    return ValuePredictions(
        tuple(f"row{i}" for i in range(n)),
        np.asarray(given_N, dtype=np.float64),
        np.asarray(targets, dtype=np.float64),
        tuple(str(c) for c in (range(n) if clusters is None else clusters)),
    )


def drawn(seed: int, *, n: int = 80, noise: float = 1.0) -> ValuePredictions:
    rng = np.random.default_rng(seed)
    targets_N = rng.normal(5, 3, n)
    return predictions(targets_N, targets_N + rng.normal(0, noise, n))


def value(found: ValuePredictions, metric: str) -> float:
    counted = count_numbers(found)
    return float(METRICS[metric].statistic(counted.rows_NF.sum(axis=0, keepdims=True))[0])


@given(NUMBERS)
def test_the_scores_are_those_of_the_references(pairs: list[tuple[float, float]]) -> None:
    targets, given_N = (np.array(side).round(3) for side in zip(*pairs, strict=True))
    found = predictions(targets, given_N)
    assert value(found, "mse") == pytest.approx(mean_squared_error(targets, given_N))
    assert value(found, "rmse") == pytest.approx(mean_squared_error(targets, given_N) ** 0.5)
    assert value(found, "mae") == pytest.approx(mean_absolute_error(targets, given_N))
    if np.ptp(targets) > 1e-2 and np.ptp(given_N) > 1e-2:
        assert value(found, "r2") == pytest.approx(r2_score(targets, given_N), rel=1e-5, abs=1e-5)
        assert value(found, "pearson") == pytest.approx(pearsonr(targets, given_N).statistic, abs=1e-4)
        assert value(found, "spearman") == pytest.approx(spearmanr(targets, given_N).statistic, abs=1e-6)


@given(st.floats(-1e6, 1e6), st.integers(2, 20))
def test_a_constant_has_no_correlation_rather_than_none_at_all(number: float, n: int) -> None:
    estimates = counted_estimates(
        count_numbers(predictions(range(n), [number] * n)), METRICS, stream="x", settings=QUICK
    )
    assert estimates["pearson"].value is None
    assert estimates["spearman"].value is None
    assert estimates["pearson"].reason
    assert estimates["mae"].value is not None


def test_a_shift_of_everything_moves_no_score() -> None:
    near, far = drawn(1), drawn(1)
    far = predictions(far.targets_N + 1e6, far.predicted_N + 1e6)
    for metric in METRICS:
        assert value(near, metric) == pytest.approx(value(far, metric), rel=1e-6)


def test_intervals_hold_the_true_error_about_as_often_as_they_say() -> None:
    covered = 0
    for seed in range(120):
        found = counted_estimates(
            count_numbers(drawn(seed, n=60, noise=2.0)), {"mae": METRICS["mae"]}, stream="x", settings=QUICK
        )["mae"]
        assert found.low is not None and found.high is not None  # noqa: PT018  # both are of one interval
        covered += found.low <= 2.0 * (2 / np.pi) ** 0.5 <= found.high
    assert covered >= 0.88 * 120


RIGHT = predictions([1.0, 2.0, 3.0] * 4, [1.0, 2.0, 3.0] * 4)
SMALL_UNITS = (1e-15, 1e-3, 1e6)


@pytest.mark.parametrize("unit", SMALL_UNITS)
@pytest.mark.parametrize("found", [RIGHT, drawn(1), predictions([2.0], [3.0])], ids=["right", "noisy", "one row"])
def test_another_unit_of_the_target_is_another_unit_of_the_interval(found: ValuePredictions, unit: float) -> None:
    other = predictions(found.targets_N * unit, found.predicted_N * unit)
    powers = {"rmse": 1, "mae": 1, "mse": 2}
    metrics = {name: METRICS[name] for name in powers}
    first, second = (counted_estimates(count_numbers(p), metrics, stream="a", settings=QUICK) for p in (found, other))
    for name, power in powers.items():
        low, high = first[name].low, first[name].high
        assert low is not None
        assert high is not None
        assert low < high
        assert (second[name].low, second[name].high) == pytest.approx((low * unit**power, high * unit**power), rel=1e-6)


def test_equal_numbers_all_said_exactly_leave_the_error_without_an_interval() -> None:
    found = counted_estimates(count_numbers(predictions([4.0] * 9, [4.0] * 9)), METRICS, stream="a", settings=QUICK)
    assert found["rmse"].value is None
    assert "equal numbers" in found["rmse"].reason


def test_a_system_compared_with_itself_shows_no_difference() -> None:
    counted = count_numbers(drawn(2))
    for name, metric in METRICS.items():
        found = compare_counted(counted, counted, name, metric, system="a", against="b", settings=QUICK)
        assert (found.difference.value, found.p_value, found.gained, found.lost) == (0.0, 1.0, 0, 0)


def test_a_closer_system_is_found_closer() -> None:
    close, far = drawn(3, noise=0.5), drawn(3, noise=3.0)
    found = compare_counted(
        count_numbers(close), count_numbers(far), "rmse", METRICS["rmse"], system="a", against="b", settings=QUICK
    )
    assert found.difference.high is not None
    assert found.difference.high < 0, "less is better"
    assert found.p_value is not None
    assert found.p_value < 0.01
    assert found.gained > found.lost


def test_no_difference_is_found_where_there_is_none_more_often_than_the_level() -> None:
    low = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        targets_N = rng.normal(0, 1, 40)
        one, other = (predictions(targets_N, targets_N + rng.normal(0, 1, 40)) for _ in range(2))
        found = compare_counted(
            count_numbers(one), count_numbers(other), "rmse", METRICS["rmse"], system="a", against="b", settings=QUICK
        )
        low += found.p_value is not None and found.p_value < 0.05
    assert low <= 11, "about 5 of 100, and 11 with a chance of 1 in 100"


def test_other_rows_cannot_be_compared() -> None:
    with pytest.raises(ValueError, match="targets"):
        compare_counted(
            count_numbers(drawn(1)),
            count_numbers(drawn(2)),
            "mae",
            METRICS["mae"],
            system="a",
            against="b",
            settings=QUICK,
        )


def test_rows_of_one_cluster_widen_the_interval() -> None:
    alone = drawn(5, n=60)
    twice = predictions(np.tile(alone.targets_N, 4), np.tile(alone.predicted_N, 4), list(range(60)) * 4)
    apart = predictions(twice.targets_N, twice.predicted_N)
    widths = []
    for found in (twice, apart):
        estimate = counted_estimates(count_numbers(found), METRICS, stream="x", settings=QUICK)["mae"]
        assert estimate.low is not None and estimate.high is not None  # noqa: PT018  # both are of one interval
        widths.append(estimate.high - estimate.low)
    assert widths[0] > 1.5 * widths[1]


def test_a_prediction_that_is_no_number_stops_the_scoring() -> None:
    with pytest.raises(RunError, match="row1"):
        count_numbers(predictions([1, 2, 3], [1, float("nan"), 3]))


def test_no_rows_have_unknown_scores() -> None:
    empty = count_numbers(predictions([], []))
    assert all(e.value is None for e in counted_estimates(empty, METRICS, stream="x", settings=QUICK).values())


def test_baselines_learn_what_they_can() -> None:
    rng = np.random.default_rng(0)
    vectors_ND = rng.normal(size=(80, 5))
    targets_N = vectors_ND @ np.array([1.0, -2, 0, 0, 3]) + 100
    assert mean_number(targets_N).values(vectors_ND[:2]).tolist() == [pytest.approx(targets_N.mean())] * 2
    assert np.abs(ridge_probe(vectors_ND, targets_N).values(vectors_ND) - targets_N).max() < 1
    texts = ["good good", "bad bad", "good bad", "good", "bad"] * 8
    scores_N = np.array([2.0, -2, 0, 1, -1] * 8)
    model = tfidf_ridge(texts, scores_N, seed=1)
    good, bad = model.values(["good", "bad"])
    assert good > 0 > bad


def test_an_overfit_is_told() -> None:
    tight, loose = count_numbers(drawn(1, n=200, noise=0.1)), count_numbers(drawn(2, n=200, noise=2.5))
    gap = read_number_gap(tight, loose, loose, settings=QUICK, trained=TRAINED)
    assert gap.reading.startswith("Overfits")
    assert read_number_gap(loose, loose, loose, settings=QUICK, trained=TRAINED).reading.startswith("Cannot tell")


def test_results_hold_every_system_and_refuse_unknown_metrics() -> None:
    systems = [
        CountedSystem("mean", "always the mean", "baseline", count_numbers(drawn(1, noise=3.0))),
        CountedSystem("tuned", "tuned", "tuned", count_numbers(drawn(1))),
    ]
    spec = EvaluationSpec(resamples=200)
    found = assemble_counted(systems, task="regression", headline="rmse", compared=["mae"], spec=spec, seed=1, gap=None)
    assert [(c.metric, c.against) for c in found.comparisons] == [("rmse", "mean"), ("mae", "mean")]
    assert any("only 80 rows" in warning for warning in found.warnings)
    with pytest.raises(ValueError, match="unknown metrics"):
        assemble_counted(systems, task="regression", headline="accuracy", compared=[], spec=spec, seed=1, gap=None)
