"""The embedded default laid out as a project of its own: the starter tickets and their recipe."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING

from tunewright.core.files import atomic_write

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"tickets.csv": ("tickets", "tickets.csv"), "recipe.yaml": ("recipes", "tickets.yaml")}


def lay_out(folder: Path) -> Path:
    """The folder holds the starter data and recipe; files already there are left as they are. Returns the recipe."""
    for name, parts in FILES.items():
        target = folder / name
        if not target.exists():
            atomic_write(target, resources.files("tunewright.starter").joinpath(*parts).read_bytes())
    return folder / "recipe.yaml"
