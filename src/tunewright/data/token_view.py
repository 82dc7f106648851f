"""What the checks of tokenised data look at: rows, their token rows, and arrays computed of them once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from tunewright.core.encoded import READING, RowContent
from tunewright.core.rows import Finding
from tunewright.data.faults import places
from tunewright.data.token_rows import first_sides

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tunewright.core.encoded import SpecialIds
    from tunewright.core.protocols import RowEncoder
    from tunewright.data.overlength import FittedRows
    from tunewright.data.token_rows import TokenRows

ANSWERING = frozenset({"generation", "text_to_text"})
"""Tasks whose rows have an answer."""


@dataclass(frozen=True)
class TokenView:
    """N rows in ROW_COLUMNS, what became of them, and the encoder they came through."""

    rows: pl.DataFrame
    fitted: FittedRows
    encoder: RowEncoder
    task: str

    @property
    def whole(self) -> TokenRows:
        """The N rows at full length."""
        return self.fitted.whole

    @property
    def special(self) -> SpecialIds:
        """The token ids that mean something."""
        return self.encoder.special

    @property
    def answering(self) -> bool:
        """Whether rows have an answer that the model is to write."""
        return self.task in ANSWERING and self.whole.layout not in READING

    @cached_property
    def owners_S(self) -> NDArray[np.int64]:
        """The row that each span is of."""
        return np.repeat(np.arange(len(self.whole)), np.diff(self.whole.span_starts))

    @cached_property
    def span_lengths_S(self) -> NDArray[np.int64]:
        """Tokens of each span."""
        return np.asarray(self.whole.spans_S2[:, 1] - self.whole.spans_S2[:, 0], dtype=np.int64)

    @cached_property
    def span_ends_S(self) -> NDArray[np.int64]:
        """Where in `flat_ids` each span ends."""
        return self.whole.starts[self.owners_S] + self.whole.spans_S2[:, 1]

    @cached_property
    def first_sides_N(self) -> NDArray[np.int64]:
        """Of `seq2seq`: tokens of each row's first side."""
        return first_sides(self.whole, np.arange(len(self.whole)))

    def of_split(self, name: str) -> NDArray[np.bool_]:
        """Whether each row is of the split, `[N]`."""
        return (self.rows["split"] == name).to_numpy()

    def any_span(self, flags_S: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether each row has a span with the flag, `[N]`."""
        found = np.zeros(len(self.whole), dtype=np.bool_)
        found[self.owners_S[flags_S]] = True
        return found

    def any_token(self, flags_T: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Whether each row has a token with the flag (one flag a token of `flat_ids`), `[N]`."""
        sums = np.concatenate([[0], np.cumsum(flags_T)])
        return np.asarray(sums[self.whole.starts[1:]] > sums[self.whole.starts[:-1]], dtype=np.bool_)

    def content(self, row: int) -> RowContent:
        """One row as its encoder takes it."""
        return RowContent(*self.rows.select("input", "messages", "target").row(row))

    def finding(
        self,
        kind: str,
        severity: Literal["error", "warning", "note"],
        flags_N: NDArray[np.bool_],
        message: str,
        remedy: str,
    ) -> Finding:
        """A finding of the flagged rows."""
        where = places(self.rows.filter(pl.Series(flags_N)).select("source", "line").iter_rows())
        return Finding(kind, severity, message, int(flags_N.sum()), where, remedy)
