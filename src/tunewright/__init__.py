"""Fine-tuning from a messy dataset to a tuned model that was tested against its base.

The library is the command line without the printing: `tunewright.run("recipe.yaml")` gives an `Outcome`, and each
stage is a function of a `Context` in `tunewright.pipeline.run.STAGES`. Importing this loads nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tunewright.pipeline.run import Outcome

__version__ = "0.1.0"

__all__ = ["__version__", "run"]


def run(recipe: str | Path, overrides: Sequence[str] = ()) -> Outcome:
    """Takes a recipe from raw data to a verdict; what is unchanged since the last run is kept.

    `overrides` are `dotted.path=value`, such as `train.epochs=5`. Raises RecipeError, DataError, RunError or
    Interrupted of `tunewright.core.errors`.
    """
    from tunewright.pipeline.run import run as run_recipe  # noqa: PLC0415  # torch comes in with it

    return run_recipe(recipe, overrides)
