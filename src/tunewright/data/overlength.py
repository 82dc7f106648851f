"""Rows longer than the model's context: cut, cut into windows, left out or refused, with exact counts.

Rows of the test are never dropped: the frozen test does not depend on a model's context. They are cut instead. One
whose targets all lie beyond the cut stays with no target: it adds nothing to a likelihood, and is counted in a finding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import polars as pl

from tunewright.core.encoded import OF_ROWS, EncodedRow
from tunewright.core.errors import Problem, RecipeError
from tunewright.data.faults import Fault, counted, data_error
from tunewright.data.token_rows import TokenRows, rows_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from tunewright.core.protocols import RowEncoder

Policy = Literal["truncate", "drop", "error", "window"]

AUTO: Mapping[str, Policy] = {
    "classification": "truncate",
    "regression": "truncate",
    "multilabel": "truncate",
    "token_classification": "window",
    "generation": "drop",
    "text_to_text": "drop",
    "language_modelling": "window",
}
"""A cut answer teaches to break off; the end of a classified text is rarely what decides; raw text and words with tags
are kept whole."""

UNWINDOWED: Mapping[str, str] = {
    "classification": "a piece of a text need not bear the label of the whole",
    "multilabel": "a piece of a text need not bear the labels of the whole",
    "regression": "a piece of a text need not have the number of the whole",
    "generation": "the pieces behind the first would be answers without their question",
    "text_to_text": "the pieces of a text are not what the pieces of its answer answer",
}


def overlength_policy(value: Literal["auto", "error", "drop", "truncate", "window"], task: str) -> Policy:
    """What `data.overlength` means for the task. Raises RecipeError for windows of what has one target as a whole."""
    if value == "auto":
        return AUTO[task]
    if value == "window" and task in UNWINDOWED:
        raise RecipeError(
            Problem(
                "data.overlength",
                f"'window' does not fit the task {task!r}: {UNWINDOWED[task]}",
                "auto, error, drop or truncate (window is for the tasks language_modelling and token_classification)",
                "write `data.overlength: drop`, or raise model.max_tokens",
            )
        )
    return value


@dataclass(frozen=True, slots=True)
class FittedRows:
    """Token rows that fit, and what became of each of the N rows they were made from."""

    rows: TokenRows
    whole: TokenRows
    """The N rows at full length."""
    pieces_N: NDArray[np.int64]
    """Token rows made of each row: 0 where it left."""
    trained_N: NDArray[np.int64]
    """Targets of each row that are left in its token rows."""
    policy: Policy

    @property
    def tokens_N(self) -> NDArray[np.int64]:
        """Tokens of each row that are left in its token rows; windows that overlap count theirs twice."""
        owners = np.repeat(np.arange(len(self.whole)), self.pieces_N)
        return np.bincount(owners, weights=self.rows.lengths_N, minlength=len(self.whole)).astype(np.int64)

    @property
    def left(self) -> str:
        """The rule by which a row without a piece left."""
        return "overlength" if self.policy == "drop" else "no_target_left"

    @property
    def lost_N(self) -> NDArray[np.int64]:
        """Targets of each row that a cut took away; of rows that left as overlong, none: no cut was made."""
        lost_N = self.whole.trained_N - self.trained_N
        return np.where(self.pieces_N > 0, lost_N, 0) if self.policy == "drop" else lost_N


def refuse_overlong(rows: pl.DataFrame, max_tokens: int) -> None:
    """Raises DataError listing the rows whose `tokens` are more than the context holds."""
    long = rows.filter(pl.col("tokens") > max_tokens)
    if long.height:
        raise data_error(
            [
                Fault(source, line, f"{counted(tokens, 'token')}, {tokens - max_tokens:,} beyond the context")
                for source, line, tokens in long.select("source", "line", "tokens").iter_rows()
            ],
            what=f"are longer than {max_tokens:,} tokens, and data.overlength is 'error'",
            remedy="shorten them, raise model.max_tokens, or write `data.overlength: truncate`",
        )


def fit_rows(frame: pl.DataFrame, whole: TokenRows, encoder: RowEncoder, *, policy: Policy) -> FittedRows:
    """The frame's rows, encoded at full length in `whole`, made to fit the encoder's context.

    Raises DataError listing every overlong row under `error`.
    """
    held_N = whole.held_N
    if policy == "error":
        refuse_overlong(frame.with_columns(pl.Series("tokens", held_N)), encoder.max_tokens)
    pieces_N, trained_N = np.ones(len(whole), dtype=np.int64), whole.trained_N
    long = np.flatnonzero(held_N > encoder.max_tokens)
    if not len(long):
        return FittedRows(whole, whole, pieces_N, trained_N, policy)
    test = (frame["split"] == "test").to_numpy()
    made = {n: fit_row(whole.encoded(n), encoder, policy=policy, test=bool(test[n])) for n in long.tolist()}
    for number, pieces in made.items():
        pieces_N[number] = len(pieces)
        trained_N[number] = sum(_targets(piece, encoder) for piece in pieces)
    ids = (row_id for row_id, pieces in zip(whole.row_ids, pieces_N, strict=True) for _ in range(pieces))
    chunks = (
        [piece for n in range(start, min(start + AT_ONCE, len(whole))) for piece in made.get(n, (whole.encoded(n),))]
        for start in range(0, len(whole), AT_ONCE)
    )
    fitted = rows_of(ids, chunks, key=whole.key, layout=whole.layout)
    return FittedRows(fitted, whole, pieces_N, trained_N, policy)


AT_ONCE = 1000


def _targets(row: EncodedRow, encoder: RowEncoder) -> int:
    return 1 if encoder.layout in OF_ROWS else row.trained


def fit_row(row: EncodedRow, encoder: RowEncoder, *, policy: Policy, test: bool) -> tuple[EncodedRow, ...]:
    """The row as pieces that fit: itself, its beginning, its windows, or nothing.

    A row whose every target a cut would take leaves, unless it is of the test; so does a window without a target, as
    within one word of hundreds of signs: nothing is learned there, and a step of such alone would stop the run.
    """
    if encoder.length(row) <= encoder.max_tokens:
        return (row,)
    if policy == "window":
        pieces = windows(row, encoder)
        learned = tuple(piece for piece in pieces if _targets(piece, encoder))
        return pieces if test or not learned else learned
    if policy == "drop" and not test:
        return ()
    cut = encoder.cut(row, encoder.max_tokens)
    return (cut,) if test or _targets(cut, encoder) or not _targets(row, encoder) else ()


def windows(row: EncodedRow, encoder: RowEncoder) -> tuple[EncodedRow, ...]:
    """The row in pieces of at most `max_tokens`: each target stands in just one of them.

    A piece begins as the row does where that is a BOS. Of `causal`, a piece also begins with the last token of the one
    before, which its first target is predicted from. Of `masked` and `tags`, each piece has the special tokens of the
    row's ends.
    """
    assert encoder.layout in ("causal", "masked", "tags"), "overlength_policy refuses windows of other layouts"
    ids, spans = row.input_ids, row.loss_spans
    assert spans or encoder.layout == "tags", "raw text has a target"
    if encoder.layout == "tags":
        head, tail, overlap = *encoder.frame(row), 0
    elif encoder.layout == "masked":
        head, tail, overlap = spans[0][0], len(ids) - spans[-1][1], 0
    else:
        head, tail, overlap = int(bool(ids) and ids[0] == encoder.special.bos), 0, 1
    opening, body, closing = ids[:head], range(head, len(ids) - tail), ids[len(ids) - tail :]
    room = encoder.max_tokens - head - tail
    pieces = []
    for start in range(body.start, max(body.stop - overlap, body.start + 1), room - overlap):
        end = min(start + room, body.stop)
        first = start + overlap if start > body.start or head == 0 else start
        inside = ((max(a, first), min(b, end)) for a, b in spans)
        kept = [(a, b) for a, b in inside if a < b]
        moved = tuple((a - start + head, b - start + head) for a, b in kept)
        values = row.values_between(kept[0][0], kept[-1][1]) if row.values and kept else ()
        pieces.append(EncodedRow([*opening, *ids[start:end], *closing], moved, row.target, values))
    return tuple(pieces)
