"""The training loop: AdamW over shuffled blocks of the token stream, warm-up, then cosine decay to zero."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from starter_lm.model import next_token_loss, surprise

if TYPE_CHECKING:
    from collections.abc import Iterator

    from transformers import LlamaForCausalLM

WARMUP_SHARE = 0.02
MAX_NORM = 1.0


@dataclass(frozen=True)
class Plan:
    """What a run does, settled before its first step."""

    steps: int
    rows: int
    context: int
    lr: float
    weight_decay: float
    seed: int

    @property
    def tokens_a_step(self) -> int:
        """Targets of one step."""
        return self.rows * self.context


@dataclass(frozen=True)
class StepReport:
    """One step, as it left the loop; `loss` stays on the device until somebody reads it."""

    step: int
    loss: torch.Tensor
    lr: float


def steps_for(n_tokens: int, *, epochs: float, rows: int, context: int) -> int:
    """Return the steps that read about `epochs` times the stream, at least one."""
    return max(1, round(epochs * n_tokens / (rows * context)))


def learning_rate(step: int, plan: Plan) -> float:
    """Return the rate of step 1, 2...: a linear rise over 2 % of the steps, then half a cosine that ends near zero."""
    warmup = max(1, round(WARMUP_SHARE * plan.steps))
    if step <= warmup:
        return plan.lr * step / warmup
    done = (step - warmup) / (plan.steps - warmup)
    return plan.lr * 0.5 * (1 + math.cos(math.pi * done))


def blocks(stream: torch.Tensor, plan: Plan) -> Iterator[torch.Tensor]:
    """Yield rows of `context + 1` tokens without end: each epoch cuts the stream at a new offset and shuffles.

    Tokens left over at the ends of an epoch are skipped in that epoch alone, since the offset changes.
    """
    generator = torch.Generator().manual_seed(plan.seed)
    within = torch.arange(plan.context + 1, device=stream.device)
    while True:
        offset = int(torch.randint(plan.context, (), generator=generator))
        count = (len(stream) - 1 - offset) // plan.context
        order = torch.randperm(count, generator=generator).to(stream.device)
        if count < plan.rows:
            raise SystemExit(
                f"the text makes {count} blocks of {plan.context} tokens, fewer than the {plan.rows} of a step"
            )
        for first in range(0, count - plan.rows + 1, plan.rows):
            starts = offset + order[first : first + plan.rows] * plan.context
            yield stream[starts[:, None] + within].long()


def build_optimizer(model: LlamaForCausalLM, plan: Plan) -> torch.optim.AdamW:
    """Return AdamW that decays matrices and leaves the norms' gains alone."""
    matrices = [parameter for parameter in model.parameters() if parameter.ndim >= 2]
    gains = [parameter for parameter in model.parameters() if parameter.ndim < 2]
    return torch.optim.AdamW(
        [{"params": matrices, "weight_decay": plan.weight_decay}, {"params": gains, "weight_decay": 0.0}],
        lr=plan.lr,
        betas=(0.9, 0.95),
        fused=model.device.type == "cuda",
    )


def mixed_precision(device: torch.device) -> contextlib.AbstractContextManager[object]:
    """Return bf16 autocast on CUDA; elsewhere everything stays fp32."""
    if device.type == "cuda":
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return contextlib.nullcontext()


def train(model: LlamaForCausalLM, stream: torch.Tensor, plan: Plan, *, compiled: bool) -> Iterator[StepReport]:
    """Yield a report after every step; weights stay fp32, the model is in training mode again at each step."""
    optimizer = build_optimizer(model, plan)
    head = next_token_loss
    if compiled:  # layer by layer: the model's own mask logic stays outside, so attention keeps its causal path
        for layer in model.model.layers:
            layer.compile(dynamic=False)
        head = torch.compile(next_token_loss, dynamic=False)
    for step, rows_BT in zip(range(1, plan.steps + 1), blocks(stream, plan), strict=False):
        model.train()
        lr = learning_rate(step, plan)
        for group in optimizer.param_groups:
            group["lr"] = lr
        with mixed_precision(model.device):
            loss = surprise(model, rows_BT[:, :-1], rows_BT[:, 1:], head=head).mean()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), MAX_NORM, error_if_nonfinite=False)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        yield StepReport(step=step, loss=loss.detach(), lr=lr)
