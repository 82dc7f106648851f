"""Class predictions to scores, each with its interval.

Axes: N rows, K classes, U sampling units, B resamples. Macro metrics run over the classes that have rows in the sample
at hand (scikit-learn's `labels=present, zero_division=0`); a class without test rows has unknown recall and F1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from tunewright.core.errors import Problem, RunError
from tunewright.core.results import Estimate, SystemScores
from tunewright.core.seeds import generator
from tunewright.evaluation.bootstrap import Span, bootstrap_interval, independent, resample, sampling_units
from tunewright.evaluation.intervals import unseen_macro_share, unseen_share, wilson
from tunewright.evaluation.per_class import class_scores
from tunewright.evaluation.tallies import (
    METRICS,
    PROBABILITY_FLOOR,
    PROPORTIONS,
    confusion_matrix,
    row_losses,
    row_tallies,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tunewright.core.predictions import ClassPredictions
    from tunewright.evaluation.bootstrap import Units
    from tunewright.evaluation.settings import ScoreSettings

    Floats = NDArray[np.float64]

LOG_LOSS = "log_loss"
"""Mean negative log-likelihood a row, in nats; the one metric of which less is better."""

ALL_METRICS = (*METRICS, LOG_LOSS)

MOST_LOSS = -float(np.log(PROBABILITY_FLOOR))
"""The log loss of a row whose true class was given probability 0."""

SUM_TOLERANCE = 1e-3
"""How far a row's probabilities may add up from 1: rounding in single precision stays far below."""


def score_system(
    predictions: ClassPredictions,
    *,
    name: str,
    title: str,
    role: Literal["baseline", "base", "tuned"],
    settings: ScoreSettings,
) -> SystemScores:
    """All scores of one system: metrics, every class, and the confusion matrix.

    `metrics` holds `accuracy`, `macro_f1`, `micro_f1`, `macro_precision`, `macro_recall` (0..1) and `log_loss` (nats;
    probabilities are clipped at 1e-15). Raises RunError for probabilities that are none.
    """
    check_probabilities(predictions, place=f"predictions of {name}")
    return SystemScores(
        name=name,
        title=title,
        role=role,
        metrics=metric_estimates(predictions, settings=settings, stream=name),
        per_class=class_scores(predictions, confidence=settings.confidence),
        confusion=tuple(tuple(int(count) for count in row) for row in confusion_matrix(predictions)),
    )


def check_probabilities(predictions: ClassPredictions, *, place: str) -> None:
    """Every row holds probabilities and a true class; raises RunError naming the first row that does not.

    Probabilities are finite, lie in 0..1 and add up to 1; the true class is one of the labels.
    """
    values_NK, targets_N, k = predictions.probabilities_NK, predictions.targets_N, len(predictions.labels)
    inside_N = ((values_NK >= -SUM_TOLERANCE) & (values_NK <= 1 + SUM_TOLERANCE)).all(axis=1)  # false for NaN
    faults = {
        "its probabilities are none": ~(inside_N & (np.abs(values_NK.sum(axis=1) - 1) <= SUM_TOLERANCE)),
        "its true class is no label": (targets_N < 0) | (targets_N >= k),
    }
    for fault, wrong_N in faults.items():
        if wrong_N.any():
            row = predictions.row_ids[int(np.argmax(wrong_N))]
            expected = f"finite probabilities in 0..1 that add up to 1 over {k} labels, and a true class among these"
            remedy = "look for non-finite weights, or a head with other labels than the data"
            raise RunError(Problem(place, f"row {row}: {fault}", expected, remedy))


def metric_estimates(
    predictions: ClassPredictions, *, settings: ScoreSettings, stream: str, metrics: Sequence[str] = ALL_METRICS
) -> Mapping[str, Estimate]:
    """The metrics with their intervals; `stream` names the random numbers, so that systems do not share them."""
    n = len(predictions.row_ids)
    if n == 0:
        return dict.fromkeys(metrics, Estimate(None, None, None, 0, reason="there are no rows to score"))
    shares = PROPORTIONS if independent(predictions.clusters) else ()
    by_wilson = {metric: _proportion(predictions, settings) for metric in metrics if metric in shares}
    resampled = [metric for metric in metrics if metric in METRICS and metric not in shares]
    by_bootstrap = _resampled(predictions, resampled, settings, stream) if resampled else {}
    loss = {LOG_LOSS: _log_loss(predictions, settings, stream)} if LOG_LOSS in metrics else {}
    found = {**by_wilson, **by_bootstrap, **loss}
    return {metric: found[metric] for metric in metrics}


def _proportion(predictions: ClassPredictions, settings: ScoreSettings) -> Estimate:
    n, hits = len(predictions.row_ids), int(predictions.correct_N.sum())
    low, high = wilson(hits, n, confidence=settings.confidence)
    return Estimate(hits / n, low, high, n, "wilson")


def _resampled(
    predictions: ClassPredictions, metrics: Sequence[str], settings: ScoreSettings, stream: str
) -> dict[str, Estimate]:
    k, targets_N, predicted_N = len(predictions.labels), predictions.targets_N, predictions.predicted_N
    rows_NF = row_tallies(targets_N, predicted_N, k)
    units = sampling_units(rows_NF, predictions.clusters, targets_N * k + predicted_N)

    def scores(tallies_BF: Floats) -> Floats:
        tallies_B3K = tallies_BF.reshape(-1, 3, k)
        return np.stack([METRICS[metric](tallies_B3K) for metric in metrics], axis=1)

    values_M = scores(units.totals_F[np.newaxis])[0]
    rng = generator(settings.seed, "scores", stream)
    values_RM = resample(units, scores, resamples=settings.resamples, rng=rng)
    estimates = {}
    for metric, value, values_R in zip(metrics, values_M, values_RM.T, strict=True):
        (low, high), method = bootstrap_interval(
            float(value),
            values_R,
            units=units.drawn,
            confidence=settings.confidence,
            span=Span(unseen(units, metric, classes=k, confidence=settings.confidence)),
        )
        estimates[metric] = Estimate(float(value), low, high, len(targets_N), method)
    return estimates


def unseen(units: Units, metric: str, *, classes: int, confidence: float) -> float:
    """The share of a metric that could still come out unlike all that was seen; the units' first tallies are `TRUE`."""
    if metric in PROPORTIONS:
        return unseen_share(units.drawn, confidence=confidence)
    holds_UK = units.tallies_UF[:, :classes] > 0
    units_K = np.asarray(holds_UK.T.astype(np.float64) @ units.copies_U.astype(np.float64))
    return unseen_macro_share(units_K[units_K > 0], confidence=confidence)


def _log_loss(predictions: ClassPredictions, settings: ScoreSettings, stream: str) -> Estimate:
    losses_N = row_losses(predictions)
    units = sampling_units(np.stack([losses_N, np.ones_like(losses_N)], axis=1), predictions.clusters)
    values_R = resample(
        units,
        lambda sums_B2: np.asarray(sums_B2[:, 0] / sums_B2[:, 1]),
        resamples=settings.resamples,
        rng=generator(settings.seed, "log-loss", stream),
    )
    value = float(losses_N.mean())
    # A loss has no upper end but the clipping's: one unseen row there would outweigh all others. So what was not seen
    # decides only where the bootstrap says nothing.
    flat = units.drawn < 2 or float(np.ptp(values_R)) < 1e-12
    share = unseen_share(units.drawn, confidence=settings.confidence) if flat else 0.0
    (low, high), method = bootstrap_interval(
        value,
        values_R,
        units=units.drawn,
        confidence=settings.confidence,
        span=Span(unseen=share, most=MOST_LOSS),
    )
    return Estimate(value, low, high, len(losses_N), method)
