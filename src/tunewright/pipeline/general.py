"""Text that the data does not teach: what forgetting is measured on."""

from __future__ import annotations

import re
from importlib import resources
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem
from tunewright.core.files import resolve_path, sha256_file, why_unreadable
from tunewright.data.faults import counted
from tunewright.evaluation.words import counted_words

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.pipeline.context import Context

NAME = "starter/general"
"""The embedded passages, written for this project."""

LEAST_WORDS = 5
"""A shorter paragraph is a heading, not a passage."""


def general_passages(context: Context) -> list[str]:
    """The passages of `evaluation.general_text`; none where the recipe measures no forgetting."""
    found = [passage for passage in _paragraphs(context) if _is_passage(passage)]
    if not found and context.recipe.evaluation.general_text is not None:
        given = f"{context.recipe.evaluation.general_text!r} holds no passage of {LEAST_WORDS} words"
        raise DataError(Problem("evaluation.general_text", given, "passages parted by blank lines", "add some"))
    return found


def left_out(context: Context) -> str | None:
    """How many paragraphs are no passages, as a sentence; None where every one is."""
    paragraphs = _paragraphs(context)
    short = sum(not _is_passage(paragraph) for paragraph in paragraphs)
    if not short:
        return None
    return (
        f"{counted(short, 'paragraph')} of {len(paragraphs):,} of the general text {'has' if short == 1 else 'have'} "
        f"fewer than {LEAST_WORDS} words: headings, which are not scored"
    )


def _is_passage(paragraph: str) -> bool:
    """Whether it has the words; of a script without blanks, each letter counts as one."""
    return len(counted_words(paragraph)) >= LEAST_WORDS


def _paragraphs(context: Context) -> list[str]:
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
    return [part.strip() for part in re.split(r"\n\s*\n", text) if part.strip()]


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
