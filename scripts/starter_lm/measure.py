"""Bits per byte of a model on a stream of tokens; every token of the stream is counted exactly once."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from starter_lm.model import surprise

if TYPE_CHECKING:
    import numpy as np
    from transformers import LlamaForCausalLM


@dataclass(frozen=True)
class ModelBits:
    """Bits per byte of one model on one stream."""

    plain: float
    """Windows laid end to end: a token sees from 0 to `context - 1` tokens of its window before it."""
    sliding: float
    """Windows overlapping by half: past the first window a token sees at least half a context before it."""
    tokens: int


def bits_per_byte(nats: float, n_bytes: int) -> float:
    """Return a total surprise in nats as bits for each byte of text."""
    return nats / math.log(2) / n_bytes


@torch.no_grad()
def window_surprise(
    model: LlamaForCausalLM, stream: np.ndarray, *, context: int, stride: int, rows: int = 4
) -> list[np.ndarray]:
    """Return for windows beginning at 0, stride, 2·stride... the surprise (nats, float64) of each token they predict.

    A window predicts the `context` tokens after its first one, fewer at the end of the stream.
    """
    device = next(model.parameters()).device
    tokens = torch.as_tensor(stream, dtype=torch.long, device=device)
    starts = list(range(0, len(stream) - 1, stride))
    full = [start for start in starts if start + context < len(stream)]
    batches = [full[first : first + rows] for first in range(0, len(full), rows)]
    batches += [[start] for start in starts[len(full) :]]
    windows: list[np.ndarray] = []
    for batch in batches:
        rows_BT = torch.stack([tokens[start : start + context + 1] for start in batch])
        nats = surprise(model, rows_BT[:, :-1], rows_BT[:, 1:]).double().cpu().numpy()
        windows += list(nats.reshape(len(batch), -1))
    return windows


def measure(model: LlamaForCausalLM, stream: np.ndarray, n_bytes: int, *, context: int) -> ModelBits:
    """Return plain and sliding bits per byte; both come from one pass, since every other window is a plain one."""
    half = context // 2
    windows = window_surprise(model, stream, context=context, stride=half)
    plain = windows[::2]
    # A half-overlapping window adds only the tokens that the window before it did not predict.
    sliding = [windows[0], *(window[half:] for window in windows[1:])]
    assert sum(map(len, plain)) == sum(map(len, sliding)) == len(stream) - 1
    return ModelBits(
        plain=bits_per_byte(math.fsum(float(window.sum()) for window in plain), n_bytes),
        sliding=bits_per_byte(math.fsum(float(window.sum()) for window in sliding), n_bytes),
        tokens=len(stream) - 1,
    )


def measure_plain(model: LlamaForCausalLM, stream: np.ndarray, n_bytes: int, *, context: int) -> float:
    """Return plain bits per byte alone, at half the cost of `measure`."""
    windows = window_surprise(model, stream, context=context, stride=context)
    return bits_per_byte(math.fsum(float(window.sum()) for window in windows), n_bytes)
