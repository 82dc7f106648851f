"""Two systems on the same rows: the difference, its interval and a paired test.

Source: McNemar (1947, Psychometrika 12), in its exact form.
Axes: N rows, K classes, U sampling units, B samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.results import Comparison, Estimate
from tunewright.core.seeds import generator
from tunewright.evaluation.bootstrap import (
    Span,
    bootstrap_interval,
    independent,
    resample,
    sampling_units,
)
from tunewright.evaluation.classification import unseen
from tunewright.evaluation.randomisation import Swapped, swap_test
from tunewright.evaluation.tallies import METRICS, PROPORTIONS, answers, row_tallies

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tunewright.core.predictions import ClassPredictions
    from tunewright.evaluation.settings import ScoreSettings

    Floats = NDArray[np.float64]


def compare(
    tuned: ClassPredictions,
    other: ClassPredictions,
    *,
    metric: str,
    system: str,
    against: str,
    settings: ScoreSettings,
) -> Comparison:
    """The score of `tuned` minus that of `other`, with a paired interval and a two-sided paired p-value.

    Accuracy on independent rows takes the exact McNemar test; other metrics and clustered rows take a randomisation
    test in which whole clusters are swapped, exact where few of them differ. `gained` and `lost` count rows. Raises
    ValueError unless both hold the same rows in the same order, with the same labels, true classes and clusters.
    """
    check_same_rows(tuned, other)
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}: one of {', '.join(METRICS)}")
    gained = int((tuned.correct_N & ~other.correct_N).sum())
    lost = int((other.correct_N & ~tuned.correct_N).sum())
    if not tuned.row_ids:
        nothing = "there are no rows to compare"
        unknown = Estimate(None, None, None, 0, reason=nothing)
        return Comparison(metric, system, against, unknown, None, "", gained, lost, reason=nothing)
    difference = paired_difference(tuned, other, metric=metric, stream=f"{system}-{against}", settings=settings)
    if metric in PROPORTIONS and independent(tuned.clusters):
        test, p_value = "mcnemar-exact", mcnemar_exact(gained, lost)
    else:
        rng = generator(settings.seed, "randomisation", metric, system, against)
        swapped = randomisation(tuned, other, metric=metric, draws=settings.resamples, rng=rng)
        test, p_value = swapped.test, swapped.p_value
    return Comparison(metric, system, against, difference, p_value, test, gained, lost)


def check_same_rows(first: ClassPredictions, second: ClassPredictions) -> None:
    """Raises ValueError unless both hold the same rows in the same order, with equal labels, targets and clusters."""
    facts = {
        "labels": first.labels == second.labels,
        "row ids": first.row_ids == second.row_ids,
        "true classes": np.array_equal(first.targets_N, second.targets_N),
        "clusters": first.clusters == second.clusters,
    }
    unequal = [name for name, equal in facts.items() if not equal]
    if unequal:
        raise ValueError(f"a paired comparison needs the same rows in the same order; these differ: {unequal}")


def mcnemar_exact(gained: int, lost: int) -> float:
    """The exact two-sided McNemar p-value: the binomial test of `gained` among the discordant rows against 1/2."""
    from scipy.special import bdtr  # noqa: PLC0415  # importing a room loads nothing heavy

    return min(1.0, 2 * float(bdtr(min(gained, lost), gained + lost, 0.5)))


def paired_difference(
    first: ClassPredictions, second: ClassPredictions, *, metric: str, stream: str, settings: ScoreSettings
) -> Estimate:
    """The metric of `first` minus that of `second`, with an interval from resampling both on the same units."""
    from scipy.sparse import hstack  # noqa: PLC0415  # importing a room loads nothing heavy

    (targets_N, first_N, k), (_, second_N, _) = answers(first, metric), answers(second, metric)
    rows_NF = hstack([row_tallies(targets_N, first_N, k), row_tallies(targets_N, second_N, k)], format="csr")
    units = sampling_units(rows_NF, first.clusters, (targets_N * k + first_N) * k + second_N)
    score = METRICS[metric]

    def difference(tallies_BF: Floats) -> Floats:
        both = tallies_BF.reshape(-1, 2, 3, k)
        return score(both[:, 0]) - score(both[:, 1])

    value = float(difference(units.totals_F[np.newaxis])[0])
    rng = generator(settings.seed, "paired", metric, stream)
    values_R = resample(units, difference, resamples=settings.resamples, rng=rng)
    share = unseen(units, metric, classes=k, confidence=settings.confidence)
    (low, high), method = bootstrap_interval(
        value, values_R, units=units.drawn, confidence=settings.confidence, span=Span(share, least=-1.0)
    )
    return Estimate(value, low, high, len(first.row_ids), method)


def randomisation(
    first: ClassPredictions, second: ClassPredictions, *, metric: str, draws: int, rng: np.random.Generator
) -> Swapped:
    """The two-sided randomisation test, in which whole clusters are swapped: see `swap_test`."""
    (targets_N, first_N, k), (_, second_N, _) = answers(first, metric), answers(second, metric)
    rows_NF, others_NF = row_tallies(targets_N, first_N, k), row_tallies(targets_N, second_N, k)
    score = METRICS[metric]

    def statistic(tallies_BF: Floats) -> Floats:
        return score(tallies_BF.reshape(-1, 3, k))

    return swap_test(rows_NF, others_NF, first.clusters, statistic, draws=draws, rng=rng)
