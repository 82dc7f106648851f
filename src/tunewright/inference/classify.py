"""Tuned classifiers and untuned bases behind the core Protocols."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.inference.score import logits, mean_pooled, score, softmax

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tunewright.models.tokenizer import SettledTokenizer


class TunedClassifier:
    """A classification model with its tokenizer, on the device. Implements `core.protocols.Classifier`."""

    def __init__(self, model: Any, tokenizer: SettledTokenizer, *, device: str) -> None:
        self._model = model.to(device).eval()
        self._tokenizer = tokenizer

    @property
    def labels(self) -> Sequence[str]:
        """The class names, in the order of the probabilities' second axis."""
        names: dict[int, str] = self._model.config.id2label
        return tuple(names[index] for index in range(len(names)))

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """One row of class probabilities a text, `[N, K]`, in fp32 arithmetic."""
        if not texts:
            return np.empty((0, len(self.labels)), dtype=np.float64)
        return softmax(score(self._model, encode_cut(self._tokenizer, texts), logits, pad_id=self._tokenizer.pad_id))


class TrunkEmbedder:
    """The untuned base's mean-pooled embeddings, made on the device. Implements `core.protocols.Embedder`."""

    def __init__(self, trunk: Any, tokenizer: SettledTokenizer, *, device: str) -> None:
        self._trunk = trunk.to(device).eval()
        self._tokenizer = tokenizer

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector a text, `[N, D]`, in the order given."""
        ids = encode_cut(self._tokenizer, texts)
        return score(self._trunk, ids, mean_pooled, pad_id=self._tokenizer.pad_id)


def encode_cut(tokenizer: SettledTokenizer, texts: Sequence[str]) -> list[list[int]]:
    """The texts' ids, cut to the model's context exactly as in training."""
    return [tokenizer.cut(ids, tokenizer.max_tokens) for ids in tokenizer.encode(texts)]
