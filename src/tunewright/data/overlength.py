"""Rows longer than the model's context."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import polars as pl

from tunewright.data.audit import overlength_finding
from tunewright.data.faults import Fault, counted, data_error
from tunewright.data.sift import sift

if TYPE_CHECKING:
    from tunewright.core.rows import Finding


@dataclass(frozen=True, slots=True)
class Fitting:
    """Rows after the overlong ones were dealt with."""

    kept: pl.DataFrame
    dropped: pl.DataFrame
    findings: tuple[Finding, ...]


def settle_overlength(rows: pl.DataFrame, *, policy: Literal["truncate", "drop", "error"], max_tokens: int) -> Fitting:
    """Rows (with their number of `tokens`) as the policy says; texts are not changed, tokens are cut later.

    Test rows are never dropped: the frozen test does not depend on a model's context. They are cut instead. Raises
    DataError listing every overlong row under `error`.
    """
    long = pl.col("tokens") > max_tokens
    if policy == "error" and rows.select(long.any()).item():
        raise data_error(
            [
                Fault(source, line, f"{counted(tokens, 'token')}, {tokens - max_tokens:,} beyond the context")
                for source, line, tokens in rows.filter(long).select("source", "line", "tokens").iter_rows()
            ],
            what=f"are longer than {max_tokens:,} tokens, and data.overlength is 'error'",
            remedy="shorten them, raise model.max_tokens, or write `data.overlength: truncate`",
        )
    stays = ~long | (pl.col("split") == "test") if policy == "drop" else pl.lit(value=True)
    sifted = sift(rows, keep=stays, reason="overlength")
    action = "are cut to fit" if policy == "truncate" else "left (those of the test are cut to fit)"
    findings = overlength_finding(rows, rows["tokens"].to_list(), max_tokens=max_tokens, action=action)
    return Fitting(sifted.kept, sifted.dropped, tuple(findings))
