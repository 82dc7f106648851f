"""Whether a model's logits are a formula of its head's input: read from its configuration, checked on its own logits.

Axes: B rows, T tokens, M labelled positions, D width, V vocabulary.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import torch
from torch import nn

from tunewright.models.output_head import labelled_only
from tunewright.training.chunked import HeadForm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from torch import Tensor

PROBED_ROWS = 8
TOLERANCE = 1e-4
"""Of the largest logit: fp32 rounding stays far below, any other formula is far above."""

_AGREES: WeakKeyDictionary[nn.Module, bool] = WeakKeyDictionary()
"""Models that were probed, each once."""


def formula_of(model: Any, arguments: dict[str, Any], wanted_BT: Tensor) -> HeadForm | None:
    """The formula of the model's logits, or None where they are not a linear head's, capped and scaled.

    The first time, a row of these arguments goes through the model (twice where it is the only one), and the formula
    must give its logits.
    """
    head = model.get_output_embeddings()
    if type(head) is not nn.Linear or type(head.weight) is not nn.Parameter:  # adapted or sharded: not a plain product
        return None
    config = model.config.get_text_config()
    factor, divisor = getattr(config, "logit_scale", None), getattr(config, "logits_scaling", None)
    cap = getattr(config, "final_logit_softcapping", None)
    form = HeadForm(head.weight, head.bias, float(factor or 1.0) / float(divisor or 1.0), cap)
    if model not in _AGREES:
        _AGREES[model] = _agrees(model, form, arguments, wanted_BT)
    return form if _AGREES[model] else None


@contextlib.contextmanager
def held(model: Any, rows: int = 0) -> Iterator[list[Tensor]]:
    """Within it the head is handed only the first rows of its input, and the list it gives holds the whole input."""
    kept: list[Tensor] = []

    def hold(_module: Any, inputs: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        kept.append(inputs[0])
        return (inputs[0][:, :rows], *inputs[1:])

    handle = model.get_output_embeddings().register_forward_pre_hook(hold)
    try:
        yield kept
    finally:
        handle.remove()


def _agrees(model: Any, form: HeadForm, arguments: dict[str, Any], wanted_BT: Tensor) -> bool:
    row = int(wanted_BT.any(dim=1).int().argmax())
    few = [row] if len(wanted_BT) > 1 else [row, row]  # never all rows: what changes the batch's own pass lets it by
    one = {name: v[few] if isinstance(v, torch.Tensor) else v for name, v in arguments.items()}
    device = wanted_BT.device
    devices = [] if device.type == "cpu" else [device]
    with (
        torch.no_grad(),
        torch.autocast(device.type, enabled=False),
        torch.random.fork_rng(devices=devices, device_type="cuda" if device.type == "cpu" else device.type),
        labelled_only(model, wanted_BT[few]),
        held(model, PROBED_ROWS) as kept,
    ):
        logits_1MV = model(**one).logits.float()
        if not kept:
            return False
        formula_1MV = form.logits(kept[0][:, :PROBED_ROWS])
    if formula_1MV.shape != logits_1MV.shape:
        return False
    return bool((formula_1MV - logits_1MV).abs().max() <= TOLERANCE * logits_1MV.abs().max())
