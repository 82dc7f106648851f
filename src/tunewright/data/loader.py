"""Steps in order, from any step on, as padded arrays: the last stop before the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from tunewright.data.batching import epoch_steps, micro_batches, steps_per_epoch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tunewright.data.tokenize import TokenRows

IGNORED = -100
"""A target without a loss."""


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """The rows of one forward pass, padded on the right to the longest of them."""

    row_ids: tuple[str, ...]
    input_ids_BT: NDArray[np.int64]
    attention_mask_BT: NDArray[np.int64]
    targets_B: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class StepBatches:
    """One optimiser step: this process's forward passes, and the counts over all processes."""

    step: int
    """From 1."""
    batches: tuple[TokenBatch, ...]
    examples: int
    tokens: int
    targets: int
    epoch: float
    """Epochs consumed once this step is done."""


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """Everything that decides the order of rows and their cut into passes."""

    batch_size: int
    micro_batch_tokens: int
    seed: int
    pad_id: int
    rank: int = 0
    world: int = 1


def load_steps(rows: TokenRows, plan: LoadPlan, *, after: int) -> Iterator[StepBatches]:
    """Steps `after + 1`, `after + 2`, … without end; the same whatever was consumed before."""
    per_epoch = steps_per_epoch(len(rows), plan.batch_size)
    lengths_N = rows.lengths_N
    epoch, position = divmod(after, per_epoch)
    while True:
        steps = epoch_steps(lengths_N, batch_size=plan.batch_size, seed=plan.seed, epoch=epoch, data_hash=rows.key)
        for index in range(position, per_epoch):
            done = min((index + 1) * plan.batch_size, len(rows))
            step, passed = epoch * per_epoch + index + 1, epoch + done / len(rows)
            yield _step(rows, steps[index], plan, lengths_N=lengths_N, step=step, epoch=passed)
        epoch, position = epoch + 1, 0


def _step(  # a step of the plan, and where in the plan it stands
    rows: TokenRows,
    chosen: NDArray[np.int64],
    plan: LoadPlan,
    *,
    lengths_N: NDArray[np.int64],
    step: int,
    epoch: float,
) -> StepBatches:
    own = chosen[plan.rank :: plan.world]
    if len(own):
        passes = [collate(rows, part, plan.pad_id) for part in micro_batches(own, lengths_N, plan.micro_batch_tokens)]
    else:  # fewer rows than processes: a pass without targets keeps the processes in step
        spare = collate(rows, chosen[:1], plan.pad_id)
        passes = [TokenBatch((), spare.input_ids_BT, spare.attention_mask_BT, np.full_like(spare.targets_B, IGNORED))]
    tokens = int(lengths_N[chosen].sum())
    targets = int((rows.targets_N[chosen] != IGNORED).sum())
    return StepBatches(step, tuple(passes), len(chosen), tokens, targets, epoch)


def collate(rows: TokenRows, chosen: NDArray[np.int64], pad_id: int) -> TokenBatch:
    """The chosen rows as one padded batch."""
    lengths = rows.starts[chosen + 1] - rows.starts[chosen]
    mask_BT = (np.arange(int(lengths.max()))[None, :] < lengths[:, None]).astype(np.int64)
    ids_BT = np.full(mask_BT.shape, pad_id, dtype=np.int64)
    ids_BT[mask_BT.astype(bool)] = np.concatenate([rows.ids(int(row)) for row in chosen])
    return TokenBatch(tuple(rows.row_ids[int(row)] for row in chosen), ids_BT, mask_BT, rows.targets_N[chosen])
