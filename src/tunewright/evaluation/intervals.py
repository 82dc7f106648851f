"""Intervals that are never of zero width.

Sources: Wilson (1927, JASA 22) for proportions; Hesterberg (2015, The American Statistician 69) for why bootstrap
percentiles of few units are too narrow and how far to move them out; Lam, Gopal and Qian (2023, arXiv:2309.14621) for
the F1 of one class; Kish (1965, Survey Sampling) for effective numbers of rows; Zou and Donner (2008, Statistics in
Medicine 27) for the difference of two independent scores.
"""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tunewright.core.results import Estimate

    Floats = NDArray[np.float64]
    Interval = tuple[float, float]

NORMAL = NormalDist()


def z_quantile(confidence: float) -> float:
    """The standard normal quantile of a two-sided level: 1.96 for 0.95."""
    return NORMAL.inv_cdf((1 + confidence) / 2)


def t_quantile(confidence: float, units: int) -> float:
    """Student's quantile of a two-sided level with `units` - 1 degrees of freedom; infinite for one unit."""
    from scipy.special import stdtrit  # noqa: PLC0415  # importing a room loads nothing heavy

    return float(stdtrit(units - 1, (1 + confidence) / 2)) if units > 1 else math.inf


def wilson(successes: float, n: float, *, confidence: float) -> Interval:
    """Wilson's score interval of a proportion; `n` above 0 need not be whole (an effective number of rows)."""
    z = z_quantile(confidence)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At a share of 0 or 1 that bound is exactly 0 or 1; rounding must not leave it a hair inside.
    return (0.0 if share == 0 else max(0.0, centre - half)), (1.0 if share == 1 else min(1.0, centre + half))


def wilson_f1(hits: float, union: float, n: float, *, confidence: float) -> Interval:
    """The interval of one class's F1 from `hits` among the `union` of its true and its predicted rows.

    Given the union, hits are binomial with the Jaccard share J, and F1 = 2J / (1 + J) rises with J: Wilson's bounds of
    J map to bounds of F1 (Wilson-indirect of Lam, Gopal and Qian 2023). `n` is the effective size of the union.
    """
    low, high = wilson(hits / union * n, n, confidence=confidence)
    return 2 * low / (1 + low), 2 * high / (1 + high)


def unseen_share(n: float, *, confidence: float) -> float:
    """Wilson's upper bound of what did not happen once in `n` draws, z² / (n + z²): about 3.84 / n at 0.95."""
    z = z_quantile(confidence)
    return z * z / (n + z * z)


def unseen_macro_share(units_K: Floats, *, confidence: float) -> float:
    """As `unseen_share` for a mean over classes with `units_K` units each (all above 0).

    What was not seen may be spread evenly over the classes (Kish's effective number of units, K² / Σ 1/units), or all
    of it may lie in the class tested least: the worse of the two.
    """
    effective = len(units_K) ** 2 / float(np.sum(1 / units_K))
    least = unseen_share(float(units_K.min()), confidence=confidence) / len(units_K)
    return max(unseen_share(effective, confidence=confidence), least)


def allowing_unseen(value: float, share: float, *, least: float = 0.0, most: float = 1.0) -> Interval:
    """Where the score could lie if a `share` of what may come, unlike all that was seen, scored worst or best.

    For a proportion of 1 (or 0) seen in n rows this is Wilson's interval exactly.
    """
    return value - share * (value - least), value + share * (most - value)


def expanded_percentiles(values_R: Floats, *, units: int, confidence: float) -> Interval:
    """Bootstrap percentiles moved out to the level Φ(-√(n / (n-1)) t), for `units` n ≥ 2 (Hesterberg 2015)."""
    widened = math.sqrt(units / (units - 1)) * t_quantile(confidence, units)
    tail = NORMAL.cdf(-widened)
    low, high = np.quantile(values_R, [tail, 1 - tail])
    return float(low), float(high)


def effective_rows(parts_U: Floats, wholes_U: Floats, *, confidence: float) -> float:
    """How many independent rows the proportion Σ parts / Σ wholes over clusters is worth, for use in Wilson's interval.

    Rows divided by the design effect (the linearised cluster variance over the binomial one, at least 1), times (z/t)²
    for few clusters (Korn and Graubard 1998, Survey Methodology 24). Where all rows agree the design effect cannot be
    estimated, and each cluster counts as one row. Clusters whose whole is 0 say nothing.
    """
    counted = wholes_U > 0
    parts_U, wholes_U = parts_U[counted], wholes_U[counted]
    clusters, rows = len(wholes_U), float(wholes_U.sum())
    share = float(parts_U.sum()) / rows
    if clusters == 1 or share in {0.0, 1.0}:
        return float(clusters)
    variance = clusters / (clusters - 1) * float(np.sum((parts_U - share * wholes_U) ** 2)) / rows**2
    design_effect = max(1.0, variance * rows / (share * (1 - share)))
    return rows / design_effect * (z_quantile(confidence) / t_quantile(confidence, clusters)) ** 2


def known(estimate: Estimate) -> tuple[float, Interval] | None:
    """The value with its interval; None unless all three are there and finite."""
    value, low, high = estimate.value, estimate.low, estimate.high
    if value is None or low is None or high is None or not math.isfinite(value + low + high):
        return None
    return value, (low, high)


def difference_interval(first: tuple[float, Interval], second: tuple[float, Interval]) -> Interval:
    """The interval of first - second, each a value with its interval, from independent rows (Zou and Donner 2008)."""
    (a, (a_low, a_high)), (b, (b_low, b_high)) = first, second
    return a - b - math.hypot(a - a_low, b_high - b), a - b + math.hypot(a_high - a, b - b_low)
