"""Models that tag words: spans of texts, and what an untuned base makes of each word.

Axes: W words of a text, T tokens, K tags, D embedding dimensions.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.encoded import EncodedRow
from tunewright.core.errors import Problem, RunError
from tunewright.core.spans import labels_of_tags, spans_of, words_of
from tunewright.inference.score import score_tokens
from tunewright.models.tag_encoder import NO_PIECE, first_pieces

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray
    from torch import Tensor

    from tunewright.core.spans import Borders, Span
    from tunewright.models.tokenizer import SettledTokenizer

    Floats = NDArray[np.float64]
    Pieces = Callable[[EncodedRow], Sequence[EncodedRow]]

AT_ONCE = 1_000
"""Texts whose token vectors are held at once."""


@dataclass(frozen=True, slots=True)
class WordVectors:
    """A text's words, and a vector of each."""

    words: tuple[Borders, ...]
    vectors_WX: NDArray[np.float32]
    """Not a number for a word that has no token of its own, or stands beyond what the model was given."""
    alone_W: NDArray[np.bool_]
    """Whether each word has a token of its own."""

    @property
    def known_W(self) -> NDArray[np.bool_]:
        """Whether each word has a vector."""
        return np.asarray(~np.isnan(self.vectors_WX).any(axis=1))


@dataclass(frozen=True, slots=True)
class Marked:
    """The spans of a text by a model."""

    spans: tuple[Span, ...]
    probabilities: tuple[float, ...]
    """Of each span: the least of its words' probabilities of their tags."""


class WordReader:
    """What a model gives for the first piece of each word, on the device."""

    def __init__(
        self, model: Any, tokenizer: SettledTokenizer, read: Callable[[Any], Tensor], *, device: str, pieces: Pieces
    ) -> None:
        """`pieces` makes of a text's token ids what fits into the model, as training did: a cut text, or windows."""
        self._model = model.to(device).eval()
        self._tokenizer = tokenizer
        self._read = read
        self._pieces = pieces

    def vectors(self, texts: Sequence[str]) -> Iterator[WordVectors]:
        """One entry a text, in the order given. Raises RunError where what the model gives is not finite."""
        for start in range(0, len(texts), AT_ONCE):
            yield from self._some(texts[start : start + AT_ONCE])

    def _some(self, texts: Sequence[str]) -> Iterator[WordVectors]:
        placed = self._tokenizer.encode_placed(texts)
        parts = [self._pieces(EncodedRow(encoding.ids)) for encoding in placed]
        ids = [part.input_ids for held in parts for part in held]
        scored = score_tokens(self._model, ids, self._read, pad_id=self._tokenizer.pad_id)
        if not all(np.isfinite(vectors_TX).all() for vectors_TX in scored):
            given = "the model gives numbers that are not finite"
            raise RunError(Problem("predictions", given, "finite numbers", "look for non-finite weights"))
        found = iter(scored)
        for text, encoding, held in zip(texts, placed, parts, strict=True):
            bodies = []
            for part in held:
                opening, end = self._tokenizer.framed_span(part.input_ids)
                bodies.append(next(found)[opening:end])
            first = self._tokenizer.framed_span(encoding.ids)[0]
            words = words_of(text)
            places_W = np.array(first_pieces(encoding, words), dtype=np.int64)
            vectors_WX = _of_words(places_W, np.concatenate(bodies), first)
            yield WordVectors(tuple(words), vectors_WX, places_W != NO_PIECE)


def _of_words(places_W: NDArray[np.int64], vectors_TX: NDArray[np.float32], first: int) -> NDArray[np.float32]:
    """The vector of each word's token, of vectors that begin with that of the token `first`."""
    at_W = places_W - first
    there_W = (at_W >= 0) & (at_W < len(vectors_TX)) & (places_W != NO_PIECE)
    found = np.full((len(places_W), vectors_TX.shape[1]), np.nan, dtype=np.float32)
    found[there_W] = vectors_TX[at_W[there_W]]
    return found


def token_logits(output: Any) -> Tensor:
    """The logits of each token, `[B, T, K]`."""
    scores: Tensor = output.logits
    return scores


def token_states(output: Any) -> Tensor:
    """The last layer's states, `[B, T, D]`."""
    states: Tensor = output.last_hidden_state
    return states


def log_softmax(logits_WK: NDArray[np.float32]) -> Floats:
    """Log-probabilities of each word's tags, in double precision; of an unknown word, not a number."""
    from scipy.special import log_softmax as of_rows  # noqa: PLC0415  # importing a room loads nothing heavy

    return np.asarray(of_rows(logits_WK.astype(np.float64), axis=1)) if len(logits_WK) else logits_WK.astype(np.float64)


def marked(found: WordVectors, logs_WK: Floats, tags: Sequence[str]) -> Marked:
    """The spans of the most probable sequence of tags that is valid in IOB2 (Viterbi 1967).

    `tags` are in the order of `core.spans.tag_names`. A word without a token of its own goes on with what its
    predecessor is; beyond what the model was given, nothing is marked.
    """
    known_W = found.known_W
    path = iter(best_tags(logs_WK[known_W]))
    numbers: list[int] = []
    logs: list[float] = []
    for word, (known, alone) in enumerate(zip(known_W.tolist(), found.alone_W.tolist(), strict=True)):
        before = numbers[-1] if numbers and not alone else 0
        numbers.append(next(path) if known else before + before % 2)  # B-X is followed by I-X, which stands behind it
        logs.append(float(logs_WK[word, numbers[-1]]) if known else 0.0)
    spans = spans_of(found.words, [tags[number] for number in numbers])
    starts = [start for start, _ in found.words]
    least = (min(logs[bisect_left(starts, span.start) : bisect_left(starts, span.end)]) for span in spans)
    return Marked(spans, tuple(float(np.exp(log)) for log in least))


def best_tags(logs_WK: Floats) -> list[int]:
    """The numbers of the tags of the most probable valid sequence: `I-X` behind `B-X` or `I-X` alone.

    Tags stand as `core.spans.tag_names` has them: 0 outside, then each label's B (odd) and I (even).
    """
    greedy_W = logs_WK.argmax(axis=1) if len(logs_WK) else np.zeros(0, dtype=np.int64)
    before_W = np.concatenate([[0], greedy_W[:-1]])
    inside_W = (greedy_W > 0) & (greedy_W % 2 == 0)
    if not (inside_W & (before_W != greedy_W) & (before_W != greedy_W - 1)).any():
        return [int(tag) for tag in greedy_W]
    return _viterbi(logs_WK)


def _viterbi(logs_WK: Floats) -> list[int]:
    k = logs_WK.shape[1]
    scores_K = logs_WK[0].copy()
    scores_K[2::2] = -np.inf
    backs = []
    inside = np.arange(2, k, 2)
    for logs_K in logs_WK[1:]:
        back_K = np.full(k, int(scores_K.argmax()))
        back_K[2::2] = np.where(scores_K[1::2] >= scores_K[2::2], inside - 1, inside)
        scores_K = scores_K[back_K] + logs_K
        backs.append(back_K)
    path = [int(scores_K.argmax())]
    for back_K in reversed(backs):
        path.append(int(back_K[path[-1]]))
    return path[::-1]


class SpanModel:
    """A tuned model of tags with its tokenizer, on the device."""

    def __init__(self, model: Any, tokenizer: SettledTokenizer, *, device: str, pieces: Pieces) -> None:
        names: dict[int, str] = model.config.id2label
        self.tags = tuple(names[index] for index in range(len(names)))
        self._reader = WordReader(model, tokenizer, token_logits, device=device, pieces=pieces)

    @property
    def labels(self) -> tuple[str, ...]:
        """What spans may be."""
        return labels_of_tags(self.tags)

    def marked(self, texts: Sequence[str]) -> Iterator[Marked]:
        """The spans of each text, in the order given."""
        for found in self._reader.vectors(texts):
            yield marked(found, log_softmax(found.vectors_WX), self.tags)
