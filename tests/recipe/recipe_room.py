"""What the recipe's tests share."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tunewright.core.errors import Problem, RecipeError
from tunewright.recipe.load import LoadedRecipe, load_recipe

if TYPE_CHECKING:
    from pathlib import Path

SMALLEST = "model: starter/encoder\ndata: tickets.csv\ntask: classification\n"


def loaded(folder: Path, text: str, *overrides: str, name: str = "recipe.yaml") -> LoadedRecipe:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return load_recipe(path, overrides)


def refused(folder: Path, text: str, *overrides: str) -> tuple[Problem, ...]:
    """The problems of a recipe that must be refused."""
    with pytest.raises(RecipeError) as raised:
        loaded(folder, text, *overrides)
    assert raised.value.exit_code == 2
    return raised.value.problems


def only(problems: tuple[Problem, ...]) -> Problem:
    assert len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]
