"""What is asked of the data room, and rows on their way through it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence  # noqa: TC003  # types of the frozen records below
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  # a type of the frozen request below

import polars as pl

from tunewright.core.protocols import Embedder, ToxicityScorer  # noqa: TC001  # types of the frozen request below
from tunewright.core.rows import DROPPED_COLUMNS, SPLIT_COLUMNS, SPLITS, Finding, SplitName
from tunewright.data.augment.tools import Tools  # noqa: TC001  # a type of the frozen request below
from tunewright.data.earlier import Earlier  # noqa: TC001  # a type of the frozen request below
from tunewright.data.near_duplicates import named_by_kept
from tunewright.data.sift import record
from tunewright.recipe.data import DataSpec, SplitSpec  # noqa: TC001  # types of the frozen request below


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be prepared, and where it lies."""

    spec: DataSpec
    split: SplitSpec
    task: str
    folder: Path
    """What relative paths refer to: the recipe's folder."""
    lock_path: Path
    """`tunewright.lock`; it is read if it exists, and never written here."""
    local_only: bool = False
    """Whether a hub data set is read from the hub's cache or not at all."""
    earlier: Earlier | None = None
    """The run whose tuned model is the base."""
    seed: int = 13
    """Root of the randomness that balances and augments training rows."""
    measured: tuple[str, ...] = ()
    """The passages that forgetting is measured on: no general text that is trained on may hold them."""
    embedder: Callable[[], Embedder] | None = None
    """What embeds texts for `data.semantic_duplicates`; None where its model is not here, and nobody looks."""
    toxicity: ToxicityScorer | None = None
    """What says which texts are toxic; None where nobody looks."""
    tools: Tools | None = None
    """What augments training rows as the recipe says; None where rows are wanted as they are."""


@dataclass(frozen=True, slots=True)
class Work:
    """Rows on their way, with everything recorded so far."""

    rows: pl.DataFrame
    ledger: tuple[pl.DataFrame, ...] = ()
    findings: tuple[Finding, ...] = ()
    private: Mapping[str, int] | None = None
    """Kind of private data to the values found."""

    def then(self, rows: pl.DataFrame, *recorded: pl.DataFrame, findings: Sequence[Finding] = ()) -> Work:
        """The work after one more step."""
        return Work(rows, (*self.ledger, *recorded), (*self.findings, *findings), self.private)

    @property
    def account(self) -> pl.DataFrame:
        """All dropped and changed rows."""
        empty = record(self.rows.clear(), rule="", action="")
        return pl.concat([empty, *(part.select(DROPPED_COLUMNS) for part in self.ledger)])


def by_split(rows: pl.DataFrame) -> dict[SplitName, pl.DataFrame]:
    """The rows of each split, in SPLIT_COLUMNS."""
    told = named_by_kept(rows).select(SPLIT_COLUMNS)
    return {name: told.filter(pl.col("split") == name) for name in SPLITS}
