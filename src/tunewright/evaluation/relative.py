"""The change of a score as a share of what it was before: one statistic of paired rows, with its own interval.

Axes: N rows, K rows that have what the metric needs, F tallies, B samples, R resamples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.results import Estimate
from tunewright.core.seeds import generator
from tunewright.evaluation.bootstrap import Span, bootstrap_interval, resample, sampling_units
from tunewright.evaluation.intervals import unseen_share
from tunewright.evaluation.score_texts import FLAT
from tunewright.evaluation.texts import METRICS, MISSING

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tunewright.core.predictions import ClassPredictions
    from tunewright.evaluation.bootstrap import Statistic, Units
    from tunewright.evaluation.settings import ScoreSettings
    from tunewright.evaluation.texts import Tallied

    Floats = NDArray[np.float64]


def relative_of_texts(after: Tallied, before: Tallied, *, metric: str, settings: ScoreSettings) -> Estimate:
    """(after - before) / before of a metric of texts, on the rows that both have what it needs of."""
    kind = METRICS[metric]
    known_N = after.known(kind.needs) & before.known(kind.needs)
    if not known_N.any():
        return _unknown(0, MISSING[kind.needs])
    clusters = [cluster for cluster, known in zip(after.predictions.clusters, known_N, strict=True) if known]
    rows_KF = np.concatenate([tallied.table(kind)[known_N] for tallied in (after, before)], axis=1)
    units = sampling_units(rows_KF, clusters)
    rows_K = _change(rows_KF, kind.statistic)
    most = max(1.0, 2 * float(np.max(np.abs(rows_K[np.isfinite(rows_K)]), initial=0.0)))
    return _estimate(units, kind.statistic, n=len(clusters), most=most, always=False, metric=metric, settings=settings)


def relative_accuracy(after: ClassPredictions, before: ClassPredictions, *, settings: ScoreSettings) -> Estimate:
    """(after - before) / before of the accuracy; both hold the same rows."""
    n = len(after.row_ids)
    if not n:
        return _unknown(0, "there are no rows to compare")
    hits_N, were_N = after.correct_N.astype(np.int64), before.correct_N.astype(np.int64)
    ones_N = np.ones(n)
    rows_NF = np.stack([hits_N, ones_N, were_N, ones_N], axis=1)
    units = sampling_units(rows_NF, after.clusters, 2 * hits_N + were_N)
    most = n / max(1, int(were_N.sum())) - 1
    return _estimate(units, _share, n=n, most=most, always=True, metric="accuracy", settings=settings)


def _share(tallies_BF: Floats) -> Floats:
    return np.asarray(tallies_BF[:, 0] / tallies_BF[:, 1])


def _change(tallies_BF: Floats, statistic: Statistic) -> Floats:
    """The change of each sample `[B]`; not a number where the score before is 0."""
    width = tallies_BF.shape[1] // 2
    after_B, before_B = statistic(tallies_BF[:, :width]), statistic(tallies_BF[:, width:])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(before_B > 0, after_B / before_B - 1, np.nan)


def _estimate(  # noqa: PLR0913  # what bounds the change, beside what it is of
    units: Units, statistic: Statistic, *, n: int, most: float, always: bool, metric: str, settings: ScoreSettings
) -> Estimate:
    """The change with its interval; `always` allows for rows unlike those seen, else only where all resamples agree."""

    def change(tallies_BF: Floats) -> Floats:
        return _change(tallies_BF, statistic)

    value = float(change(units.totals_F[np.newaxis])[0])
    if not np.isfinite(value):
        return _unknown(n, "the score before is 0, of which no share can be lost")
    rng = generator(settings.seed, "relative", metric)
    values_R = resample(units, change, resamples=settings.resamples, rng=rng)
    finite_R = values_R[np.isfinite(values_R)]
    if len(finite_R) < settings.confidence * len(values_R):
        return _unknown(n, "the score before rests on too few rows: without these it is 0")
    allowed = always or units.drawn < 2 or float(np.ptp(finite_R)) < FLAT
    share = unseen_share(units.drawn, confidence=settings.confidence) if allowed else 0.0
    (low, high), method = bootstrap_interval(
        value, finite_R, units=units.drawn, confidence=settings.confidence, span=Span(share, least=-1.0, most=most)
    )
    return Estimate(value, low, high, n, method)


def _unknown(n: int, reason: str) -> Estimate:
    return Estimate(None, None, None, n, reason=reason)
