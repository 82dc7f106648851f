"""What production asks that the data never shows: rows far from every training row, in groups."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.audit import Group
from tunewright.core.seeds import child_seed
from tunewright.data.keys import content_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

DIMENSIONS = 50
MOST_ROWS = 5_000
"""Of each side, drawn by chance."""
LEAST_ROWS = 50
FAR = 0.99
"""A production row counts as uncovered where it is farther from its nearest training row than this share of the
training rows are from theirs."""
ROWS_A_GROUP = 10
MOST_GROUPS = 8
WORDS = 6
MOST_WORDS = 50_000
WORD = r"\w+"

_HAS_WORD = re.compile(r"\w")


@dataclass(frozen=True, slots=True)
class Coverage:
    """How much of production the data covers."""

    share: float | None
    """Uncovered rows among all looked at, of which one in a hundred is expected; None is unknown."""
    rows: int
    groups: tuple[Group, ...]


def coverage(data: Sequence[str], production: Sequence[str], places: Sequence[str], *, seed: int) -> Coverage:
    """The production rows that no training row is near, in at most eight groups, the largest first.

    Texts without a word are left out: nothing is known of where they lie. The others are points: TF-IDF of words,
    brought to 50 dimensions by a truncated SVD and to length 1. Equal texts of the data count once, or their distance
    of 0 would make every other row seem far.
    """
    small = child_seed(seed, "coverage") % 2**32
    draws = np.random.default_rng(small)
    ours = list({content_key(text): text for text in reversed(data)}.values())[::-1]
    ours = [ours[i] for i in _chosen(len(ours), draws)]
    worded = [i for i, text in enumerate(production) if _HAS_WORD.search(text)]
    theirs = [worded[i] for i in _chosen(len(worded), draws)]
    if min(len(ours), len(theirs)) < LEAST_ROWS:
        return Coverage(None, len(theirs), ())
    texts = [production[i] for i in theirs]
    points = _points([*ours, *texts], small)
    if points is None:
        return Coverage(None, len(theirs), ())
    own_ND, other_MD = points[: len(ours)], points[len(ours) :]
    far = _nearest(own_ND, other_MD, 1) > np.quantile(_nearest(own_ND, own_ND, 2), FAR)
    chosen = np.flatnonzero(far)
    groups = _groups([texts[i] for i in chosen], [places[theirs[i]] for i in chosen], other_MD[chosen], small)
    return Coverage(len(chosen) / len(theirs), len(theirs), groups)


def _chosen(count: int, draws: np.random.Generator) -> list[int]:
    if count <= MOST_ROWS:
        return list(range(count))
    return sorted(int(i) for i in draws.choice(count, MOST_ROWS, replace=False))


def _points(texts: Sequence[str], seed: int) -> Floats | None:
    """One unit vector a text; None where the texts hold too few words to span a plane."""
    from sklearn.decomposition import TruncatedSVD  # noqa: PLC0415  # heavy: imported where it is used
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415
    from sklearn.preprocessing import normalize  # noqa: PLC0415

    try:
        words = TfidfVectorizer(token_pattern=WORD, sublinear_tf=True, max_features=MOST_WORDS).fit_transform(texts)
    except ValueError:  # no word in any text
        return None
    if words.shape[1] < 3:
        return None
    size = min(DIMENSIONS, words.shape[1] - 1)
    return np.asarray(normalize(TruncatedSVD(size, random_state=seed).fit_transform(words)), dtype=np.float64)


def _nearest(data_ND: Floats, asked_MD: Floats, rank: int) -> Floats:
    """The cosine distance of each point to its `rank`-th nearest of the data; a point of the data is its own first."""
    found = np.empty(len(asked_MD))
    for start in range(0, len(asked_MD), 1000):  # a block of distances at a time
        similar = asked_MD[start : start + 1000] @ data_ND.T
        found[start : start + 1000] = 1 - np.partition(similar, -rank, axis=1)[:, -rank]
    return np.maximum(found, 0.0)


def _groups(texts: Sequence[str], places: Sequence[str], points_ND: Floats, seed: int) -> tuple[Group, ...]:
    from sklearn.cluster import KMeans  # noqa: PLC0415  # heavy: imported where it is used

    if not texts:
        return ()
    k = max(1, min(MOST_GROUPS, len(texts) // ROWS_A_GROUP))
    fitted: Any = KMeans(k, n_init=5, random_state=seed).fit(points_ND)
    common = Counter(word for text in texts for word in _words(text))
    found = []
    for cluster in range(k):
        held = np.flatnonzero(fitted.labels_ == cluster)
        if not len(held):
            continue
        counts = Counter(word for i in held for word in _words(texts[int(i)]))
        share = len(held) / len(texts)
        telling = sorted(counts, key=lambda word: (-counts[word] * (counts[word] / common[word] - share), word))
        middle = int(held[np.argmin(np.linalg.norm(points_ND[held] - fitted.cluster_centers_[cluster], axis=1))])
        found.append(Group(len(held), tuple(telling[:WORDS]), texts[middle], places[middle]))
    return tuple(sorted(found, key=lambda group: -group.rows))


def _words(text: str) -> set[str]:
    """The words of a text of at least four letters: shorter ones mark nothing."""
    return {word for word in text.lower().split() if len(word) > 3 and word.isalpha()}
