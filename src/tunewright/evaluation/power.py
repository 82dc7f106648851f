"""How small a difference a test split can show, and how many rows a difference needs.

Sources: Connor (1987, Biometrics 43) for paired proportions; Card et al. (2020, "With Little Power Comes Great
Responsibility", EMNLP) for why a comparison without enough power should not be read at all.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from tunewright.evaluation.intervals import NORMAL, known, z_quantile

if TYPE_CHECKING:
    from tunewright.core.results import Estimate

POWER = 0.8
"""The customary chance of finding a difference that is there."""


def minimum_detectable_difference(
    n: int, discordant_share: float, *, alpha: float = 0.05, power: float = POWER
) -> float | None:
    """The smallest true difference in accuracy that a two-sided McNemar test on `n` rows finds with this power.

    `discordant_share` is the share of rows on which exactly one of the two systems is right; no difference can exceed
    it, so `None` means that these rows cannot show any. It solves Connor's (1987) formula for the difference:
    d √n = z(α/2) √ψ + z(β) √(ψ - d²).
    """
    if n < 1 or discordant_share <= 0:
        return None
    z_alpha, z_beta = z_quantile(1 - alpha), NORMAL.inv_cdf(power)
    root = n - z_alpha**2 + z_beta**2
    if root < 0:
        return None
    difference = math.sqrt(discordant_share) * (math.sqrt(n) * z_alpha + z_beta * math.sqrt(root)) / (n + z_beta**2)
    return difference if difference <= discordant_share else None


def rows_to_settle(difference: Estimate, *, confidence: float, alpha: float, power: float = POWER) -> int | None:
    """How many rows like these would show the difference seen, were it the true one, with this power; None for none.

    From the interval's width: the standard error shrinks with the root of the rows, so n grows by
    ((z(α/2) + z(β)) · standard error / difference)². It holds for any metric and for clustered rows, and it is a guide,
    for the true difference is not known.
    """
    bounds = known(difference)
    if bounds is None or abs(bounds[0]) < 1e-9:
        return None
    value, (low, high) = bounds
    error = (high - low) / (2 * z_quantile(confidence))
    needed = (z_quantile(1 - alpha) + NORMAL.inv_cdf(power)) * error / abs(value)
    return max(difference.n + 1, math.ceil(difference.n * needed**2))


def rows_to_exclude(estimate: Estimate, level: float, *, confidence: float) -> int | None:
    """How many rows like these would put the interval on one side of the level, if the score stays; None for none.

    For a share of independent rows Wilson's interval leaves the level out where n > z² L (1 - L) / (share - L)²; for
    other scores the interval shrinks with the root of the rows.
    """
    bounds = known(estimate)
    if bounds is None or abs(bounds[0] - level) < 1e-9:
        return None
    value, (low, high) = bounds
    if estimate.method == "wilson":
        needed = z_quantile(confidence) ** 2 * level * (1 - level) / (value - level) ** 2
        return max(estimate.n, math.floor(needed)) + 1 if low < level <= high else None
    side = value - low if value > level else high - value
    return max(estimate.n + 1, math.ceil(estimate.n * (side / (value - level)) ** 2)) if low < level <= high else None
