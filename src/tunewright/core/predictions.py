"""Predictions row by row, as every system under test gives them: classes, numbers, spans, or texts with likelihoods."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tunewright.core.spans import Span


@dataclass(frozen=True, slots=True)
class ClassPredictions:
    """Class probabilities of N rows over K labels, beside the rows' true classes."""

    row_ids: tuple[str, ...]
    labels: tuple[str, ...]
    """Class names in the order of the probabilities' second axis."""
    probabilities_NK: NDArray[np.float64]
    targets_N: NDArray[np.int64]
    """Index of each row's true class in `labels`."""
    clusters: tuple[str, ...]
    """What each row belongs to (group, near-duplicates, or its own text): rows of one cluster are not independent."""

    def __post_init__(self) -> None:
        n = len(self.row_ids)
        shapes = (self.probabilities_NK.shape, self.targets_N.shape, len(self.clusters))
        if shapes != ((n, len(self.labels)), (n,), n):
            raise ValueError(f"predictions of {n} rows and {len(self.labels)} labels have the shapes {shapes}")

    def where(self, kept_N: NDArray[np.bool_]) -> ClassPredictions:
        """The rows for which `kept_N` is true, in their order."""
        return ClassPredictions(
            row_ids=tuple(compress(self.row_ids, kept_N)),
            labels=self.labels,
            probabilities_NK=self.probabilities_NK[kept_N],
            targets_N=self.targets_N[kept_N],
            clusters=tuple(compress(self.clusters, kept_N)),
        )

    @property
    def predicted_N(self) -> NDArray[np.int64]:
        """Index of each row's most probable class; the first of equals."""
        return np.asarray(np.argmax(self.probabilities_NK, axis=1), dtype=np.int64)

    @property
    def correct_N(self) -> NDArray[np.bool_]:
        """Whether each row's most probable class is its true class."""
        return np.asarray(self.predicted_N == self.targets_N, dtype=np.bool_)


@dataclass(frozen=True, slots=True)
class ValuePredictions:
    """A number for each of N rows, beside the rows' true numbers."""

    row_ids: tuple[str, ...]
    predicted_N: NDArray[np.float64]
    targets_N: NDArray[np.float64]
    clusters: tuple[str, ...]
    """What each row belongs to: rows of one cluster are not independent."""

    def __post_init__(self) -> None:
        n = len(self.row_ids)
        shapes = (self.predicted_N.shape, self.targets_N.shape, len(self.clusters))
        if shapes != ((n,), (n,), n):
            raise ValueError(f"predictions of {n} rows have the shapes {shapes}")

    def where(self, kept_N: NDArray[np.bool_]) -> ValuePredictions:
        """The rows for which `kept_N` is true, in their order."""
        return ValuePredictions(
            row_ids=tuple(compress(self.row_ids, kept_N)),
            predicted_N=self.predicted_N[kept_N],
            targets_N=self.targets_N[kept_N],
            clusters=tuple(compress(self.clusters, kept_N)),
        )


@dataclass(frozen=True, slots=True)
class LabelSetPredictions:
    """Probabilities of N rows over K labels, each by itself, beside the rows' true labels."""

    row_ids: tuple[str, ...]
    labels: tuple[str, ...]
    """Names in the order of the second axis."""
    probabilities_NK: NDArray[np.float64]
    targets_NK: NDArray[np.bool_]
    clusters: tuple[str, ...]
    """What each row belongs to: rows of one cluster are not independent."""
    threshold: float = 0.5
    """A label is given from this probability on."""

    def __post_init__(self) -> None:
        n, k = len(self.row_ids), len(self.labels)
        shapes = (self.probabilities_NK.shape, self.targets_NK.shape, len(self.clusters))
        if shapes != ((n, k), (n, k), n):
            raise ValueError(f"predictions of {n} rows and {k} labels have the shapes {shapes}")

    def where(self, kept_N: NDArray[np.bool_]) -> LabelSetPredictions:
        """The rows for which `kept_N` is true, in their order."""
        return LabelSetPredictions(
            row_ids=tuple(compress(self.row_ids, kept_N)),
            labels=self.labels,
            probabilities_NK=self.probabilities_NK[kept_N],
            targets_NK=self.targets_NK[kept_N],
            clusters=tuple(compress(self.clusters, kept_N)),
            threshold=self.threshold,
        )

    @property
    def predicted_NK(self) -> NDArray[np.bool_]:
        """Whether each label is given."""
        return np.asarray(self.probabilities_NK >= self.threshold)

    def names(self, marks_K: NDArray[np.bool_]) -> list[str]:
        """The labels that are marked."""
        return [label for label, marked in zip(self.labels, marks_K, strict=True) if marked]


@dataclass(frozen=True, slots=True)
class TextPredictions:
    """What a system writes for N prompts, and how likely it finds the answers that people gave.

    One row a prompt: rows of equal prompts are joined, with the answers of all of them as references.
    """

    row_ids: tuple[str, ...]
    """Of the first row with this prompt."""
    prompts: tuple[str, ...]
    references: tuple[tuple[str, ...], ...]
    texts: tuple[str | None, ...]
    """What was generated; None where nothing was asked for, such as beyond the number of prompts to generate for."""
    stopped: tuple[bool | None, ...]
    """Whether it ended of its own accord; None where unknown, such as of a prompt that fills the context."""
    new_tokens: tuple[int | None, ...]
    nats_N: NDArray[np.float64]
    """Minus the log-likelihood of all references' tokens, summed, in nats; NaN for a system without likelihoods. Of a
    conversation, the last answer is the reference: those before it are context.
    """
    target_tokens_N: NDArray[np.int64]
    """Tokens that `nats_N` sums over, stop tokens included; none where all of them lie beyond the context."""
    target_bytes_N: NDArray[np.int64]
    """UTF-8 bytes that these tokens spell."""
    clusters: tuple[str, ...]
    """What each row belongs to: rows of one cluster are not independent."""
    decoding: str = ""
    """JSON text of the `core.generated.Decoding` the texts were made with; empty where none was used."""

    def __post_init__(self) -> None:
        n = len(self.row_ids)
        lengths = {
            len(column)
            for column in (
                *(self.prompts, self.references, self.texts, self.stopped, self.new_tokens, self.clusters),
                *(self.nats_N, self.target_tokens_N, self.target_bytes_N),
            )
        }
        if lengths - {n}:
            raise ValueError(f"predictions of {n} prompts have columns of {sorted(lengths)} rows")

    def where(self, kept_N: NDArray[np.bool_]) -> TextPredictions:
        """The prompts for which `kept_N` is true, in their order."""
        return TextPredictions(
            row_ids=tuple(compress(self.row_ids, kept_N)),
            prompts=tuple(compress(self.prompts, kept_N)),
            references=tuple(compress(self.references, kept_N)),
            texts=tuple(compress(self.texts, kept_N)),
            stopped=tuple(compress(self.stopped, kept_N)),
            new_tokens=tuple(compress(self.new_tokens, kept_N)),
            nats_N=self.nats_N[kept_N],
            target_tokens_N=self.target_tokens_N[kept_N],
            target_bytes_N=self.target_bytes_N[kept_N],
            clusters=tuple(compress(self.clusters, kept_N)),
            decoding=self.decoding,
        )


@dataclass(frozen=True, slots=True)
class SpanPredictions:
    """The spans that were marked in N texts, beside the true ones, and how many of each text's words were tagged
    rightly.
    """

    row_ids: tuple[str, ...]
    labels: tuple[str, ...]
    """The labels that spans may have, in the order of scores."""
    predicted: tuple[tuple[Span, ...], ...]
    targets: tuple[tuple[Span, ...], ...]
    words_N2: NDArray[np.int64]
    """Words of each text with the true tag, and words."""
    clusters: tuple[str, ...]
    """What each row belongs to: rows of one cluster are not independent."""

    def __post_init__(self) -> None:
        n = len(self.row_ids)
        shapes = (len(self.predicted), len(self.targets), self.words_N2.shape, len(self.clusters))
        if shapes != (n, n, (n, 2), n):
            raise ValueError(f"predictions of {n} rows have the shapes {shapes}")

    def where(self, kept_N: NDArray[np.bool_]) -> SpanPredictions:
        """The rows for which `kept_N` is true, in their order."""
        return SpanPredictions(
            row_ids=tuple(compress(self.row_ids, kept_N)),
            labels=self.labels,
            predicted=tuple(compress(self.predicted, kept_N)),
            targets=tuple(compress(self.targets, kept_N)),
            words_N2=self.words_N2[kept_N],
            clusters=tuple(compress(self.clusters, kept_N)),
        )
