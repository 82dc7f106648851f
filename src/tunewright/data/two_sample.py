"""Whether two samples of texts can be told apart, by a classifier that tries (Lopez-Paz & Oquab 2017)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.audit import TwoSample
from tunewright.core.seeds import child_seed, generator
from tunewright.data.keys import content_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

FOLDS = 5
MOST_TEXTS = 2_000
"""Of each side, drawn by chance."""
LEAST_TEXTS = 20
"""Of each side: with fewer, a fold holds too few to say anything."""
RESAMPLES = 500
WORDS = 12
MOST_WORDS = 50_000
WORD = r"\w+"


def two_sample(data: Sequence[str], production: Sequence[str], *, seed: int) -> TwoSample:
    """The test on different texts of each side: of several alike (by content key), the first counts.

    The score is the mean over folds of the area under the ROC curve on texts that the classifier (TF-IDF of words and
    pairs of words, logistic regression) was not fitted on, with a stratified bootstrap interval. In each fold, scores
    are exchangeable if the samples are from one source, so that a Mann–Whitney test holds there; folds depend on one
    another, and twice the mean of their p-values is a p-value whatever the dependence (Vovk & Wang 2020).
    """
    sides = [_drawn(texts, seed, name) for name, texts in (("data", data), ("production", production))]
    counts = (len(sides[0]), len(sides[1]))
    if min(counts) < LEAST_TEXTS:
        reason = f"each side needs {LEAST_TEXTS} different texts, and there are {counts[0]} and {counts[1]}"
        return TwoSample(counts, None, None, None, None, reason=reason)
    texts = [*sides[0], *sides[1]]
    from_production_N = np.repeat([0, 1], counts)
    try:
        scores_N, folds_N = _out_of_fold(texts, from_production_N, seed)
    except ValueError:  # no word at all in some fold: texts of signs alone
        return TwoSample(counts, None, None, None, None, reason="the texts hold no words to tell them apart by")
    parts = [folds_N == fold for fold in range(FOLDS)]
    auc = float(np.mean([_auc(scores_N[part], from_production_N[part]) for part in parts]))
    low, high = _interval(scores_N, from_production_N, parts, seed)
    p_value = min(1.0, 2 * float(np.mean([_p_value(scores_N[part], from_production_N[part]) for part in parts])))
    words, others = _telling(texts, from_production_N, seed)
    return TwoSample(counts, auc, low, high, p_value, words, others)


def _drawn(texts: Sequence[str], seed: int, name: str) -> list[str]:
    """Different texts, at most so many as are looked at, drawn by chance."""
    different = list({content_key(text): text for text in reversed(texts)}.values())[::-1]
    if len(different) <= MOST_TEXTS:
        return different
    chosen = generator(seed, "two_sample", name).choice(len(different), MOST_TEXTS, replace=False)
    return [different[index] for index in sorted(chosen)]


def _model(seed: int) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  # heavy: imported where it is used
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415

    features = TfidfVectorizer(ngram_range=(1, 2), token_pattern=WORD, sublinear_tf=True, max_features=MOST_WORDS)
    return make_pipeline(features, LogisticRegression(class_weight="balanced", max_iter=1000, random_state=seed))


def _out_of_fold(texts: Sequence[str], sides_N: Ints, seed: int) -> tuple[Floats, Ints]:
    """Each text's score by the classifier of the other folds, and its fold."""
    from sklearn.model_selection import StratifiedKFold  # noqa: PLC0415  # heavy: imported where it is used

    scores_N, folds_N = np.zeros(len(texts)), np.zeros(len(texts), dtype=np.int64)
    small = child_seed(seed, "two_sample", "folds") % 2**32
    division = StratifiedKFold(FOLDS, shuffle=True, random_state=small)
    for fold, (fitted, held) in enumerate(division.split(np.zeros(len(texts)), sides_N)):
        model = _model(small).fit([texts[i] for i in fitted], sides_N[fitted])
        scores_N[held], folds_N[held] = model.decision_function([texts[i] for i in held]), fold
    return scores_N, folds_N


def _auc(scores_N: Floats, sides_N: Ints) -> float:
    """The share of pairs of one text of each side in which production's scores higher; equal scores count half."""
    from scipy.stats import rankdata  # noqa: PLC0415  # heavy: imported where it is used

    ones = int(sides_N.sum())
    zeros = len(sides_N) - ones
    return float((rankdata(scores_N)[sides_N == 1].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _p_value(scores_N: Floats, sides_N: Ints) -> float:
    """One-sided: production's texts score higher."""
    from scipy.stats import mannwhitneyu  # noqa: PLC0415  # heavy: imported where it is used

    return float(mannwhitneyu(scores_N[sides_N == 1], scores_N[sides_N == 0], alternative="greater").pvalue)


def _interval(scores_N: Floats, sides_N: Ints, parts: Sequence[NDArray[np.bool_]], seed: int) -> tuple[float, float]:
    """The 95 % interval by drawing the texts of each fold and side anew."""
    draws = generator(seed, "two_sample", "bootstrap")
    groups = [(np.flatnonzero(part & (sides_N == 0)), np.flatnonzero(part & (sides_N == 1))) for part in parts]
    means = []
    for _ in range(RESAMPLES):
        areas = []
        for zeros, ones in groups:
            rows = np.concatenate([draws.choice(zeros, len(zeros)), draws.choice(ones, len(ones))])
            areas.append(_auc(scores_N[rows], sides_N[rows]))
        means.append(float(np.mean(areas)))
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def _telling(texts: Sequence[str], sides_N: Ints, seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The words that weigh most for production, and those that weigh most for the data."""
    model = _model(child_seed(seed, "two_sample", "words") % 2**32).fit(texts, sides_N)
    names = model[0].get_feature_names_out()
    weights = model[1].coef_[0]
    order = np.argsort(-weights, kind="stable")
    ahead = tuple(str(names[i]) for i in order[:WORDS] if weights[i] > 0)
    behind = tuple(str(names[i]) for i in order[::-1][:WORDS] if weights[i] < 0)
    return ahead, behind
