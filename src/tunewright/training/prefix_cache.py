"""What comes out of the frozen bottom of a model, computed once for each token row and kept in a file.

While the bottom layers are frozen and drop nothing out, their output for a row is the same at every step. It is
written once, in the compute type, under a hash of all that it follows from, and read through a memory map: by every
epoch, and by every later training of the same rows over the same frozen weights.

Axes: N rows, B rows of a forward pass, T tokens, S tokens of several rows one behind the other, D width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tunewright.core.errors import Problem, RunError
from tunewright.core.files import atomic_stream, disk_faults, read_json, sha256_file, write_json
from tunewright.data.batching import micro_batches
from tunewright.data.loader import TokenBatch, collate
from tunewright.data.token_rows import positions
from tunewright.models.freeze import train_mode
from tunewright.models.prefix import frozen_layers, output_of, passed_over
from tunewright.models.wrappers import without_engine
from tunewright.training.prefix_key import prefix_key

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from torch import Tensor, nn

    from tunewright.data.tokenize import TokenRows
    from tunewright.training.losses import LossSum
    from tunewright.training.step import TrainState

FILL_TOKENS = 8_192
"""Tokens of a forward pass that fills the cache: a fixed number, so that the same rows give the same bytes."""
TRIED_ROWS = 8
TOLERANCE = {torch.float32: 1e-5, torch.bfloat16: 2e-2}
"""Largest difference of a loss with and without the cache, as a share of it, by compute type."""
STORED: Mapping[torch.dtype, np.dtype[Any]] = {torch.float32: np.dtype(np.float32), torch.bfloat16: np.dtype(np.int16)}
"""What the numbers are read as: numpy has no bfloat16, so that its bits are moved as whole numbers."""


@dataclass(frozen=True, slots=True)
class PrefixCache:
    """The states of all token rows of one split behind the frozen layers."""

    layers: tuple[nn.Module, ...]
    """The frozen layers, lowest first."""
    states_SD: NDArray[Any]
    """Memory-mapped."""
    offsets_N: NDArray[np.int64]
    """Where each row's states begin."""
    lengths_N: NDArray[np.int64]
    compute: torch.dtype
    native: torch.dtype
    """What the layer gives without the cache."""
    reused: bool
    """Whether it was there already."""

    def states_of(self, rows_B: NDArray[np.int64], device: torch.device) -> Tensor:
        """The rows' states, `[B, T, D]`, zero in the padding behind them."""
        lengths_B = self.lengths_N[rows_B]
        flat = np.asarray(self.states_SD[positions(self.offsets_N[rows_B], lengths_B)])
        states_SD = torch.from_numpy(flat).view(self.compute).to(device, self.native)
        seen_BT = torch.from_numpy(np.arange(int(lengths_B.max()))[None, :] < lengths_B[:, None]).to(device)
        states_BTD = states_SD.new_zeros((*seen_BT.shape, states_SD.shape[1]))
        states_BTD[seen_BT] = states_SD
        return states_BTD


def with_cache(loss: LossSum, cache: PrefixCache) -> LossSum:
    """The loss of a model that is given the frozen layers' output of the batch's rows and computes the rest."""

    def cached(model: nn.Module, batch: TokenBatch, device: torch.device) -> Tensor:
        assert batch.rows_B is not None, "rows that are neither packed nor masked know which they are"
        with passed_over(cache.layers, cache.states_of(batch.rows_B, device)):
            return loss(model, batch, device)

    return cached


def bytes_needed(rows: TokenRows, width: int, *, bf16: bool) -> int:
    """Size of the file in bytes."""
    return int(rows.lengths_N.sum()) * width * (2 if bf16 else 4)


def same_twice(state: TrainState, rows: TokenRows, loss: LossSum, *, pad_id: int) -> bool:
    """Whether the frozen layers give the same for a row whatever is drawn at random, as dropout or noise would be."""
    layer = frozen_layers(without_engine(state.bare_model))[-1]
    filler = _Filler(state, rows, loss, layer, pad_id)
    batch = collate(rows, np.arange(1), pad_id)
    with torch.random.fork_rng(devices=[]):
        one, other = (_after_seed(seed, filler, batch) for seed in (1, 2))
    return torch.equal(one, other)


def _after_seed(seed: int, filler: _Filler, batch: TokenBatch) -> Tensor:
    torch.manual_seed(seed)
    return filler.states_of(batch)


def open_cache(
    state: TrainState, rows: TokenRows, loss: LossSum, *, pad_id: int, folder: Path, most_bytes: int
) -> PrefixCache:
    """The cache of these rows in `folder`, computed where it is not there or not as it was written.

    Older files leave the folder until all of them fit into `most_bytes`. Raises RunError on a full disk, and where
    a loss with the cache is not the one without it.
    """
    model = without_engine(state.bare_model)
    layers = tuple(frozen_layers(model))
    compute = torch.bfloat16 if state.bf16 else torch.float32
    filler = _Filler(state, rows, loss, layers[-1], pad_id)
    native, width = filler.form()
    order = np.concatenate(filler.passes)
    lengths_N = rows.lengths_N
    offsets_N = np.empty(len(rows), dtype=np.int64)
    offsets_N[order] = np.cumsum(lengths_N[order]) - lengths_N[order]
    path = folder / f"{prefix_key(model, layers, rows.key, compute)}.bin"
    reused = _whole(path)
    if not reused:
        _make_room(path, most_bytes - bytes_needed(rows, width, bf16=state.bf16))
        filler.write(path, compute)
    states_SD = np.memmap(path, STORED[compute], mode="r", shape=(int(lengths_N.sum()), width))
    cache = PrefixCache(layers, states_SD, offsets_N, lengths_N, compute, native, reused)
    _require_equal_losses(state, rows, loss, cache, pad_id)
    return cache


@dataclass(frozen=True, slots=True)
class _Filler:
    """Forward passes up to the topmost frozen layer."""

    state: TrainState
    rows: TokenRows
    loss: LossSum
    layer: nn.Module
    pad_id: int

    @property
    def passes(self) -> list[NDArray[np.int64]]:
        """Which rows go together."""
        return micro_batches(np.arange(len(self.rows)), self.rows.lengths_N, FILL_TOKENS)

    def form(self) -> tuple[torch.dtype, int]:
        """The type that the layer gives, and its width."""
        shortest = np.array([int(np.argmin(self.rows.lengths_N))])
        states_BTD = self.states_of(collate(self.rows, shortest, self.pad_id))
        return states_BTD.dtype, states_BTD.shape[-1]

    def states_of(self, batch: TokenBatch) -> Tensor:
        """The layer's output, `[B, T, D]`."""
        device = self.state.accelerator.device
        model = self.state.bare_model
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=self.state.bf16):
            return output_of(self.layer, lambda: self.loss(model, batch, device), rows=len(batch.row_ids))

    def write(self, path: Path, compute: torch.dtype) -> None:
        """The file holds the states of all rows in the order of `passes`, and the one beside it their hash."""
        with atomic_stream(path) as stream:
            for chosen in self.passes:
                states_BTD = self.states_of(collate(self.rows, chosen, self.pad_id)).to("cpu", compute)
                seen_BT = np.arange(states_BTD.shape[1])[None, :] < self.rows.lengths_N[chosen][:, None]
                states_SD = states_BTD[torch.from_numpy(seen_BT)]
                bits = states_SD if compute == torch.float32 else states_SD.view(torch.int16)
                stream.write(bits.contiguous().numpy().data)
        write_json(path.with_suffix(".json"), {"sha256": sha256_file(path)})


def _whole(path: Path) -> bool:
    """Whether the file is there as it was written; it then counts as the newest."""
    told = path.with_suffix(".json")
    if not path.is_file() or not told.is_file() or read_json(told).get("sha256") != sha256_file(path):
        return False
    path.touch()
    return True


def _make_room(path: Path, left: int) -> None:
    """The folder's other files take at most `left` bytes: the oldest leave first. One in use stays readable."""
    with disk_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        others = sorted((p for p in path.parent.glob("*.bin") if p != path), key=lambda p: p.stat().st_mtime)
        total = sum(p.stat().st_size for p in others)
        for old in others:
            if total <= left:
                return
            total -= old.stat().st_size
            old.with_suffix(".json").unlink(missing_ok=True)
            old.unlink(missing_ok=True)


def _require_equal_losses(state: TrainState, rows: TokenRows, loss: LossSum, cache: PrefixCache, pad_id: int) -> None:
    """Raises RunError where the losses of a few rows, with the cache and without it, differ more than by rounding."""
    device, model = state.accelerator.device, state.bare_model
    batch = collate(rows, np.arange(min(TRIED_ROWS, len(rows))), pad_id)
    model.eval()
    with torch.no_grad(), torch.autocast(device.type, dtype=torch.bfloat16, enabled=state.bf16):
        plain = float(loss(model, batch, device))
        found = float(with_cache(loss, cache)(model, batch, device))
    train_mode(model)
    if not abs(found - plain) <= TOLERANCE[cache.compute] * max(abs(plain), 1e-6):
        given = f"the loss of {len(batch.row_ids)} rows is {found:.8g} with it and {plain:.8g} without"
        expected = f"equal but for {TOLERANCE[cache.compute]:g} of it"
        raise RunError(Problem("train.prefix_cache", given, expected, "write train.prefix_cache: false"))
