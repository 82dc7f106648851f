"""What the model's context does to targets: how many are cut away, and which rows cannot be answered at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np

from tunewright.core.encoded import OF_ROWS
from tunewright.core.rows import SPLITS
from tunewright.data.faults import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tunewright.core.rows import Finding, SplitName
    from tunewright.data.token_view import TokenView

MOST = 0.5
"""Where training or validation loses this share of its targets, or where so many of the test's rows lose some, what is
trained or tested is no longer the data. Of the test rows count and not tokens: they cannot leave, and one row of a
thousand tokens among a hundred of ten must not stop a run."""

LONGER = "raise model.max_tokens, choose a base with a longer context, or shorten the texts"


def targets_cut(view: TokenView) -> Iterator[Finding]:
    """Targets that the cut to the context took away; an error where that is most of them, or most rows of the test."""
    if view.whole.layout in OF_ROWS:
        return
    lost_N, whole_N = view.fitted.lost_N, view.whole.trained_N
    flags_N = lost_N > 0
    if not flags_N.any():
        return
    parts = {
        name: (int(lost_N[of].sum()), int(whole_N[of].sum())) for name in SPLITS if (of := view.of_split(name)).any()
    }
    told = ", ".join(f"{lost:,} of {whole:,} in {name}" for name, (lost, whole) in parts.items() if lost)
    none = int((flags_N & (view.fitted.trained_N == 0)).sum())
    message = (
        f"{counted(int(flags_N.sum()), 'row')} cut to {view.encoder.max_tokens:,} tokens "
        f"{'loses' if flags_N.sum() == 1 else 'lose'} {counted(int(lost_N.sum()), 'target token')} ({told})"
        f"{f'; {none:,} of them lose every target' if none else ''}"
    )
    learned = max((lost / whole for name, (lost, whole) in parts.items() if name != "test" and whole), default=0.0)
    test_N = view.of_split("test")
    tested = float(flags_N[test_N].mean()) if test_N.any() else 0.0
    severity: Literal["error", "warning"] = "error" if max(learned, tested) >= MOST else "warning"
    yield view.finding("targets_cut", severity, flags_N, message, "; ".join(_remedies(parts, tested)))


def _remedies(parts: Mapping[SplitName, tuple[int, int]], tested: float) -> Iterator[str]:
    yield LONGER
    if any(lost for name, (lost, _) in parts.items() if name != "test"):
        yield "`data.overlength: drop` leaves such rows out of training and validation"
    if tested >= MOST:
        yield "or test on rows that fit: name a file of them under data.test, and say why under split.refreeze"
    elif tested:
        yield "rows of the test stay, for it is frozen, and are scored on what fits"


def test_without_target(view: TokenView) -> Iterator[Finding]:
    """Rows of the test that stay, for a frozen test loses none, and have no target left to be scored on."""
    lost_N = (view.fitted.trained_N == 0) & (view.whole.trained_N > 0)
    flags_N = lost_N & view.of_split("test") & (view.fitted.pieces_N > 0)
    if view.whole.layout not in OF_ROWS and flags_N.any():
        message = (
            f"{counted(int(flags_N.sum()), 'test row')} {'has' if flags_N.sum() == 1 else 'have'} no target within the "
            "context: they stay in the test, and the likelihood is that of the others"
        )
        yield view.finding("test_without_target", "warning", flags_N, message, LONGER)


def answer_beyond_context(view: TokenView) -> Iterator[Finding]:
    """Answers that are longer than the context by themselves: no cut of the question makes them fit."""
    if not view.answering:
        return
    flags_N = view.any_span(view.span_lengths_S > view.encoder.max_tokens)
    if flags_N.any():
        longest = int(view.span_lengths_S.max())
        message = (
            f"{counted(int(flags_N.sum()), 'answer')} longer than the context of {view.encoder.max_tokens:,} tokens; "
            f"the longest has {longest:,}"
        )
        yield view.finding("answer_beyond_context", "warning", flags_N, message, LONGER)


def no_room_to_answer(view: TokenView) -> Iterator[Finding]:
    """Questions that fill the context by themselves: nothing can be written behind them."""
    if view.task != "generation" or view.whole.layout != "causal" or not len(view.owners_S):
        return
    begins_N = np.zeros(len(view.whole), dtype=np.int64)
    begins_N[view.owners_S] = view.whole.spans_S2[:, 0]  # of each row, that of its last span
    flags_N = begins_N >= view.encoder.max_tokens
    if flags_N.any():
        message = (
            f"{counted(int(flags_N.sum()), 'row')} whose question alone fills the context of "
            f"{view.encoder.max_tokens:,} tokens: no answer can be written"
        )
        yield view.finding("no_room_to_answer", "warning", flags_N, message, LONGER)
