"""Text that the data does not teach: what forgetting is measured on."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem
from tunewright.core.files import resolve_path, sha256_file, why_unreadable

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.pipeline.context import Context

NAME = "starter/general"
"""The embedded passages, written for this project."""

LEAST_WORDS = 5
"""A shorter paragraph is a heading, not a passage."""


def general_passages(context: Context) -> list[str]:
    """The passages of `evaluation.general_text`; none where the recipe measures no forgetting."""
    path = _path(context)
    if path is None:
        return []
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as fault:
        named = context.recipe.evaluation.general_text
        given = f"{named!r} cannot be read: {why_unreadable(path, fault, known=(NAME,))}"
        remedy = f"correct the name, or write `general_text: {NAME}`, or `null` to measure no forgetting"
        raise DataError(Problem("evaluation.general_text", given, "a UTF-8 text file", remedy)) from fault
    passages = [part.strip() for part in re.split(r"\n\s*\n", text)]
    found = [passage for passage in passages if len(passage.split()) >= LEAST_WORDS]
    if not found:
        given = f"{context.recipe.evaluation.general_text!r} holds no passage of {LEAST_WORDS} words"
        raise DataError(Problem("evaluation.general_text", given, "passages parted by blank lines", "add some"))
    return found


def general_hash(context: Context) -> str | None:
    """The sha256 of the file; None where there is none."""
    path = _path(context)
    return sha256_file(path) if path is not None and path.is_file() else None


def _path(context: Context) -> Path | None:
    named = context.recipe.evaluation.general_text
    if named is None:
        return None
    if named == NAME:
        with resources.as_file(resources.files("tunewright.starter").joinpath("general.txt")) as path:
            return path
    return resolve_path(named, context.folder)
