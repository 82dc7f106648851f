"""Scores that are functions of counts summed over rows, for every task whose answers are neither one class nor a text.

A task says what it counts of a row and which functions of summed counts are its metrics; intervals, paired tests and
warnings follow from that alone. Axes: N rows, F counts, B samples, M metrics, R resamples.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping  # noqa: TC003  # types of the frozen records below
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tunewright.core.results import Comparison, Estimate
from tunewright.core.seeds import generator
from tunewright.core.titles import metric_title
from tunewright.evaluation.bootstrap import Span, bootstrap_interval, independent, resample, sampling_units
from tunewright.evaluation.intervals import unseen_macro_share, unseen_share, wilson
from tunewright.evaluation.paired import mcnemar_exact
from tunewright.evaluation.randomisation import swap_test

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tunewright.evaluation.bootstrap import Units
    from tunewright.evaluation.settings import ScoreSettings

    Floats = NDArray[np.float64]

EQUAL = 1e-9
"""Scores of one row that differ by less are the same."""

FLAT = 1e-12
"""Resampled scores that differ by less than this are all the same."""

FEWEST_FINITE = 100
"""Resamples that must have a score for an interval to rest on them."""


@dataclass(frozen=True, slots=True)
class CountMetric:
    """One metric: `statistic(summed counts)`, `[B, F] -> [B]`; not a number where the sample holds nothing to score."""

    statistic: Callable[[Any], Any]
    meaning: str
    """What it says, for people."""
    least: float | None = 0.0
    """The lowest possible score; None without one."""
    most: float | None = 1.0
    per_class: bool = False
    """Whether it is a mean over classes, each of which counts alike however few its rows are."""
    is_share: bool = False
    """Whether it is the share of rows whose own score is 1: Wilson's interval and McNemar's test hold."""
    unit: Callable[[Any], Any] | None = None
    """Of a score in a unit of the data's, how large it could well be, from the same summed counts; 0 where that cannot
    be told. None of a score without a unit."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The predictions of one system as counts, beside what the rows truly are."""

    row_ids: tuple[str, ...]
    clusters: tuple[str, ...]
    targets: tuple[object, ...]
    """What is true of each row; two systems are compared where this is equal."""
    rows_NF: Any
    """Counts of each row, an array."""
    own_N: NDArray[np.float64]
    """A score of each row by itself, more is better: what `gained` and `lost` go by."""
    classes: int = 0
    """The first so many counts are the true members of each class."""


def counted_estimates(
    counted: Counted, metrics: Mapping[str, CountMetric], *, stream: str, settings: ScoreSettings
) -> Mapping[str, Estimate]:
    """The metrics with their intervals; `stream` names the random numbers, so that systems do not share them."""
    n = len(counted.row_ids)
    if not n:
        return dict.fromkeys(metrics, Estimate(None, None, None, 0, reason="there are no rows to score"))
    units = sampling_units(counted.rows_NF, counted.clusters)

    def scores(counts_BF: Floats) -> Floats:
        return np.stack([metric.statistic(counts_BF) for metric in metrics.values()], axis=1)

    values_M = scores(units.totals_F[np.newaxis])[0]
    rng = generator(settings.seed, "counted", stream)
    values_RM = resample(units, scores, resamples=settings.resamples, rng=rng)
    found = {}
    for m, (name, metric) in enumerate(metrics.items()):
        if metric.is_share and independent(counted.clusters):
            low, high = wilson(float(values_M[m]) * n, n, confidence=settings.confidence)
            found[name] = Estimate(float(values_M[m]), low, high, n, "wilson")
        else:
            found[name] = _estimate(metric, float(values_M[m]), values_RM[:, m], units, counted, settings)
    return found


def compare_counted(  # noqa: PLR0913  # both systems, the metric, and the words they go by
    tuned: Counted,
    other: Counted,
    name: str,
    metric: CountMetric,
    *,
    system: str,
    against: str,
    settings: ScoreSettings,
) -> Comparison:
    """The score of `tuned` minus that of `other`, with a paired interval and a two-sided paired p-value.

    A share of independent rows takes the exact McNemar test, all else a randomisation test in which whole clusters are
    swapped. `gained` and `lost` count rows by their own scores. Raises ValueError unless both hold the same rows.
    """
    check_same(tuned, other)
    gained = int((tuned.own_N > other.own_N + EQUAL).sum())
    lost = int((other.own_N > tuned.own_N + EQUAL).sum())
    difference = _difference(tuned, other, name, metric, f"{system}-{against}", settings)
    if difference.value is None:
        return Comparison(name, system, against, difference, None, "", gained, lost, reason=difference.reason)
    if metric.is_share and independent(tuned.clusters):
        right, was = tuned.own_N >= 1 - EQUAL, other.own_N >= 1 - EQUAL
        p_value = mcnemar_exact(int((right & ~was).sum()), int((was & ~right).sum()))
        return Comparison(name, system, against, difference, p_value, "mcnemar-exact", gained, lost)
    rng = generator(settings.seed, "randomisation", name, system, against)
    swapped = swap_test(
        tuned.rows_NF, other.rows_NF, tuned.clusters, metric.statistic, draws=settings.resamples, rng=rng
    )
    return Comparison(name, system, against, difference, swapped.p_value, swapped.test, gained, lost)


def check_same(first: Counted, second: Counted) -> None:
    """Raises ValueError unless both hold the same rows in the same order, with equal targets and clusters."""
    unequal = [name for name in ("row_ids", "targets", "clusters") if getattr(first, name) != getattr(second, name)]
    if unequal:
        raise ValueError(f"a paired comparison needs the same rows in the same order; these differ: {unequal}")


def _difference(  # what is compared, and how
    first: Counted, second: Counted, name: str, metric: CountMetric, stream: str, settings: ScoreSettings
) -> Estimate:
    if not first.row_ids:
        return Estimate(None, None, None, 0, reason="there are no rows to compare")
    width = first.rows_NF.shape[1]
    units = sampling_units(np.concatenate([first.rows_NF, second.rows_NF], axis=1), first.clusters)

    def difference(counts_BF: Floats) -> Floats:
        return np.asarray(metric.statistic(counts_BF[:, :width]) - metric.statistic(counts_BF[:, width:]))

    value = float(difference(units.totals_F[np.newaxis])[0])
    if not np.isfinite(value):
        return Estimate(None, None, None, len(first.row_ids), reason=f"the {metric_title(name)} of one is unknown")
    rng = generator(settings.seed, "paired", name, stream)
    values_R = resample(units, difference, resamples=settings.resamples, rng=rng)
    return _estimate(metric, value, values_R, units, first, settings, signed=True)


def _estimate(  # noqa: PLR0913  # a score, its resamples, and what bounds it
    metric: CountMetric,
    value: float,
    values_R: Floats,
    units: Units,
    counted: Counted,
    settings: ScoreSettings,
    *,
    signed: bool = False,
) -> Estimate:
    """The score with its interval; `signed` where it is a difference.

    A metric without a lowest or highest score, or of which one row says nothing (a correlation), has no honest
    allowance for what was not seen: one such row could outweigh all others. It gets one only where the bootstrap says
    nothing. A score in a unit of the data's is bounded as a share of its size: another unit gives the same interval.
    """
    n, finite_R, size = len(counted.row_ids), values_R[np.isfinite(values_R)], _size(metric, value, units)
    if not np.isfinite(value) or len(finite_R) < FEWEST_FINITE or not size:
        return Estimate(None, None, None, n, reason="the rows hold too little to score, such as equal numbers alone")
    finite_R = finite_R / size
    share, least, most = _unseen(metric, units, counted, settings), metric.least, metric.most
    if least is None or most is None or least < 0:
        far = max(1.0, 2 * float(np.max(np.abs(finite_R))))
        least, most = (-far if least is None else least), (far if most is None else most)
        share = share if units.drawn < 2 or float(np.ptp(finite_R)) < FLAT else 0.0
    (low, high), method = bootstrap_interval(
        value / size,
        finite_R,
        units=units.drawn,
        confidence=settings.confidence,
        span=Span(share, least=least - most if signed else least, most=most - least if signed else most),
    )
    return Estimate(value, low * size, high * size, n, method)


def _size(metric: CountMetric, value: float, units: Units) -> float:
    """How large a score could well be; 1 of a metric without a unit, 0 where nothing tells."""
    return 1.0 if metric.unit is None else float(metric.unit(units.totals_F[np.newaxis])[0]) or abs(value)


def _unseen(metric: CountMetric, units: Units, counted: Counted, settings: ScoreSettings) -> float:
    """The share of a metric that could still come out unlike all that was seen."""
    if not metric.per_class:
        return unseen_share(units.drawn, confidence=settings.confidence)
    holds_UK = units.tallies_UF[:, : counted.classes] > 0
    units_K = np.asarray(holds_UK.T.astype(np.float64) @ units.copies_U.astype(np.float64))
    held_K = units_K[units_K > 0]
    if not len(held_K):
        return unseen_share(units.drawn, confidence=settings.confidence)
    return unseen_macro_share(held_K, confidence=settings.confidence)


Role = Literal["baseline", "base", "tuned"]
