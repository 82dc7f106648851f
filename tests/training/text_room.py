"""Tiny models that write text, and token rows for each layout, without a file or a tokenizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import transformers

from tiny_models import CAUSAL, FAMILIES, MASK, MASKED, PAD, TO_TEXT, VOCABULARY
from tunewright.core.encoded import EncodedRow
from tunewright.data.loader import LoadPlan, StepBatches, load_steps
from tunewright.data.token_rows import TokenRows, rows_of
from tunewright.training.losses import LossSum, causal_loss, masked_loss, seq2seq_loss
from tunewright.training.packing import without_dropout

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.core.encoded import Layout

CPU = torch.device("cpu")
LAYOUTS: dict[str, Layout] = {
    **dict.fromkeys(CAUSAL, "causal"),
    **dict.fromkeys(TO_TEXT, "seq2seq"),
    **dict.fromkeys(MASKED, "masked"),
}
LOSSES: dict[str, LossSum] = {"causal": causal_loss, "seq2seq": seq2seq_loss, "masked": masked_loss}
LENGTHS = ((4, 9), (7, 3), (2, 14), (11, 5), (3, 3), (6, 8))
"""Tokens of each row: of the prompt, and of the answer that is trained."""


def text_model(family: str, **changes: Any) -> Any:
    """A tiny model of the family with random weights, the same each time, in train mode and without dropout."""
    name, sizes = FAMILIES[family]
    kind = getattr(transformers, name)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        model = kind(kind.config_class(**{**sizes, **changes})).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def with_lora(model: Any, *, rank: int = 4, dropout: float = 0.0) -> Any:
    """The model with adapters beside all its linear layers but the head; those are not zero, so they matter."""
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415  # 2 s that few tests need

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        tuned = get_peft_model(model, LoraConfig(r=rank, lora_dropout=dropout, target_modules="all-linear"))
        for name, parameter in tuned.named_parameters():
            if "lora_B" in name:
                torch.nn.init.normal_(parameter, std=0.05)
    return tuned


def text_rows(layout: Layout, lengths: Sequence[tuple[int, int]] = LENGTHS, *, seed: int = 1) -> TokenRows:
    """Rows of random ids, a prompt and a trained answer each; of `masked`, all of a row may be masked."""
    draw = np.random.default_rng(seed)
    encoded = []
    for prompt, answer in lengths:
        ids = draw.integers(9, VOCABULARY, size=prompt + answer).tolist()
        encoded.append(EncodedRow(ids, ((0 if layout == "masked" else prompt, prompt + answer),)))
    return rows_of([f"row{n}" for n in range(len(encoded))], [encoded], key="texts", layout=layout)


def plan_for(layout: Layout, *, batch_size: int = 6, tokens: int = 10**6, **changes: Any) -> LoadPlan:
    """A plan of these rows' steps, in one pass where no budget is named."""
    masks = {"mask_id": MASK, "vocabulary": VOCABULARY} if layout == "masked" else {}
    return LoadPlan(batch_size, tokens, 7, PAD, layout=layout, **masks, **changes)


def step_for(layout: Layout, rows: TokenRows | None = None, **changes: Any) -> StepBatches:
    """The first step of the rows."""
    return next(load_steps(rows or text_rows(layout), plan_for(layout, **changes), after=0))


def loss_and_gradients(model: Any, step: StepBatches, loss: LossSum) -> tuple[float, dict[str, torch.Tensor]]:
    """The mean loss per target of a step, and its gradients, without dropout."""
    model.zero_grad()
    total = 0.0
    with without_dropout(model):
        for batch in step.batches:
            loss_sum = loss(model, batch, CPU) / step.targets
            loss_sum.backward()
            total += loss_sum.item()
    return total, {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_same(one: tuple[float, Any], other: tuple[float, Any], *, rel: float = 1e-5, loss_rel: float = 1e-6) -> None:
    """Loss and gradients agree in fp32; `rel` is taken of the whole gradient's largest number."""
    assert abs(one[0] - other[0]) <= loss_rel * abs(other[0])
    assert one[1].keys() == other[1].keys()
    largest = max(float(value.abs().max()) for value in other[1].values())
    assert largest > 0
    for name, value in other[1].items():
        torch.testing.assert_close(
            one[1][name], value, rtol=1e-4, atol=rel * largest, msg=lambda text, n=name: f"{n}: {text}"
        )
