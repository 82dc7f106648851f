"""Token embeddings that no row of the run looks up are left out of its steps, exactly.

Their gradient is zero at every step, so all that a step does to them is weight decay: it multiplies them by a number,
the same for each. One more row, of ones, that is never looked up, goes through whatever the others go through (decay,
averages, checkpoints) and ends as the product of those numbers. A table of 30,522 rows, of which 2,421 are looked up,
took an eighth of a step of a small encoder on a CPU: its gradient filled with zeros, its norm, its moments.

Axes: V tokens of the vocabulary, R rows that are trained, D width, B rows of a batch, T tokens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from tunewright.models.wrappers import without_adapters, without_engine
from tunewright.recipe.optimizer import AdamW
from tunewright.training.penalties import penalises

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from tunewright.recipe.train import TrainSpec

WORTH = 0.5
"""Share of the vocabulary that may be looked up: above it, too little is saved."""
NOWHERE = -1


class CompactEmbedding(nn.Module):
    """The rows of an embedding that are looked up, and behind them the one of ones. Other ids raise IndexError."""

    def __init__(self, whole: nn.Embedding, seen_R: Tensor) -> None:
        super().__init__()
        self.whole = [whole]  # in a list, so that its table is no weight of the model
        self.seen_R = seen_R
        places_V = torch.full((whole.num_embeddings,), NOWHERE, device=whole.weight.device)
        places_V[seen_R] = torch.arange(len(seen_R), device=whole.weight.device)
        self.register_buffer("places_V", places_V, persistent=False)
        self.padding_place = None if whole.padding_idx is None else int(places_V[whole.padding_idx])
        table_RD = whole.weight.detach()
        self.weight = nn.Parameter(torch.cat([table_RD[seen_R], torch.ones_like(table_RD[:1])]))

    def forward(self, input_ids_BT: Tensor) -> Tensor:
        """The embeddings of the ids, `[B, T, D]`."""
        places_V: Any = self.places_V
        return nn.functional.embedding(places_V[input_ids_BT], self.weight, self.padding_place)

    def expanded(self) -> nn.Embedding:
        """The whole embedding, its rows as if all of them had been in every step."""
        whole = self.whole[0]
        with torch.no_grad():
            trained_RD, ones_D = self.weight[:-1], self.weight[-1]
            whole.weight.mul_(ones_D[0])
            whole.weight[self.seen_R] = trained_RD
        return whole


def compact_vocabulary(model: nn.Module, spec: TrainSpec, seen: NDArray[np.integer[Any]]) -> CompactEmbedding | None:
    """The model trains the embeddings of the tokens `seen` alone, where that is exact and worth it; else None.

    It is exact where a step changes each number by itself (AdamW, no penalty on weights), and nothing but the look-up
    reads the table. Padding must be among the tokens seen, which may repeat.
    """
    inner: Any = without_adapters(without_engine(model))
    whole = inner.get_input_embeddings()
    if not _is_exact(inner, whole, spec):
        return None
    seen_R = torch.from_numpy(seen).to(torch.int64).unique().to(whole.weight.device)
    if len(seen_R) > WORTH * whole.num_embeddings:
        return None
    compact = CompactEmbedding(whole, seen_R)
    inner.set_input_embeddings(compact)
    return compact


def whole_vocabulary(model: nn.Module) -> None:
    """The model has its whole embedding again, where `compact_vocabulary` had left rows out."""
    inner: Any = without_adapters(without_engine(model))
    compact = inner.get_input_embeddings()
    if isinstance(compact, CompactEmbedding):
        inner.set_input_embeddings(compact.expanded())


def _is_exact(model: Any, whole: Any, spec: TrainSpec) -> bool:
    plain = type(whole) is nn.Embedding and whole.max_norm is None and not (whole.sparse or whole.scale_grad_by_freq)
    by_number = isinstance(spec.optimizer, AdamW) and not penalises(spec.penalties)
    if not (plain and by_number and whole.weight.requires_grad):
        return False
    readers = [m for m in model.modules() for p in m.parameters(recurse=False) if p is whole.weight]
    return readers == [whole] and model.get_output_embeddings() is None
