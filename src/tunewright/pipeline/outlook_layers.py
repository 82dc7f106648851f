"""Which layers are trained when, in words, for a plan before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.data.batching import steps_per_epoch
from tunewright.recipe.train import Full
from tunewright.training.fit import total_steps

if TYPE_CHECKING:
    from tunewright.recipe.train import TrainSpec


def layers_line(spec: TrainSpec, layers: int | None, rows: int) -> tuple[str, ...]:
    """When gradual unfreezing reaches the lowest layer, or how far it comes; nothing for other methods.

    `layers` are the model's, None where that is unknown; `rows` those that are trained on.
    """
    unfreeze = spec.method.unfreeze if isinstance(spec.method, Full) else None
    if unfreeze is None:
        return ()
    every = steps_per_epoch(rows, spec.batch_size) if unfreeze.every == "epoch" else unfreeze.every
    begins = f"layers: the head and the top {unfreeze.first} first, one more every {every} steps"
    if layers is None:
        return (begins,)
    reached = (layers + 1 - unfreeze.first) * every + 1
    total = total_steps(rows, spec)
    if reached <= total:
        return (f"{begins}; all {layers} and the embeddings from step {reached} on",)
    top = min(layers, unfreeze.first + (total - 1) // every)
    return (f"{begins}; training ends with the top {top} of {layers}, and without the embeddings",)
