"""Tuned models of label sets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.inference.classify import encode_cut
from tunewright.inference.score import logits, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tunewright.models.tokenizer import SettledTokenizer


class LabelSetModel:
    """A model that gives each label a probability of its own, with its tokenizer, on the device."""

    def __init__(self, model: Any, tokenizer: SettledTokenizer, *, device: str) -> None:
        self._model = model.to(device).eval()
        self._tokenizer = tokenizer

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels in the order of the probabilities' second axis."""
        names: dict[int, str] = self._model.config.id2label
        return tuple(names[index] for index in range(len(names)))

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """A probability a text and label, `[N, K]`."""
        if not texts:
            return np.empty((0, len(self.labels)), dtype=np.float64)
        ids = encode_cut(self._tokenizer, texts)
        return sigmoid(score(self._model, ids, logits, pad_id=self._tokenizer.pad_id))


def sigmoid(logits_NK: NDArray[np.float32]) -> NDArray[np.float64]:
    """Probabilities of logits, in double precision, without overflow."""
    from scipy.special import expit  # noqa: PLC0415  # importing a room loads nothing heavy

    return np.asarray(expit(logits_NK.astype(np.float64)))
