"""The silent failures of training on tokens, found before a weight is loaded: one finding a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tunewright.core.encoded import OF_ROWS
from tunewright.core.rows import SPLITS, Finding, SplitName
from tunewright.data import token_answers, token_fit, token_words
from tunewright.data.token_view import TokenView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import polars as pl

    from tunewright.core.protocols import RowEncoder
    from tunewright.data.overlength import FittedRows

CHECKS: tuple[Callable[[TokenView], Iterator[Finding]], ...] = (
    token_answers.no_stop_token,
    token_answers.no_trained_tokens,
    token_answers.all_tokens_trained,
    token_words.prompt_not_prefix,
    token_words.double_bos,
    token_fit.targets_cut,
    token_fit.test_without_target,
    token_fit.answer_beyond_context,
    token_fit.no_room_to_answer,
    token_words.unknown_tokens,
    token_words.tokenizer_misfit,
    token_words.special_token_in_text,
    token_answers.empty_answer,
    token_answers.opening_greeting,
    token_answers.same_answer,
    token_answers.few_trained_tokens,
    token_words.pad_is_stop,
)
"""Each silent where all is well."""


def audit_tokens(rows: pl.DataFrame, fitted: FittedRows, encoder: RowEncoder, *, task: str) -> tuple[Finding, ...]:
    """All findings about the rows (in ROW_COLUMNS) that `fitted` was made from; `encoder` is what encoded them."""
    view = TokenView(rows, fitted, encoder, task)
    return tuple(finding for check in CHECKS for finding in check(view))


@dataclass(frozen=True, slots=True)
class TrainedFigures:
    """What of a split's tokens has a loss, as `core.rows.SplitProfile` bears it."""

    trained_tokens: int
    trained_share: float | None
    """None for a split without tokens."""
    lost_tokens: int


def trained_figures(rows: pl.DataFrame, fitted: FittedRows) -> Mapping[SplitName, TrainedFigures]:
    """The figures of each split; none for the layout `classes`, whose targets are no tokens.

    Of `masked`, all tokens that may be drawn count as trained.
    """
    if fitted.whole.layout in OF_ROWS:
        return {}
    found: dict[SplitName, TrainedFigures] = {}
    for name in SPLITS:
        of = (rows["split"] == name).to_numpy()
        trained, tokens = int(fitted.trained_N[of].sum()), int(fitted.tokens_N[of].sum())
        found[name] = TrainedFigures(trained, trained / tokens if tokens else None, int(fitted.lost_N[of].sum()))
    return found
