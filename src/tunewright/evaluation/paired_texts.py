"""Two systems on the same prompts: the difference, its interval and a paired test.

Axes: N rows, K rows that both systems have what the metric needs of, F tallies, R resamples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.results import Comparison, Estimate
from tunewright.core.seeds import generator
from tunewright.core.titles import metric_title
from tunewright.evaluation.bootstrap import independent, resample, sampling_units
from tunewright.evaluation.paired import mcnemar_exact
from tunewright.evaluation.randomisation import swap_test
from tunewright.evaluation.score_texts import Drawn, estimate
from tunewright.evaluation.texts import METRICS, MISSING, Tallied

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tunewright.core.predictions import TextPredictions
    from tunewright.evaluation.settings import ScoreSettings
    from tunewright.evaluation.texts import TextMetric

    Floats = NDArray[np.float64]

EQUAL = 1e-9
"""Scores of one row that differ by less are the same."""


def compare_texts(
    tuned: TextPredictions | Tallied,
    other: TextPredictions | Tallied,
    *,
    metric: str,
    system: str,
    against: str,
    settings: ScoreSettings,
) -> Comparison:
    """The score of `tuned` minus that of `other` on the rows of both, with a paired interval and two-sided p-value.

    A share of independent rows takes the exact McNemar test; other metrics and clustered rows take a randomisation test
    in which whole clusters are swapped, exact where few of them differ. `gained` and `lost` count rows by their own
    scores (of BLEU, the smoothed one of the sentence), better and worse in the metric's sense. Raises ValueError unless
    both hold the same prompts in the same order, with the same references and clusters, and for an unknown metric.
    """
    first, second = (each if isinstance(each, Tallied) else Tallied(each) for each in (tuned, other))
    check_same_prompts(first.predictions, second.predictions)
    if metric not in METRICS:
        raise ValueError(f"unknown metric {metric!r}: one of {', '.join(METRICS)}")
    kind = METRICS[metric]
    known_N = first.known(kind.needs) & second.known(kind.needs)
    if not known_N.any():
        nothing = f"the {metric_title(metric)} of both is known of no row"
        for tallied, name in ((second, against), (first, system)):
            if not tallied.known(kind.needs).any() and len(known_N):
                nothing = f"of {name}, {MISSING[kind.needs]}"
        unknown = Estimate(None, None, None, 0, reason=nothing)
        return Comparison(metric, system, against, unknown, None, "", 0, 0, reason=nothing)
    clusters = [cluster for cluster, known in zip(first.predictions.clusters, known_N, strict=True) if known]
    first_KF, second_KF = (tallied.table(kind)[known_N] for tallied in (first, second))
    gained, lost = _moved(kind, first_KF, second_KF)
    stream = f"{system}-{against}"
    difference = _difference(
        kind, first_KF, second_KF, clusters, generator(settings.seed, "paired", metric, stream), settings
    )
    if difference.value is None:
        return Comparison(metric, system, against, difference, None, "", gained, lost, reason=difference.reason)
    if kind.is_share and independent(clusters):
        return Comparison(
            metric, system, against, difference, mcnemar_exact(gained, lost), "mcnemar-exact", gained, lost
        )
    swapped = swap_test(
        first_KF,
        second_KF,
        clusters,
        kind.statistic,
        draws=settings.resamples,
        rng=generator(settings.seed, "randomisation", metric, system, against),
    )
    return Comparison(metric, system, against, difference, swapped.p_value, swapped.test, gained, lost)


def check_same_prompts(first: TextPredictions, second: TextPredictions) -> None:
    """Raises ValueError unless both hold the same rows in the same order: ids, prompts, references and clusters."""
    facts = {
        "row ids": first.row_ids == second.row_ids,
        "prompts": first.prompts == second.prompts,
        "references": first.references == second.references,
        "clusters": first.clusters == second.clusters,
    }
    unequal = [name for name, equal in facts.items() if not equal]
    if unequal:
        raise ValueError(f"a paired comparison needs the same prompts in the same order; these differ: {unequal}")


def row_gains(kind: TextMetric, first_KF: Floats, second_KF: Floats) -> Floats:
    """By how much each row's own score is better (above 0) or worse in the first, `[K]`; 0 where it has none."""
    change_K = np.nan_to_num(kind.statistic(first_KF) - kind.statistic(second_KF))
    return np.asarray(change_K if kind.higher_is_better else -change_K)


def _moved(kind: TextMetric, first_KF: Floats, second_KF: Floats) -> tuple[int, int]:
    gains_K = row_gains(kind, first_KF, second_KF)
    return int((gains_K > EQUAL).sum()), int((gains_K < -EQUAL).sum())


def _difference(
    kind: TextMetric,
    first_KF: Floats,
    second_KF: Floats,
    clusters: list[str],
    rng: np.random.Generator,
    settings: ScoreSettings,
) -> Estimate:
    width = first_KF.shape[1]
    units = sampling_units(np.concatenate([first_KF, second_KF], axis=1), clusters)

    def difference(tallies_BF: Floats) -> Floats:
        return kind.statistic(tallies_BF[:, :width]) - kind.statistic(tallies_BF[:, width:])

    values_R = resample(units, difference, resamples=settings.resamples, rng=rng)
    rows_K = np.maximum(kind.statistic(first_KF), kind.statistic(second_KF))
    drawn = Drawn(float(difference(units.totals_F[np.newaxis])[0]), values_R, rows_K, units.drawn)
    return estimate(kind, drawn, confidence=settings.confidence, signed=True)
