"""Training rows brought to what is trained on: fewer of large groups, new ones, and copies of small groups."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from tunewright.data.augment.rows import Augmented, augmented
from tunewright.data.balance import Balanced, balance
from tunewright.recipe.balance import Undersample

if TYPE_CHECKING:
    from tunewright.core.protocols import RowEncoder
    from tunewright.data.columns import Columns
    from tunewright.data.work import Request, Work


@dataclass(frozen=True, slots=True)
class Completed:
    """The rows of all splits, those for training completed."""

    work: Work
    balanced: Balanced
    """Its `train` are the training rows before anything was done."""
    augmented: Augmented

    @property
    def changed(self) -> bool:
        """Whether any row came or left."""
        return bool(self.balanced.groups) or self.augmented.added.height > 0


def completed(work: Work, request: Request, columns: Columns, encoder: RowEncoder) -> Completed:
    """The rows with the training rows augmented and in balance.

    Rows that leave do so before others are made of them, so that no parent is missing; copies are made last, of what is
    too small still.
    """
    found = work.rows.filter(pl.col("split") == "train")
    leaves = isinstance(request.spec.balance, Undersample)
    if leaves:
        work, balanced = _balanced(work, request, columns)
    new = augmented(work.rows, request, encoder)
    work = work.then(pl.concat([work.rows, new.added]))
    if not leaves:
        work, balanced = _balanced(work, request, columns)
    return Completed(work, replace(balanced, train=found), new)


def _balanced(work: Work, request: Request, columns: Columns) -> tuple[Work, Balanced]:
    done = balance(work.rows, request.spec.balance, columns, task=request.task, seed=request.seed)
    return work.then(done.rows, done.dropped, findings=done.findings), done
