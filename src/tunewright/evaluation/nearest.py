"""The answer of the most similar training prompt: what a system that only looks up would write."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np

from tunewright.evaluation.baselines import WORD_OR_SIGN

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

CHUNK_CELLS: Final = 4_000_000
"""Most similarities held at once: 32 MB at most."""

LETTERS_READ: Final = 2_000
"""Letters of a prompt, from its beginning, that are compared: whole passages take minutes and tell little more."""

MOST_FEATURES: Final = 200_000
"""Most words and pairs, and as many runs of letters: the most frequent ones."""

ALIKE: Final = 5
"""Similarities that agree in so many decimals are the same, so that rounding never decides."""


Answer = TypeVar("Answer")


def nearest_neighbour(prompts: Sequence[str], answers: Sequence[Answer]) -> Callable[[Sequence[str]], list[Answer]]:
    """A function that gives prompts the answer of the training prompt most like each: its text, or what stands for it.

    Alike by the cosine of TF-IDF of words and signs (1 to 2 in a row) and of letters within words (3 to 5); of equals,
    and where a prompt shares nothing with any, the first training row. Raises ValueError without training rows.
    """
    if not prompts or len(prompts) != len(answers):
        raise ValueError(f"{len(prompts)} prompts and {len(answers)} answers: as many are needed, and at least one")
    features = _features()
    try:
        known_FN = features.fit_transform([prompt[:LETTERS_READ] for prompt in prompts]).T.tocsc()
    except ValueError:  # no prompt holds anything but blanks, and all are alike
        return lambda asked: [answers[0]] * len(asked)
    chunk = max(1, CHUNK_CELLS // len(prompts))

    def answer(asked: Sequence[str]) -> list[Answer]:
        found: list[Answer] = []
        for start in range(0, len(asked), chunk):
            asked_BF = features.transform([prompt[:LETTERS_READ] for prompt in asked[start : start + chunk]])
            likeness_BN = np.round((asked_BF @ known_FN).toarray(), ALIKE)
            found += [answers[row] for row in np.argmax(likeness_BN, axis=1)]
        return found

    return answer


def _features() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer  # noqa: PLC0415  # heavy: imported where it is used
    from sklearn.pipeline import make_union  # noqa: PLC0415

    common = {"sublinear_tf": True, "dtype": np.float32, "max_features": MOST_FEATURES}
    words = TfidfVectorizer(ngram_range=(1, 2), token_pattern=WORD_OR_SIGN, **common)
    letters = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5), **common)
    return make_union(words, letters)
