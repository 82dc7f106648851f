"""Token rows without a tokenizer, a tiny model without a file, and the state that joins them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch
from torch import nn
from transformers import BertConfig, BertForSequenceClassification

from tunewright.data.loader import LoadPlan, StepBatches, collate, load_steps
from tunewright.data.tokenize import TokenRows
from tunewright.recipe.train import AdamW, TrainSpec
from tunewright.training.engine import start
from tunewright.training.step import gradients

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.training.losses import LossSum
    from tunewright.training.step import TrainState

VOCABULARY = 60
CLASSES = 3


def token_rows(lengths: Sequence[int], *, key: str = "rows", seed: int = 1) -> TokenRows:
    """Rows of random ids (0 is padding and stands in none) of these lengths, their classes in turn."""
    draw = np.random.default_rng(seed)
    starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    ids = draw.integers(1, VOCABULARY, size=int(starts[-1]), dtype=np.int32)
    targets = np.arange(len(lengths), dtype=np.int64) % CLASSES
    return TokenRows(
        row_ids=tuple(f"row{n}" for n in range(len(lengths))),
        flat_ids=ids,
        starts=starts,
        span_starts=np.zeros(len(lengths) + 1, dtype=np.int64),
        spans_S2=np.empty((0, 2), dtype=np.int64),
        targets_N=targets,
        key=key,
        layout="classes",
    )


def tiny_bert(*, dropout: float = 0.0) -> Any:
    """A two-layer BERT classifier with random weights, the same ones each time."""

    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=16,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=24,
        max_position_embeddings=64,
        num_labels=CLASSES,
        hidden_dropout_prob=dropout,
        attention_probs_dropout_prob=dropout,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return BertForSequenceClassification(config).train()


def state_of(
    model: nn.Module, spec: TrainSpec | None = None, *, lr: float = 1e-3, seed: int = 7, total_steps: int | None = None
) -> TrainState:
    spec = spec or TrainSpec(optimizer=AdamW(lr=lr))
    return start(model, spec, lr=lr, bf16=False, seed=seed, cpu=True, total_steps=total_steps)


def step_of(rows: TokenRows, *, batch_size: int, micro_batch_tokens: int, after: int = 0) -> StepBatches:
    """The step behind `after`, as the real loader gives it."""
    return next(load_steps(rows, LoadPlan(batch_size, micro_batch_tokens, seed=7, pad_id=0), after=after))


def in_one_pass(rows: TokenRows, step: StepBatches) -> StepBatches:
    """The same step as one padded batch."""
    chosen = np.array([rows.row_ids.index(row) for batch in step.batches for row in batch.row_ids])
    return replace(step, batches=(collate(rows, chosen, pad_id=0),))


def gradients_of(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.grad.detach().clone() for name, p in model.named_parameters() if p.grad is not None}


def assert_the_cut_changes_nothing(
    rows: TokenRows, loss: LossSum, *, budget: int, weights: tuple[float, ...] = ()
) -> None:
    """A step of 16 rows has the loss and the gradient of one pass where a token budget cuts it into several."""
    found = []
    for tokens in (10**6, budget):
        step = next(load_steps(rows, LoadPlan(16, tokens, seed=7, pad_id=0, class_weights=weights), after=0))
        state = state_of(tiny_bert())
        sums = gradients(state, step, loss)
        found.append((float(torch.stack(sums).sum()), gradients_of(state.bare_model)))
    (whole, whole_gradient), (cut, cut_gradient) = found
    assert cut == pytest.approx(whole, rel=1e-6)
    for name, value in whole_gradient.items():
        torch.testing.assert_close(cut_gradient[name], value, rtol=1e-5, atol=1e-7, msg=lambda t, n=name: f"{n}: {t}")


def snapshot(state: TrainState) -> dict[str, torch.Tensor]:
    """All weights and moments, copied."""
    weights = {f"weight {n}": p.detach().clone() for n, p in state.bare_model.named_parameters()}
    names = {p: n for n, p in state.bare_model.named_parameters()}
    for parameter, parts in state.optimizer.optimizer.state.items():
        weights |= {f"{part} {names[parameter]}": value.clone() for part, value in parts.items()}
    return weights


def same_bits(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(
        one[name].numpy().tobytes() == other[name].numpy().tobytes() for name in one
    )
