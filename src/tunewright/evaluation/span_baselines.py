"""What a tuned model of spans has to beat: nothing marked, the mentions seen in training, and a linear probe.

Axes: W words of all rows, D embedding dimensions, K tags.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.spans import OUTSIDE, Span, spans_of, tags_of, words_of
from tunewright.evaluation.baselines import MOST_ITERATIONS, PROBE_C, TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

Mention = tuple[str, ...]
"""The words of a span, as they stand."""

LEAST = 1e-12
"""Probability of a tag that no training word has."""


@dataclass(frozen=True, slots=True)
class SpanDictionary:
    """The mentions of training rows with their labels."""

    labels: Mapping[Mention, str]
    """Mention to its most frequent label; of several, the first in the order of the alphabet."""
    lengths: Mapping[str, tuple[int, ...]]
    """First word of a mention to the numbers of words that mentions beginning with it have, the largest first."""

    def spans(self, text: str) -> tuple[Span, ...]:
        """The longest known mention at each word, from the left, none within another."""
        words = words_of(text)
        said = [text[start:end] for start, end in words]
        found, at = [], 0
        while at < len(words):
            fits = (n for n in self.lengths.get(said[at], ()) if tuple(said[at : at + n]) in self.labels)
            length = next(fits, 0)
            if length:
                label = self.labels[tuple(said[at : at + length])]
                found.append(Span(words[at][0], words[at + length - 1][1], label))
            at += length or 1
        return tuple(found)


def span_dictionary(texts: Iterable[str], spans: Iterable[Sequence[Span]]) -> SpanDictionary:
    """All that the rows' spans mark, as whole words."""
    counts: defaultdict[Mention, Counter[str]] = defaultdict(Counter)
    for text, held in zip(texts, spans, strict=True):
        words = words_of(text)
        for span in spans_of(words, tags_of(words, held)):
            held_text = text[span.start : span.end]
            counts[tuple(held_text[a:b] for a, b in words_of(held_text))][span.label] += 1
    labels = {mention: min(of, key=lambda label: (-of[label], label)) for mention, of in counts.items()}
    lengths: defaultdict[str, set[int]] = defaultdict(set)
    for mention in labels:
        lengths[mention[0]].add(len(mention))
    return SpanDictionary(labels, {word: tuple(sorted(held, reverse=True)) for word, held in lengths.items()})


@dataclass(frozen=True, slots=True)
class TagProbe:
    """A logistic regression from a word's embedding to its tag."""

    pipeline: Any
    """None where the words seen have one tag alone."""
    seen: tuple[str, ...]

    def log_probabilities(self, vectors_WD: NDArray[np.floating[Any]], tags: Sequence[str]) -> Floats:
        """Of each word and tag, `[W, K]`; a tag that was never seen is all but impossible."""
        found_WK = np.full((len(vectors_WD), len(tags)), np.log(LEAST))
        columns = [tags.index(tag) for tag in self.seen]
        if self.pipeline is None:
            found_WK[:, columns] = 0.0
        elif len(vectors_WD):
            found_WK[:, columns] = np.log(np.maximum(self.pipeline.predict_proba(vectors_WD), LEAST))
        return found_WK


def tag_probe(vectors_WD: NDArray[np.floating[Any]], tags_W: Sequence[str], *, seed: int) -> TagProbe:
    """A logistic regression on standardised embeddings of words."""
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  # heavy: imported where it is used
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415

    if len(set(tags_W)) < 2:
        return TagProbe(None, tuple(set(tags_W)) or (OUTSIDE,))
    model = LogisticRegression(C=PROBE_C, tol=TOLERANCE, max_iter=MOST_ITERATIONS, random_state=seed)
    fitted = make_pipeline(StandardScaler(), model).fit(vectors_WD, list(tags_W))
    return TagProbe(fitted, tuple(map(str, fitted.classes_)))
