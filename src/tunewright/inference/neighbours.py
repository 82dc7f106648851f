"""Words near one another in a model's input embeddings.

Axes: W words of the vocabulary, Q words asked for, D width.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tunewright.inference.whole_words import whole_words, word_ids

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tunewright.core.places import WordPlace
    from tunewright.models.tokenizer import SettledTokenizer

AT_ONCE = 256
"""Words that are compared with the whole vocabulary at once."""


class NeighbourSuggester:
    """A table of embeddings with its tokenizer. Implements `core.protocols.WordSuggester`.

    `table_VD` are the embeddings of all tokens. Only words that are one token have neighbours.
    """

    def __init__(
        self, table_VD: NDArray[np.float32], tokenizer: SettledTokenizer, *, nearest: int, least_similarity: float
    ) -> None:
        self._tokenizer = tokenizer
        self._nearest, self._least = nearest, least_similarity
        words = whole_words(tokenizer)
        self._words = list(words.values())
        self._row = {number: row for row, number in enumerate(words)}
        chosen_WD = table_VD[list(words)]
        self._table_WD = chosen_WD / np.maximum(np.linalg.norm(chosen_WD, axis=1, keepdims=True), 1e-12)

    def suggest(self, places: Sequence[WordPlace]) -> list[Sequence[str]]:
        """The neighbours of each word, the nearest first; those of other capitals are the word itself."""
        asked = list(dict.fromkeys(place.word for place in places))
        known = {
            word: self._row[number]
            for word, number in zip(asked, word_ids(asked, self._tokenizer), strict=True)
            if number in self._row
        }
        found = dict(self._neighbours(known))
        return [found.get(place.word, ()) for place in places]

    def _neighbours(self, known: dict[str, int]) -> Iterator[tuple[str, tuple[str, ...]]]:
        words, rows = list(known), np.array(list(known.values()), dtype=np.int64)
        for start in range(0, len(rows), AT_ONCE):
            cosines_QW = self._table_WD[rows[start : start + AT_ONCE]] @ self._table_WD.T
            for word, cosines_W in zip(words[start : start + AT_ONCE], cosines_QW, strict=True):
                yield word, tuple(self._nearest_of(word, cosines_W))

    def _nearest_of(self, word: str, cosines_W: NDArray[np.float32]) -> Iterator[str]:
        most = min(len(cosines_W), 2 * self._nearest + 2)  # the word itself and its other casings are among them
        near = np.argpartition(-cosines_W, most - 1)[:most]
        ordered = near[np.lexsort((near, -cosines_W[near]))]
        others = [
            self._words[row]
            for row in ordered
            if cosines_W[row] >= self._least and self._words[row].casefold() != word.casefold()
        ]
        yield from dict.fromkeys(others[: self._nearest])
