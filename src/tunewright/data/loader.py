"""Steps in order, from any step on, as padded arrays: the last stop before the engine."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.encoded import IGNORED, Layout
from tunewright.data.batching import epoch_steps, micro_batches, packed_batches, steps_per_epoch
from tunewright.data.collate import Masking, TokenBatch, collate, collate_packed, targets_of, without_targets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from tunewright.data.token_rows import TokenRows

__all__ = ["IGNORED", "LoadPlan", "Masking", "StepBatches", "TokenBatch", "collate", "collate_packed", "load_steps"]


@dataclass(frozen=True, slots=True)
class StepBatches:
    """One optimiser step: this process's forward passes, and the counts over all processes."""

    step: int
    """From 1."""
    batches: tuple[TokenBatch, ...]
    examples: int
    tokens: int
    """Without padding; of `seq2seq`, those of both sides."""
    targets: int
    epoch: float
    """Epochs consumed once this step is done."""
    weight: float
    """What the summed loss is divided by: the weights of all targets together, which is `targets` where all weigh 1."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Everything that decides the order of rows and their cut into passes."""

    batch_size: int
    micro_batch_tokens: int
    seed: int
    pad_id: int
    rank: int = 0
    world: int = 1
    layout: Layout = "classes"
    packing: bool = False
    """Rows lie side by side in sequences; only of the layout `causal`."""
    mask_id: int | None = None
    """Of `masked`: what stands for a token that is to be guessed."""
    vocabulary: int | None = None
    """Of `masked`: random tokens are drawn below this."""
    class_weights: tuple[float, ...] = ()
    """Of `classes`: how much a row of each class counts in the loss; empty where all count alike."""

    soft_NK: NDArray[np.float32] | None = field(default=None, compare=False)
    """Of `classes`: the share of each class in each row's target; None where targets are classes."""

    def __post_init__(self) -> None:
        if self.soft_NK is not None and self.layout != "classes":
            raise ValueError(f"rows of the layout {self.layout!r} have no classes to share a target")
        if self.class_weights and self.layout != "classes":
            raise ValueError(f"rows of the layout {self.layout!r} have no classes to weigh")
        if self.packing and self.layout != "causal":
            raise ValueError(f"rows of the layout {self.layout!r} cannot be packed")
        if self.layout == "masked" and (self.mask_id is None or self.vocabulary is None):
            raise ValueError("masked rows need mask_id and vocabulary")

    def masking(self, step: int) -> Masking | None:
        """What decides the masks of a step; None for other layouts."""
        if self.mask_id is None or self.vocabulary is None:
            return None
        return Masking(self.seed, step, self.mask_id, self.vocabulary)


@dataclass(frozen=True, slots=True)
class _Counted:
    """Token rows with what is computed of them once for all steps."""

    rows: TokenRows
    lengths_N: NDArray[np.int64]
    targets_N: NDArray[np.int64]
    weights_N: NDArray[np.float32] | None = None


def load_steps(rows: TokenRows, plan: LoadPlan, *, after: int) -> Iterator[StepBatches]:
    """Steps `after + 1`, `after + 2`, … without end; the same whatever was consumed before."""
    if plan.soft_NK is not None and len(plan.soft_NK) != len(rows):
        raise ValueError(f"soft targets of {len(plan.soft_NK)} rows for {len(rows)}")
    if rows.layout != plan.layout:
        raise ValueError(f"the plan is for the layout {plan.layout!r}, the rows are of {rows.layout!r}")
    counted = _Counted(rows, rows.lengths_N, targets_of(rows), row_weights(rows, plan.class_weights))
    per_epoch = steps_per_epoch(len(rows), plan.batch_size)
    epoch, position = divmod(after, per_epoch)
    while True:
        steps = epoch_steps(
            counted.lengths_N,
            batch_size=plan.batch_size,
            seed=plan.seed,
            epoch=epoch,
            data_hash=rows.key,
            sort=not plan.packing,
        )
        for index in range(position, per_epoch):
            done = min((index + 1) * plan.batch_size, len(rows))
            yield _step(counted, steps[index], plan, step=epoch * per_epoch + index + 1, epoch=epoch + done / len(rows))
        epoch, position = epoch + 1, 0


def row_weights(rows: TokenRows, class_weights: Sequence[float]) -> NDArray[np.float32] | None:
    """How much each row counts, by its class, `[N]`; 0 for a row without a target, None where all count alike."""
    if not class_weights:
        return None
    has_N = rows.targets_N != IGNORED
    weights_N = np.asarray(class_weights, dtype=np.float32)[np.where(has_N, rows.targets_N, 0)]
    return np.where(has_N, weights_N, np.float32(0))


def _step(counted: _Counted, chosen: NDArray[np.int64], plan: LoadPlan, *, step: int, epoch: float) -> StepBatches:
    own = chosen[plan.rank :: plan.world]
    if len(own):
        passes = _passes(counted, own, plan, step)
    else:  # fewer rows than processes: a pass without targets keeps the processes in step
        (spare,) = _passes(counted, chosen[:1], plan, step)
        passes = [without_targets(spare)]
    tokens, targets = int(counted.lengths_N[chosen].sum()), int(counted.targets_N[chosen].sum())
    weights_N = counted.weights_N
    weight = float(targets) if weights_N is None else float(weights_N[chosen].sum(dtype=np.float64))
    return StepBatches(step, tuple(passes), len(chosen), tokens, targets, epoch, weight)


def _passes(counted: _Counted, own: NDArray[np.int64], plan: LoadPlan, step: int) -> list[TokenBatch]:
    """The forward passes of these rows."""
    if plan.packing:
        packed = packed_batches(own, counted.lengths_N, plan.micro_batch_tokens)
        return [collate_packed(counted.rows, sequences, plan.pad_id) for sequences in packed]
    masking = plan.masking(step)
    parts = micro_batches(own, counted.lengths_N, plan.micro_batch_tokens)
    batches = [collate(counted.rows, part, plan.pad_id, masking) for part in parts]
    return [_completed(batch, part, counted, plan) for batch, part in zip(batches, parts, strict=True)]


def _completed(batch: TokenBatch, part: NDArray[np.int64], counted: _Counted, plan: LoadPlan) -> TokenBatch:
    """The batch with the weights and soft targets of its rows, where rows have them."""
    if counted.weights_N is None and plan.soft_NK is None:
        return batch
    weights_B = None if counted.weights_N is None else counted.weights_N[part]
    return replace(batch, weights_B=weights_B, soft_BK=None if plan.soft_NK is None else plan.soft_NK[part])
