"""Who watches a run started from the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.tracking.answers import ConsoleAnswers
from tunewright.tracking.console import ConsoleProgress
from tunewright.tracking.tensorboard import tensorboard_observer

if TYPE_CHECKING:
    from tunewright.core.protocols import Observer, Watch
    from tunewright.recipe.load import LoadedRecipe


def command_observers(loaded: LoadedRecipe) -> tuple[Observer, ...]:
    """Progress on the terminal, and TensorBoard where the recipe wants it and the package is installed."""
    observers: list[Observer] = [ConsoleProgress()]
    if loaded.recipe.train.tensorboard:
        board = tensorboard_observer(loaded.folder / "runs" / loaded.name / "training" / "tensorboard")
        if board is not None:
            observers.append(board)
    return tuple(observers)


def command_watch() -> Watch:
    """Progress on the terminal while answers are written."""
    return ConsoleAnswers()
