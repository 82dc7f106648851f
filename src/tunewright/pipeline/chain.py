"""A chain of runs, each tuned from the one before: what general text was to the base that the first began with."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.files import sha256_file
from tunewright.pipeline.store import read_texts
from tunewright.pipeline.trained import trained_manifest
from tunewright.recipe.model import RUN

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.core.predictions import TextPredictions
    from tunewright.pipeline.context import Context

GENERAL = "general.parquet"
"""General text to the base (in the stage `baseline`) and to the tuned model (in `evaluation`)."""
FIRST = "general-first.parquet"
"""General text to the base that a chain of runs began with, handed on from run to run in the stage `baseline`."""


def known_first(context: Context) -> str | None:
    """The hash of what the earlier run knows of the first base; None where it knows nothing."""
    path = _handed_on(context)
    return None if path is None else sha256_file(path)


def first_general(context: Context, now: TextPredictions) -> TextPredictions | None:
    """General text to the first base of the chain; None where the earlier run did not score these passages, or in
    other pieces.
    """
    path = _handed_on(context)
    if path is None:
        return None
    found = read_texts(path)
    alike = found.row_ids == now.row_ids and np.array_equal(found.target_bytes_N, now.target_bytes_N)
    return found if alike else None


def _handed_on(context: Context) -> Path | None:
    """The earlier run's file: of the first base where it has that, else of its own base where that is the first; where
    it was tuned from a run and has no word of the first base, there is none.
    """
    if context.earlier is None:
        return None
    run = context.folder / "runs" / context.earlier.run
    begins = not str(trained_manifest(run).declares["model"]["name"]).startswith(RUN)
    names = (FIRST, GENERAL) if begins else (FIRST,)
    return next((path for name in names if (path := run / "baseline" / name).is_file()), None)
