"""What the tuned model has to beat: the most frequent class, words and letters with a linear model, and a linear probe.

Axes: N rows, D embedding dimensions, K classes, P classes that training rows have.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from tunewright.core.seeds import bounded_seed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tunewright.core.protocols import Classifier

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

TEXT_C = 10.0
"""Inverse strength of the penalty on TF-IDF features, which are short vectors: a weak penalty (banking77: 0.91)."""

PROBE_C = 0.1
"""Inverse strength of the penalty on standardised embeddings, which are long vectors: a stronger one.

Measured on 2,400 rows of banking77 with a MiniLM encoder: accuracy 0.895 at 0.01, 0.898 at 0.1, 0.894 at 1.
"""

TOLERANCE = 1e-3
"""Where the solver stops. On banking77 1e-4 takes three times as long and moves accuracy within its interval."""

MOST_ITERATIONS = 1000
"""More than the solver needs: it stops by its tolerance."""

SEED_BITS = 32
"""scikit-learn takes seeds below two to this power."""

MANY_TEXTS = 1000
"""From so many texts on, letters seen in one text alone are left out: they cost memory and say nothing of others."""

WORD_OR_SIGN = r"(?u)\w+|[^\w\s]"
"""A word, or a sign by itself: texts of signs alone (emoji, "?!") have features too."""


class VectorClassifier(Protocol):
    """Called by evaluation with embeddings in any order; it must not keep or change them."""

    @property
    def labels(self) -> Sequence[str]:
        """The class names, in the order of the probabilities' second axis."""

    def probabilities(self, vectors_ND: NDArray[np.floating[Any]]) -> Floats:
        """One row of class probabilities a vector, `[N, K]`, in the order given."""


@dataclass(frozen=True, slots=True)
class Constant:
    """The same probabilities for every row, whatever it holds."""

    labels: tuple[str, ...]
    shares_K: Floats

    def probabilities(self, rows: Sequence[str] | NDArray[np.floating[Any]]) -> Floats:
        """The shares, once a row, `[N, K]`."""
        return np.tile(self.shares_K, (len(rows), 1))


@dataclass(frozen=True, slots=True)
class Fitted:
    """A fitted scikit-learn pipeline that knows the classes it saw; the others get probability 0."""

    labels: tuple[str, ...]
    pipeline: Any
    seen_P: Ints
    """Index in `labels` of each class the pipeline gives a probability for, in its order."""

    def probabilities(self, rows: Sequence[str] | NDArray[np.floating[Any]]) -> Floats:
        """One row of class probabilities a row given, `[N, K]`."""
        probabilities_NK = np.zeros((len(rows), len(self.labels)))
        if len(rows):
            probabilities_NK[:, self.seen_P] = self.pipeline.predict_proba(rows)
        return probabilities_NK


def majority(targets_N: Ints, labels: Sequence[str]) -> Classifier:
    """Every text gets the training split's class shares, so the most frequent class is always predicted.

    Raises ValueError without training rows.
    """
    return _constant(targets_N, labels)


def tfidf_linear(texts: Sequence[str], targets_N: Ints, labels: Sequence[str], *, seed: int) -> Classifier:
    """Logistic regression on TF-IDF of words and signs (1 to 2 in a row) and of letters within words (2 to 5).

    Raises ValueError without training rows, or where no text holds anything but blanks.
    """
    return _fit(text_features(texts), list(texts), targets_N, labels, strength=TEXT_C, seed=seed)


def text_features(texts: Sequence[str]) -> Any:
    """What turns texts like these into TF-IDF of words, signs (1 to 2 in a row) and letters (2 to 5), unfitted."""
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  # heavy: imported where it is used
    from sklearn.pipeline import make_union  # noqa: PLC0415

    rarest = 2 if len(texts) >= MANY_TEXTS else 1
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=WORD_OR_SIGN, sublinear_tf=True, dtype=np.float32)
    letters = TfidfVectorizer(
        analyzer="char_wb", ngram_range=(2, 5), min_df=rarest, sublinear_tf=True, dtype=np.float32
    )
    return make_union(words, letters)


def linear_probe(
    vectors_ND: NDArray[np.floating[Any]],
    targets_N: Ints,
    labels: Sequence[str],
    *,
    seed: int,
    strength: float = PROBE_C,
) -> VectorClassifier:
    """Logistic regression on embeddings, each dimension brought to mean 0 and standard deviation 1 by training rows.

    `strength` is the inverse strength of the penalty. Raises ValueError without training rows or for vectors that are
    not finite.
    """
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415  # heavy: imported where it is used

    return _fit(StandardScaler(), vectors_ND, targets_N, labels, strength=strength, seed=seed)


def _fit(
    features: Any, rows: Any, targets_N: Ints, labels: Sequence[str], *, strength: float, seed: int
) -> Constant | Fitted:
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # heavy: imported where it is used
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    if len(rows) != len(targets_N):
        raise ValueError(f"{len(rows)} rows and {len(targets_N)} true classes: they must be as many")
    constant = _constant(targets_N, labels)
    seen_P = np.flatnonzero(constant.shares_K)
    if len(seen_P) == 1:  # a logistic regression needs two classes to tell apart
        return constant
    drawn = bounded_seed(seed, bits=SEED_BITS)
    model = LogisticRegression(C=strength, tol=TOLERANCE, max_iter=MOST_ITERATIONS, random_state=drawn)
    return Fitted(tuple(labels), make_pipeline(features, model).fit(rows, targets_N), seen_P)


def _constant(targets_N: Ints, labels: Sequence[str]) -> Constant:
    if len(targets_N) == 0:
        raise ValueError("a baseline needs at least one training row")
    return Constant(tuple(labels), np.bincount(targets_N, minlength=len(labels)) / len(targets_N))
