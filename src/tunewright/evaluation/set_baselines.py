"""What a tuned model of label sets has to beat: the labels' shares, and a logistic regression for each label.

Axes: N rows, K labels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.evaluation.baselines import MOST_ITERATIONS, PROBE_C, TEXT_C, TOLERANCE, text_features

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class FittedSets:
    """Fitted features, and for each label its regression, or the share that all or none of the rows gave it."""

    features: Any
    """None where nothing is looked at."""
    labels_K: tuple[Any, ...]

    def probabilities(self, rows: Any) -> Floats:
        """A probability a row and label, `[N, K]`."""
        seen = self.features.transform(rows) if self.features is not None and len(rows) else rows
        columns = [
            np.full(len(rows), model) if isinstance(model, float) else model.predict_proba(seen)[:, 1]
            for model in self.labels_K
            if len(rows)
        ]
        return np.stack(columns, axis=1) if columns else np.empty((0, len(self.labels_K)))


def label_shares(targets_NK: NDArray[np.bool_]) -> FittedSets:
    """Every row gets each label's share of the training rows."""
    return FittedSets(None, tuple(float(share) for share in targets_NK.mean(axis=0)))


def tfidf_sets(texts: Sequence[str], targets_NK: NDArray[np.bool_], *, seed: int) -> FittedSets:
    """A logistic regression for each label on TF-IDF of words and letters, as `baselines.tfidf_linear` takes them."""
    return _fit(text_features(texts), list(texts), targets_NK, strength=TEXT_C, seed=seed)


def probe_sets(vectors_ND: NDArray[np.floating[Any]], targets_NK: NDArray[np.bool_], *, seed: int) -> FittedSets:
    """A logistic regression for each label on standardised embeddings."""
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415  # heavy: imported where it is used

    return _fit(StandardScaler(), vectors_ND, targets_NK, strength=PROBE_C, seed=seed)


def _fit(features: Any, rows: Any, targets_NK: NDArray[np.bool_], *, strength: float, seed: int) -> FittedSets:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # heavy: imported where it is used

    seen = features.fit_transform(rows)

    def one(targets_N: NDArray[np.bool_]) -> Any:
        if targets_N.all() or not targets_N.any():  # a regression needs both answers
            return float(targets_N.mean())
        model = LogisticRegression(C=strength, tol=TOLERANCE, max_iter=MOST_ITERATIONS, random_state=seed)
        return model.fit(seen, targets_N)

    return FittedSets(features, tuple(one(targets_N) for targets_N in targets_NK.T))
