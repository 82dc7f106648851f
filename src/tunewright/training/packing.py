"""Whether rows packed into one sequence stay blind to each other: tried on the model itself, before the first step."""

from __future__ import annotations

import contextlib
import inspect
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from tunewright.models.wrappers import without_adapters

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

EXACT = 1e-4
"""Most difference of a packed row's logits from its own, over the largest logit: rounding of fp32 stays below."""
OF_A_LEAK = 0.01
"""And over the difference that a leak makes: a model whose context hardly matters must not pass for an exact one."""
PROBE_LENGTHS = ((7, 12), (9, 5, 6))
"""Rows of each packed sequence; the shorter sequence is filled up, as a step's are."""


def packing_fault(model: nn.Module, *, vocabulary: int, device: torch.device) -> str | None:
    """None where packed rows give their own logits exactly; else why not, with the measured difference.

    The model is as training runs it, but without dropout, and stays as it was; random ids are drawn from a seed of
    their own. Only causal models can pass: the test leaves the mask to them, as packed training does.
    """
    inner: Any = model
    if getattr(inner.config, "is_encoder_decoder", False):
        return "only causal models pack, and this one is an encoder with a decoder"
    if "position_ids" not in inspect.signature(without_adapters(inner).forward).parameters:
        return f"{type(without_adapters(inner)).__name__} takes no position_ids"
    with torch.no_grad(), without_dropout(model), torch.autocast(device.type, enabled=False):
        alone = [_logits(inner, [[row]], device)[0] for sequence in _rows(vocabulary) for row in sequence]
        packed = _logits(inner, _rows(vocabulary), device)
        leaking = _logits(inner, _rows(vocabulary), device, leak=True)
    scale = max(float(row.abs().max()) for row in alone)
    exact, leak = _difference(packed, alone), _difference(leaking, alone)
    if not exact <= EXACT * scale:
        return f"packed rows see each other: their logits differ by up to {exact:.2g}, where the largest is {scale:.2g}"
    if leak == 0 or not exact <= OF_A_LEAK * leak:
        return f"the test cannot tell: packed rows differ by {exact:.2g}, rows that see each other by {leak:.2g}"
    return None


@contextlib.contextmanager
def without_dropout(model: nn.Module) -> Iterator[None]:
    """Meanwhile every dropout of the model is zero; train and eval modes stay as they are."""
    places = [(module, name) for module in model.modules() for name in vars(module) if _drops(module, name)]
    former = [(module, name, getattr(module, name)) for module, name in places]
    for module, name, _ in former:
        setattr(module, name, 0.0)
    try:
        yield
    finally:
        for module, name, value in former:
            setattr(module, name, value)


def _drops(module: nn.Module, name: str) -> bool:
    """Whether the attribute is a probability of dropout: a dropout module's own, or one that attention is handed."""
    own = name == "p" and isinstance(module, nn.modules.dropout._DropoutNd)
    return (own or "dropout" in name or "drop_p" in name) and isinstance(getattr(module, name), float)


def _logits(
    model: Any, sequences: Sequence[Sequence[NDArray[np.int64]]], device: torch.device, *, leak: bool = False
) -> list[Tensor]:
    """The logits of each row of the sequences, packed; with `leak`, of a pass that lets rows see those before them."""
    lengths = [sum(map(len, rows)) for rows in sequences]
    ids_BT, positions_BT = (np.zeros((len(sequences), max(lengths)), dtype=np.int64) for _ in range(2))
    for line, (rows, length) in enumerate(zip(sequences, lengths, strict=True)):
        ids_BT[line, :length] = np.concatenate(rows)
        positions_BT[line, :length] = np.concatenate([np.arange(len(row)) for row in rows])
        positions_BT[line, length:] = np.arange(max(lengths) - length)
    arguments = {"input_ids": ids_BT, "position_ids": positions_BT} | (
        {"attention_mask": ids_BT * 0 + 1} if leak else {}
    )
    placed = {name: torch.from_numpy(value).to(device) for name, value in arguments.items()}
    logits_BTV = model(**placed, use_cache=False).logits.float()
    return [
        part
        for line, rows in enumerate(sequences)
        for part in logits_BTV[line, : lengths[line]].split([len(row) for row in rows])
    ]


def _rows(vocabulary: int) -> list[list[NDArray[np.int64]]]:
    draw = np.random.default_rng(0)
    return [[draw.integers(0, vocabulary, size=n) for n in lengths] for lengths in PROBE_LENGTHS]


def _difference(rows: Sequence[Tensor], others: Sequence[Tensor]) -> float:
    return max(float((row - other).abs().max()) for row, other in zip(rows, others, strict=True))
