"""Predicted numbers to scores: errors and correlations as functions of sums over rows.

Ranks for Spearman's correlation are those within the whole test split (of each system its own, equal numbers sharing
their mean rank), and stay with their rows when rows are drawn anew: exact for the split, near it in a resample.
Axes: N rows, F sums, B samples.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from tunewright.core.errors import Problem, RunError
from tunewright.evaluation.counted import Counted, CountMetric

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tunewright.core.predictions import ValuePredictions

    Floats = NDArray[np.float64]

ROWS, TRUE, GIVEN, TRUE_2, GIVEN_2, BOTH, ABSOLUTE, SQUARED, RANK, RANK_GIVEN, RANK_2, RANK_GIVEN_2, RANKS = range(13)

ROUNDING = 1e-9
"""A variance below this share of the mean square is none: sums of equal numbers differ by rounding alone."""


def count_numbers(predictions: ValuePredictions) -> Counted:
    """The sums of each row. Raises RunError naming the first row whose prediction is not finite."""
    check_numbers(predictions)
    targets_N, given_N = predictions.targets_N, predictions.predicted_N
    middle = float(targets_N.mean()) if len(targets_N) else 0.0  # sums of small numbers lose nothing to rounding
    true_N, said_N = targets_N - middle, given_N - middle
    error_N = given_N - targets_N
    rank_N, ranked_N = _ranks(targets_N), _ranks(given_N)
    columns = (
        *(np.ones_like(true_N), true_N, said_N, true_N**2, said_N**2, true_N * said_N, np.abs(error_N), error_N**2),
        *(rank_N, ranked_N, rank_N**2, ranked_N**2, rank_N * ranked_N),
    )
    return Counted(
        predictions.row_ids,
        predictions.clusters,
        tuple(targets_N.tolist()),
        np.stack(columns, axis=1),
        -np.abs(error_N),
    )


def check_numbers(predictions: ValuePredictions) -> None:
    """Every prediction is a finite number; raises RunError naming the first row where not."""
    wrong_N = ~np.isfinite(predictions.predicted_N)
    if wrong_N.any():
        given = f"row {predictions.row_ids[int(np.argmax(wrong_N))]}: the prediction is not finite"
        raise RunError(Problem("predictions", given, "a finite number in every row", "look for non-finite weights"))


def mse(sums_BF: Floats) -> Floats:
    """Mean squared error, `[B]`."""
    return _ratio(sums_BF[:, SQUARED], sums_BF[:, ROWS])


def rmse(sums_BF: Floats) -> Floats:
    """Root of the mean squared error, `[B]`, in the target's own unit."""
    return np.asarray(np.sqrt(mse(sums_BF)))


def mae(sums_BF: Floats) -> Floats:
    """Mean absolute error, `[B]`, in the target's own unit."""
    return _ratio(sums_BF[:, ABSOLUTE], sums_BF[:, ROWS])


def r2(sums_BF: Floats) -> Floats:
    """One minus the squared error over that of the rows' own mean, `[B]`; unknown where all numbers are equal."""
    spread_B = _moment(sums_BF, TRUE, TRUE, TRUE_2)
    return np.asarray(1 - _ratio(sums_BF[:, SQUARED], spread_B))


def pearson(sums_BF: Floats) -> Floats:
    """Correlation of true and predicted numbers, `[B]`; unknown where either are all equal."""
    return _correlation(sums_BF, (TRUE, GIVEN), (TRUE_2, GIVEN_2, BOTH))


def spearman(sums_BF: Floats) -> Floats:
    """Correlation of the ranks of true and predicted numbers, `[B]`; unknown where either are all equal."""
    return _correlation(sums_BF, (RANK, RANK_GIVEN), (RANK_2, RANK_GIVEN_2, RANKS))


def _square_size(sums_BF: Floats) -> Floats:
    """The variance of the true numbers and the mean squared error together, `[B]`: 0 only where both are."""
    return np.asarray(_ratio(_moment(sums_BF, TRUE, TRUE, TRUE_2), sums_BF[:, ROWS]) + mse(sums_BF))


def _size(sums_BF: Floats) -> Floats:
    return np.asarray(np.sqrt(_square_size(sums_BF)))


METRICS: Final[Mapping[str, CountMetric]] = {
    "rmse": CountMetric(rmse, "root of the mean squared error, in the target's own unit", most=None, unit=_size),
    "mse": CountMetric(mse, "mean squared error, in the square of the target's unit", most=None, unit=_square_size),
    "mae": CountMetric(mae, "mean distance from the true number, in the target's own unit", most=None, unit=_size),
    "r2": CountMetric(
        r2, "share of the numbers' variance that is explained: 0 is always saying their mean", least=None
    ),
    "pearson": CountMetric(pearson, "how well true and predicted numbers lie on a line, from -1 to 1", least=-1.0),
    "spearman": CountMetric(spearman, "how well the order of the numbers is met, from -1 to 1", least=-1.0),
}
"""Metric name to what it is, in the order in which tables show them."""


def _ranks(values_N: Floats) -> Floats:
    """Ranks around 0, as shares of the rows; equal numbers share the mean of theirs."""
    from scipy.stats import rankdata  # noqa: PLC0415  # importing a room loads nothing heavy

    count = max(1, len(values_N))
    return np.asarray((rankdata(values_N) - (count + 1) / 2) / count, dtype=np.float64)


def _moment(sums_BF: Floats, one: int, other: int, both: int) -> Floats:
    """Σ(x - mean x)(y - mean y), `[B]`; 0 where rounding is all there is."""
    products_B = sums_BF[:, both]
    moment_B = products_B - _ratio(sums_BF[:, one] * sums_BF[:, other], sums_BF[:, ROWS])
    return np.asarray(np.where(np.abs(moment_B) <= ROUNDING * np.abs(products_B), 0.0, moment_B))


def _correlation(sums_BF: Floats, means: tuple[int, int], squares: tuple[int, int, int]) -> Floats:
    x, y = means
    spreads_B = _moment(sums_BF, x, x, squares[0]) * _moment(sums_BF, y, y, squares[1])
    products_B = sums_BF[:, squares[2]] - _ratio(sums_BF[:, x] * sums_BF[:, y], sums_BF[:, ROWS])
    return np.asarray(np.clip(_ratio(products_B, np.sqrt(np.maximum(spreads_B, 0.0))), -1.0, 1.0))


def _ratio(part: Any, whole: Any) -> Floats:
    found: Floats = np.divide(part, whole, out=np.full_like(part, np.nan, dtype=np.float64), where=whole > 0)
    return found
