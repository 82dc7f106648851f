"""Tuned models of numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.inference.classify import encode_cut
from tunewright.inference.score import logits, score

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tunewright.models.tokenizer import SettledTokenizer


class ValueModel:
    """A model that gives a number a text, with its tokenizer, on the device."""

    def __init__(self, model: Any, tokenizer: SettledTokenizer, *, device: str) -> None:
        self._model = model.to(device).eval()
        self._tokenizer = tokenizer

    def values(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """One number a text, `[N]`, in the unit of the training rows' numbers."""
        if not texts:
            return np.empty(0, dtype=np.float64)
        given_N1 = score(self._model, encode_cut(self._tokenizer, texts), logits, pad_id=self._tokenizer.pad_id)
        return np.asarray(given_N1[:, 0], dtype=np.float64)
