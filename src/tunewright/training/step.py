"""One optimiser step: forward passes, exact mean over all targets, clipping, a guarded update."""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tunewright.core.errors import Problem, RunError
from tunewright.core.seeds import child_seed
from tunewright.core.training import StepReport

if TYPE_CHECKING:
    from accelerate import Accelerator
    from torch import nn

    from tunewright.data.loader import StepBatches
    from tunewright.training.averaging import Average
    from tunewright.training.losses import LossSum
    from tunewright.training.penalties import Penalty

ROWS_SHOWN = 8

GUARDED_KERNELS = frozenset({"cpu", "cuda"})
"""Devices whose fused AdamW heeds `found_inf` and `grad_scale`; that of Apple's GPUs takes both and ignores them."""


@dataclass(slots=True)
class TrainState:
    """All that changes while training: the model's weights, the optimiser's moments, the number of steps done."""

    model: nn.Module
    optimizer: Any
    """accelerate's wrapper around a torch optimiser."""
    accelerator: Accelerator
    seed: int
    bf16: bool
    step: int = 0
    average: Average | None = None
    """What is evaluated and saved in place of the weights that training moves; None where these are."""
    penalty: Penalty | None = None
    """What the size of the weights adds to each step's gradient."""

    @property
    def bare_model(self) -> Any:
        """The model without the wrappers of data parallelism."""
        return self.accelerator.unwrap_model(self.model)


def optimizer_step(  # a step's settings, each by name
    state: TrainState,
    batches: StepBatches,
    loss: LossSum,
    *,
    lr: float,
    max_norm: float | None,
    max_value: float | None = None,
) -> StepReport:
    """The weights moved by one step of exactly these examples. Raises RunError before a non-finite update.

    The gradient is that of the mean loss over all targets of the step, weighted where their classes are, whatever its
    cut into forward passes, with that of the penalties beside it. The loss that is reported is without penalties, the
    norm as it was before clipping.
    """
    started = time.perf_counter()
    if batches.targets == 0:
        rows = _row_ids(batches)
        raise RunError(
            Problem(f"training step {batches.step}", "no row has a target", "at least one", f"look at rows {rows}")
        )
    losses = gradients(state, batches, loss)
    total_loss = state.accelerator.reduce(torch.stack(losses).sum(), "sum")  # over processes: all stop together
    if state.penalty is not None:
        state.penalty.add_gradient()
    norm = torch.nn.utils.get_total_norm(_grads(state))
    _update(state, total_loss, norm, lr=lr, max_norm=max_norm, max_value=max_value)
    loss_value = float(total_loss) / batches.weight
    norm_value = float(norm)
    if not (math.isfinite(loss_value) and math.isfinite(norm_value)):
        raise _non_finite(batches, [float(value) for value in losses], norm_value)
    state.step = batches.step
    if state.average is not None:
        state.average.update(state.step)
    seconds = time.perf_counter() - started
    return StepReport(
        step=batches.step,
        epoch=batches.epoch,
        loss=loss_value,
        grad_norm=norm_value,
        lr=lr,
        examples=batches.examples,
        tokens=batches.tokens,
        targets=batches.targets,
        seconds=seconds,
    )


def gradients(state: TrainState, batches: StepBatches, loss: LossSum) -> list[Tensor]:
    """The parameters hold the step's gradient; returns each forward pass's summed loss, detached.

    Data parallelism averages over processes, so each sum is scaled by their number over the targets' global weight.
    """
    state.optimizer.zero_grad()
    device = state.accelerator.device
    scale = state.accelerator.num_processes / batches.weight
    sums: list[Tensor] = []
    last = len(batches.batches) - 1
    for index, batch in enumerate(batches.batches):
        torch.manual_seed(child_seed(state.seed, "dropout", batches.step, index, state.accelerator.process_index))
        wait = contextlib.nullcontext() if index == last else state.accelerator.no_sync(state.model)
        with wait:
            with torch.autocast(device.type, dtype=torch.bfloat16, enabled=state.bf16):
                loss_sum = loss(state.model, batch, device)
            state.accelerator.backward(loss_sum * scale)
        sums.append(loss_sum.detach())
    return sums


def _update(  # a step's settings, each by name
    state: TrainState,
    total_loss: Tensor,
    norm: Tensor,
    *,
    lr: float,
    max_norm: float | None,
    max_value: float | None,
) -> None:
    """One optimiser step, its gradient clipped; nothing moves where a number is not finite.

    Where the fused kernel takes them, the guard and the clip factor go into it: one pass over the numbers, and the
    host need not wait. Elsewhere both happen before it.
    """
    optimizer = state.optimizer.optimizer
    broken = ~(torch.isfinite(total_loss) & torch.isfinite(norm))
    if max_value is not None:
        norm = _cut(_grads(state), max_value)
    factor = torch.clamp(norm / max_norm, min=1.0) if max_norm is not None else None
    for group in optimizer.param_groups:
        group["lr"] = lr * group.get("rate", 1.0)
    if state.accelerator.device.type in GUARDED_KERNELS and isinstance(optimizer, torch.optim.AdamW):
        optimizer.found_inf, optimizer.grad_scale = broken.float(), factor  # type: ignore[attr-defined]  # read by step
    elif bool(broken):
        return
    elif factor is not None:
        torch._foreach_div_(_grads(state), factor)
    state.optimizer.step()


def _cut(grads: list[Tensor], max_value: float) -> Tensor:
    """The norm of the gradients, each of whose numbers is cut to that size."""
    torch._foreach_clamp_min_(grads, -max_value)
    torch._foreach_clamp_max_(grads, max_value)
    return torch.nn.utils.get_total_norm(grads)


def _grads(state: TrainState) -> list[Tensor]:
    return [p.grad for p in state.model.parameters() if p.grad is not None]


def _non_finite(batches: StepBatches, losses: list[float], norm: float) -> RunError:
    broken = [b for b, value in zip(batches.batches, losses, strict=True) if not math.isfinite(value)]
    rows = [row for batch in (broken or batches.batches) for row in batch.row_ids]
    what = "the loss is not finite" if broken else f"the gradient norm is {norm}"
    shown = ", ".join(rows[:ROWS_SHOWN]) + (f" and {len(rows) - ROWS_SHOWN} more" if len(rows) > ROWS_SHOWN else "")
    remedy = "lower train.optimizer.lr, set train.precision: fp32, and look at these rows in data/train.parquet"
    given = f"{what}; the weights are those of step {batches.step - 1}. Rows: {shown}"
    return RunError(Problem(f"training step {batches.step}", given, "finite numbers", remedy))


def _row_ids(batches: StepBatches) -> str:
    return ", ".join([row for batch in batches.batches for row in batch.row_ids][:ROWS_SHOWN])
