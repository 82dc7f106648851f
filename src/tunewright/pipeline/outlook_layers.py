"""Which layers are trained when, in words, for a plan before anything is trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from tunewright.core.rows import Finding
from tunewright.data.batching import steps_per_epoch
from tunewright.recipe.train import Full
from tunewright.training.fit import total_steps

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.recipe.train import TrainSpec, Unfreezing


def layers_line(spec: TrainSpec, layers: int | None, rows: int) -> tuple[str, ...]:
    """When gradual unfreezing reaches the lowest layer, or how far it comes; nothing for other methods.

    `layers` are the model's, None where that is unknown; `rows` those that are trained on.
    """
    unfreeze = spec.method.unfreeze if isinstance(spec.method, Full) else None
    if unfreeze is None:
        return ()
    every = _steps(unfreeze.every, spec, rows)
    begins = f"layers: the head and the top {unfreeze.first} first, one more every {every} steps"
    if layers is None:
        return (begins,)
    reached = _all_trained(unfreeze, layers, every)
    total = total_steps(rows, spec)
    if reached <= total:
        return (f"{begins}; all {layers} and the embeddings from step {reached} on",)
    top = min(layers, unfreeze.first + (total - 1) // every)
    return (f"{begins}; training ends with the top {top} of {layers}, and without the embeddings",)


def thawing_findings(spec: TrainSpec, layers: int | None, rows: int) -> Iterator[Finding]:
    """Warns where early stopping may end the training before gradual unfreezing reaches the lowest layer."""
    unfreeze = spec.method.unfreeze if isinstance(spec.method, Full) else None
    if unfreeze is None or layers is None or spec.early_stopping is None:
        return
    reached = _all_trained(unfreeze, layers, _steps(unfreeze.every, spec, rows))
    # the first evaluation is the best so far, and as many as the patience may follow without a better one
    earliest = (1 + spec.early_stopping.patience) * _steps(spec.evaluate_every, spec, rows)
    if earliest < min(reached, total_steps(rows, spec)):
        message = (
            f"train.early_stopping may end the training at step {earliest}, and train.method.unfreeze trains all "
            f"layers from step {reached} on: a layer that is still frozen cannot improve anything"
        )
        remedy = "raise train.early_stopping.patience, or lower train.method.unfreeze.every"
        yield Finding("stops_while_frozen", "warning", message, 1, (), remedy)


def _all_trained(unfreeze: Unfreezing, layers: int, every: int) -> int:
    """The first step that trains all layers and the embeddings."""
    return (layers + 1 - unfreeze.first) * every + 1


def _steps(every: int | Literal["epoch"], spec: TrainSpec, rows: int) -> int:
    return steps_per_epoch(rows, spec.batch_size) if every == "epoch" else every
