"""What a tuned model of numbers has to beat: the mean, words and letters with a linear model, and a linear probe.

Axes: N rows, D embedding dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.evaluation.baselines import text_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

TEXT_ALPHA = 1.0
"""Penalty on TF-IDF features, which are vectors of unit length: that of scikit-learn."""

PROBE_ALPHAS = tuple(float(10.0**power) for power in range(-1, 6))
"""Penalties on standardised embeddings, of which the one that errs least on rows left out is taken."""


@dataclass(frozen=True, slots=True)
class FittedNumbers:
    """A fitted scikit-learn regression."""

    pipeline: Any

    def values(self, rows: Any) -> Floats:
        """One number a row given, `[N]`."""
        return np.asarray(self.pipeline.predict(rows), dtype=np.float64).reshape(-1) if len(rows) else np.empty(0)


def mean_number(targets_N: Floats) -> FittedNumbers:
    """Every row gets the training rows' mean. Raises ValueError without training rows."""
    from sklearn.dummy import DummyRegressor  # noqa: PLC0415  # heavy: imported where it is used

    return FittedNumbers(DummyRegressor(strategy="mean").fit(np.zeros((len(targets_N), 1)), targets_N))


def tfidf_ridge(texts: Sequence[str], targets_N: Floats, *, seed: int) -> FittedNumbers:
    """Ridge regression on TF-IDF of words and letters, as `baselines.tfidf_linear` takes them."""
    from sklearn.linear_model import Ridge  # noqa: PLC0415  # heavy: imported where it is used
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    model = Ridge(alpha=TEXT_ALPHA, solver="sparse_cg", random_state=seed)
    return FittedNumbers(make_pipeline(text_features(texts), model).fit(list(texts), targets_N))


def ridge_probe(vectors_ND: NDArray[np.floating[Any]], targets_N: Floats) -> FittedNumbers:
    """Ridge regression on embeddings, each dimension brought to mean 0 and standard deviation 1 by training rows."""
    from sklearn.linear_model import RidgeCV  # noqa: PLC0415  # heavy: imported where it is used
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    return FittedNumbers(make_pipeline(StandardScaler(), RidgeCV(alphas=PROBE_ALPHAS)).fit(vectors_ND, targets_N))
