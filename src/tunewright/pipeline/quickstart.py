"""The embedded default laid out as a project of its own: the starter tickets and a recipe."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.files import atomic_write
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from collections.abc import Mapping

QuickTask = Literal["classification", "generation"]

FOLDERS: Mapping[QuickTask, Path] = {
    "classification": Path("quickstart"),
    "generation": Path("quickstart-generation"),
}
"""Task to the folder where it goes if none is named: one project is not laid over the other."""

RECIPES: Mapping[QuickTask, str] = {"classification": "tickets.yaml", "generation": "replies.yaml"}


ABOUT: Mapping[QuickTask, str] = {
    "classification": "a small encoder learns to route made-up support tickets",
    "generation": (
        "starter/lm, a small language model that has read old prose alone, learns to answer made-up support tickets; "
        "a minute or two on two cores"
    ),
}
"""What is about to happen, in words."""


def next_step(task: QuickTask, run: Path) -> str:
    """What to do with the run that has ended."""
    if task == "classification":
        return f"classify a text of your own: `tunewright predict {run} --text 'Where is my parcel?'`"
    return (
        f"talk to it, its base beside it: `tunewright chat {run} --against base`. The desk has about 60 fixed replies, "
        "which is why lending the nearest row's reply does so well here"
    )


def lay_out(folder: Path | None = None, task: QuickTask = "classification") -> Path:
    """The folder holds the starter data and the task's recipe; files already there are left as they are.

    Returns the recipe. Raises RecipeError where a recipe of another task stands there.
    """
    folder = folder or FOLDERS[task]
    files = {"tickets.csv": ("tickets", "tickets.csv"), "recipe.yaml": ("recipes", RECIPES[task])}
    recipe = folder / "recipe.yaml"
    if recipe.exists():
        _require_task(recipe, task)
    for name, parts in files.items():
        target = folder / name
        if not target.exists():
            atomic_write(target, resources.files("tunewright.starter").joinpath(*parts).read_bytes())
    return recipe


def _require_task(recipe: Path, task: QuickTask) -> None:
    held = load_recipe(recipe).recipe.task
    if held != task:
        given = f"a recipe of the task {held} stands there already, and {task} was asked for"
        remedy = f"name another folder with --dir, or run this one: `tunewright run {recipe}`"
        raise RecipeError(Problem(str(recipe), given, f"no recipe, or one of the task {task}", remedy))
