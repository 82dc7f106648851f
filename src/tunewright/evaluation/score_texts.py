"""Written texts and likelihoods to scores, each with its interval.

Axes: N rows, K rows that have what a metric needs, F tallies, M metrics, R resamples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

import numpy as np

from tunewright.core.errors import Problem, RunError
from tunewright.core.results import Estimate, SystemScores
from tunewright.core.seeds import generator
from tunewright.evaluation.bootstrap import (
    Span,
    bootstrap_interval,
    cluster_sums,
    independent,
    resample,
    sampling_units,
)
from tunewright.evaluation.intervals import effective_rows, unseen_share, wilson
from tunewright.evaluation.texts import METRICS, MISSING, TASK_METRICS, Tallied, joined

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from tunewright.core.encoded import Layout
    from tunewright.core.predictions import TextPredictions
    from tunewright.evaluation.settings import ScoreSettings
    from tunewright.evaluation.texts import Needs, Sheet, TextMetric

    Floats = NDArray[np.float64]
    Role = Literal["baseline", "base", "tuned"]

NOTHING = 1e-3
"""Nats that rounding may leave of none: a text of one token has nothing to predict, and no likelihood to speak of."""

FLAT = 1e-12
"""Resampled scores that differ by less than this are all the same."""

FEWEST_FINITE = 100
"""Resamples that must have a score for an interval to rest on them."""

MASKED_METRICS: Final = ("loss",)
"""All that a masked model has: a pseudo-loss, of the tokens that a seeded draw hides. No text's likelihood follows."""


def metrics_of(task: str, layout: Layout | None = None) -> tuple[str, ...]:
    """The metrics that a task of texts has on a base of this layout (None where the base is not known)."""
    return MASKED_METRICS if layout == "masked" else TASK_METRICS[task]


def score_texts(
    predictions: TextPredictions | Tallied,
    *,
    name: str,
    title: str,
    role: Role,
    settings: ScoreSettings,
    metrics: Sequence[str] = tuple(METRICS),
) -> SystemScores:
    """All scores of one system.

    A metric is scored on the rows that have what it needs, and its `n` counts these; where no row has, it is unknown
    with the reason. Raises RunError for likelihoods that are none.
    """
    tallied = predictions if isinstance(predictions, Tallied) else Tallied(predictions)
    check_likelihoods(tallied.predictions, place=f"predictions of {name}")
    return SystemScores(name, title, role, text_estimates(tallied, metrics, stream=name, settings=settings))


def check_likelihoods(predictions: TextPredictions, *, place: str) -> None:
    """Every likelihood is of at most 1, over at least one token; raises RunError naming the first row where not.

    A system without likelihoods has NaN in all rows; NaN in some, or an infinite one, is a fault.
    """
    nats_N = predictions.nats_N
    absent_N = np.isnan(nats_N)
    faults = {
        "its likelihood is not a number, and others have one": absent_N & ~absent_N.all(),
        "its likelihood is no finite number of at most 1": ~absent_N & ~(np.isfinite(nats_N) & (nats_N >= -NOTHING)),
        "it has a likelihood, and no tokens that it is of": (nats_N > NOTHING) & (predictions.target_tokens_N < 1),
    }
    for fault, wrong_N in faults.items():
        if wrong_N.any():
            row = predictions.row_ids[int(np.argmax(wrong_N))]
            expected = "a finite likelihood of at most 1 in every row, or in none"
            raise RunError(Problem(place, f"row {row}: {fault}", expected, "look for non-finite weights"))


def text_estimates(
    tallied: Tallied, metrics: Sequence[str], *, stream: str, settings: ScoreSettings
) -> Mapping[str, Estimate]:
    """The metrics with their intervals; `stream` names the random numbers, so that systems do not share them."""
    found: dict[str, Estimate] = {}
    for needs in dict.fromkeys(METRICS[name].needs for name in metrics):
        found |= _of_rows(tallied, [n for n in metrics if METRICS[n].needs == needs], needs, stream, settings)
    return {name: found[name] for name in metrics}


def _of_rows(
    tallied: Tallied, names: Sequence[str], needs: Needs, stream: str, settings: ScoreSettings
) -> dict[str, Estimate]:
    known_N = tallied.known(needs)
    n = int(known_N.sum())
    if not n:
        reason = MISSING[needs] if len(known_N) else "there are no rows to score"
        return dict.fromkeys(names, Estimate(None, None, None, 0, reason=reason))
    clusters = [cluster for cluster, known in zip(tallied.predictions.clusters, known_N, strict=True) if known]
    shares = [name for name in names if METRICS[name].is_share]
    found = {name: _share(tallied.table(METRICS[name])[known_N], clusters, settings) for name in shares}
    rng = generator(settings.seed, "text-scores", needs, stream)
    others = joined(tallied, [name for name in names if name not in shares], known_N)
    return found | _resampled(others, clusters, rng, settings)


def _share(counts_K2: Floats, clusters: Sequence[str], settings: ScoreSettings) -> Estimate:
    n, hits = len(counts_K2), float(counts_K2[:, 0].sum())
    worth, method = float(n), "wilson"
    if not independent(clusters):
        sums_U2 = cluster_sums(counts_K2, clusters).toarray()
        worth = effective_rows(sums_U2[:, 0], sums_U2[:, 1], confidence=settings.confidence)
        method = "wilson-clustered"
    low, high = wilson(hits / n * worth, worth, confidence=settings.confidence)
    return Estimate(hits / n, low, high, n, method)


def _resampled(
    sheet: Sheet, clusters: Sequence[str], rng: np.random.Generator, settings: ScoreSettings
) -> dict[str, Estimate]:
    if not sheet.names:
        return {}
    units = sampling_units(sheet.rows_KF, clusters)
    values_M = sheet.scores(units.totals_F[np.newaxis])[0]
    values_RM = resample(units, sheet.scores, resamples=settings.resamples, rng=rng)
    rows_KM = sheet.scores(sheet.rows_KF)
    return {
        name: estimate(
            METRICS[name],
            Drawn(float(values_M[m]), values_RM[:, m], rows_KM[:, m], units.drawn),
            confidence=settings.confidence,
        )
        for m, name in enumerate(sheet.names)
    }


@dataclass(frozen=True, slots=True)
class Drawn:
    """A score of a sample, of its resamples and of its single rows."""

    value: float
    values_R: Floats
    rows_K: Floats
    units: int
    """How many units one resample draws."""


def estimate(metric: TextMetric, drawn: Drawn, *, confidence: float, signed: bool = False) -> Estimate:
    """The score with its interval; `signed` where it may be below 0.

    A metric without a highest score has no honest allowance for what was not seen: one such row could outweigh all
    others. It gets one only where the bootstrap says nothing, up to twice the largest score of a row.
    """
    n, finite_R = len(drawn.rows_K), drawn.values_R[np.isfinite(drawn.values_R)]
    if not np.isfinite(drawn.value) or len(finite_R) < FEWEST_FINITE:
        return Estimate(None, None, None, n, reason="the references hold nothing to score against")
    share, most = unseen_share(drawn.units, confidence=confidence), metric.most
    if most is None:
        rows_K = drawn.rows_K[np.isfinite(drawn.rows_K)]
        most = max(1.0, 2 * float(np.max(np.abs(rows_K), initial=0.0)))
        share = share if drawn.units < 2 or float(np.ptp(finite_R)) < FLAT else 0.0
    (low, high), method = bootstrap_interval(
        drawn.value,
        finite_R,
        units=drawn.units,
        confidence=confidence,
        span=Span(share, least=-most if signed else 0.0, most=most),
    )
    return Estimate(drawn.value, low, high, n, method)
