"""How a model could be tuned so that it forgets less, by the settings that it was tuned with. In plain ASCII."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.recipe.train import Full, Lora, TopLayers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.recipe.train import MethodSpec, TrainSpec


def gentler(train: TrainSpec | None) -> str:
    """The ways that these settings leave open; without them, those that are open to all."""
    if train is None:
        ways = ["a lower train.optimizer.lr", "fewer train.epochs"]
    else:
        ways = [_slower(train), _shorter(train), *_less(train.method)]
    rehearse = "or train on general text beside the rows (data.general_text)"
    return f"train more gently ({', '.join(ways[:-1])}, or {ways[-1]}), {rehearse}"


def _slower(train: TrainSpec) -> str:
    lr = train.optimizer.lr
    return f"a lower train.optimizer.lr (now {lr if lr == 'auto' else format(lr, 'g')})"


def _shorter(train: TrainSpec) -> str:
    if train.max_steps is not None:
        return f"fewer train.max_steps (now {train.max_steps:,})"
    return f"fewer train.epochs (now {train.epochs:g})"


def _less(method: MethodSpec) -> Iterator[str]:
    """Less of the model that is changed."""
    if isinstance(method, Full):
        yield "frozen lower layers (train.method: {kind: top_layers, layers: N})"
        yield "adapters (train.method: {kind: lora})"
    if isinstance(method, TopLayers) and method.layers > 1:
        yield f"fewer layers (train.method.layers, now {method.layers})"
    if isinstance(method, Lora) and method.rank > 1:
        yield f"a smaller train.method.rank (now {method.rank})"
    if isinstance(method, Lora) and method.targets == "all_linear":
        yield "adapters at fewer modules (train.method.targets)"
