"""Rows through the encoder before anything is trained: what fits, what leaves, and what is wrong with the tokens."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # a type of the frozen record below
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.encoded import OF_ROWS
from tunewright.core.rows import Finding, SplitName  # types of the frozen record below
from tunewright.data.audit import overlength_finding
from tunewright.data.faults import counted
from tunewright.data.overlength import fit_rows
from tunewright.data.sift import sift
from tunewright.data.token_audit import TrainedFigures, audit_tokens, trained_figures
from tunewright.data.tokenize import encode_rows

if TYPE_CHECKING:
    from tunewright.core.protocols import RowEncoder
    from tunewright.data.overlength import FittedRows, Policy

ACTIONS: Mapping[Policy, str] = {
    "truncate": "are cut to fit",
    "drop": "left (those of the test are cut to fit)",
    "error": "are refused",
}
"""What becomes of overlong rows, in words."""


@dataclass(frozen=True, slots=True)
class Measured:
    """Rows after the overlong ones were dealt with, and their tokens in figures."""

    kept: pl.DataFrame
    dropped: pl.DataFrame
    """By the rules `overlength` and `no_target_left`, in DROPPED_COLUMNS."""
    findings: tuple[Finding, ...]
    lengths: pl.Series
    """Tokens of each kept row at full length, as they are held against the context."""
    figures: Mapping[SplitName, TrainedFigures]
    """Of the kept rows; empty for classes."""


def measure(rows: pl.DataFrame, encoder: RowEncoder, *, task: str, policy: Policy) -> Measured:
    """The rows (ROW_COLUMNS and any others) as the policy says, with all findings about their tokens.

    Texts are not changed: tokens are cut when they are encoded for training. Rows of the test never leave. Raises
    DataError for rows that cannot be encoded, and for overlong ones under `error`.
    """
    classes = encoder.layout in OF_ROWS
    asked = rows.with_columns(pl.lit(None, pl.String).alias("target")) if classes else rows  # labels are settled later
    fitted = fit_rows(asked, encode_rows(asked, encoder), encoder, policy=policy)
    stays = pl.Series(fitted.pieces_N > 0)
    sifted = sift(rows, keep=stays, reason=fitted.left)
    held = fitted.whole.held_N
    long = (
        _windows(fitted, encoder.max_tokens)
        if policy == "window"
        else overlength_finding(rows, held.tolist(), max_tokens=encoder.max_tokens, action=ACTIONS[policy])
    )
    findings = (*long, *audit_tokens(rows, fitted, encoder, task=task))
    lengths = pl.Series("tokens", held, dtype=pl.Int64).filter(stays)
    return Measured(sifted.kept, sifted.dropped, findings, lengths, trained_figures(rows, fitted))


def _windows(fitted: FittedRows, max_tokens: int) -> list[Finding]:
    """How many texts are cut into how many windows, which is no loss."""
    pieces = fitted.pieces_N[fitted.pieces_N > 1]
    if not len(pieces):
        return []
    message = (
        f"{counted(len(pieces), 'text')} longer than {max_tokens:,} tokens "
        f"{'is' if len(pieces) == 1 else 'are'} cut into {int(pieces.sum()):,} windows, which lose nothing"
    )
    return [Finding("windows", "note", message, len(pieces))]
