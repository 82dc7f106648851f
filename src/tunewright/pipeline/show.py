"""Rows as the model will see them: every token, and which of them are trained."""

from __future__ import annotations

import itertools
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tunewright.core.encoded import OF_ROWS
from tunewright.data.frame import sampled
from tunewright.data.overlength import fit_row, overlength_policy
from tunewright.data.tokenize import encode_rows

if TYPE_CHECKING:
    import polars as pl

    from tunewright.core.encoded import EncodedRow
    from tunewright.pipeline.context import Context


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens side by side that are all trained, or all not."""

    text: str
    tokens: int
    trained: bool


@dataclass(frozen=True, slots=True)
class ShownRow:
    """One training row as token ids spelled out."""

    place: str
    """Source and line."""
    pieces: tuple[Piece, ...]
    tokens: int
    """Before cutting."""
    kept: int
    """What is left of them."""
    trained: int
    stop: str | None
    """The stop token that the last trained piece ends in; None where it ends in none."""
    target: str | None
    """The label or number of a row that has one as a whole."""

    def as_dict(self) -> dict[str, Any]:
        """The row as JSON data."""
        return asdict(self)


def show_rows(context: Context, train: pl.DataFrame, count: int) -> list[ShownRow]:
    """At most so many training rows, drawn by the seed."""
    frame = sampled(train, count, context.recipe.seed, "samples")
    whole = encode_rows(frame, context.encoder)
    return [_shown(context, frame.row(n, named=True), whole.encoded(n)) for n in range(frame.height)]


def _shown(context: Context, row: dict[str, Any], whole: EncodedRow) -> ShownRow:
    policy = overlength_policy(context.recipe.data.overlength, context.recipe.task)
    fitted = fit_row(whole, context.encoder, policy=policy, test=False)
    kept = fitted[0] if fitted else None
    pieces = _pieces(context, kept) if kept is not None else ()
    last = kept.input_ids[kept.loss_spans[-1][1] - 1] if kept is not None and kept.loss_spans else None
    classes = context.task.layout in OF_ROWS
    return ShownRow(
        place=f"{row['source']}:{row['line']}",
        pieces=pieces,
        tokens=len(whole.input_ids),
        kept=len(kept.input_ids) if kept is not None else 0,
        trained=kept.trained if kept is not None else 0,
        stop=context.tokenizer.spell([last]) if last is not None and last in context.encoder.special.stops else None,
        target=row["target"] if classes else None,
    )


def _pieces(context: Context, row: EncodedRow) -> tuple[Piece, ...]:
    borders = sorted({0, len(row.input_ids), *(edge for span in row.loss_spans for edge in span)})
    trained = {start for start, _ in row.loss_spans}
    return tuple(
        Piece(context.tokenizer.spell(row.input_ids[start:end]), end - start, start in trained)
        for start, end in itertools.pairwise(borders)
        if end > start
    )
