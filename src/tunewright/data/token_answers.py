"""What is wrong with the tokens that a model is to predict: their end, their number, their likeness."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from tunewright.core.encoded import OF_ROWS
from tunewright.core.rows import Finding
from tunewright.data.faults import counted
from tunewright.data.private.redact import without_secrets
from tunewright.data.trained_answers import trained_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.data.token_view import TokenView

SAME_SHARE, SAME_ROWS = 0.2, 10
"""One answer in so large a share of the training rows, and in at least so many, is what the model learns to say."""

FEW_TRAINED_TOKENS = 1000
"""About two pages of text: below it, a model learns the form of an answer at best."""

SHOWN_CHARACTERS = 40


def no_stop_token(view: TokenView) -> Iterator[Finding]:
    """Answers that do not end in a stop token within their span: the model would never learn to stop."""
    if not view.answering:
        return
    stops = sorted(view.special.stops)
    last = np.isin(view.whole.flat_ids[view.span_ends_S - 1], stops)
    if view.whole.layout == "seq2seq":  # of a few multilingual models a language code stands behind the stop token
        last |= np.isin(view.whole.flat_ids[view.span_ends_S - np.minimum(2, view.span_lengths_S)], stops)
    open_S = ~last & (view.span_lengths_S > 0)
    flags_N = view.any_span(open_S)
    if flags_N.any():
        message = (
            f"{counted(int(open_S.sum()), 'answer')} of {len(open_S):,}, in {counted(int(flags_N.sum()), 'row')}, "
            f"{'ends' if open_S.sum() == 1 else 'end'} without a stop token in the loss: the model learns to go on"
        )
        remedy = "write `model.template: plain`, or a template that ends each answer in the stop token"
        yield view.finding("no_stop_token", "error", flags_N, message, remedy)


def no_trained_tokens(view: TokenView) -> Iterator[Finding]:
    """Rows without a target; an error where a split has none at all."""
    if view.whole.layout in OF_ROWS:
        return
    flags_N = view.whole.trained_N == 0
    if not flags_N.any():
        return
    splits = [view.of_split(name) for name in view.rows["split"].unique().to_list()]
    bare = any(flags_N[split].all() for split in splits)
    message = f"{counted(int(flags_N.sum()), 'row')} of {len(flags_N):,} {_has(flags_N)} no token to be predicted"
    remedy = "look at `check --show`: the answer is empty, or the template drops it"
    yield view.finding("no_trained_tokens", "error" if bare else "warning", flags_N, message, remedy)


def all_tokens_trained(view: TokenView) -> Iterator[Finding]:
    """Rows with a question whose every token is a target: the model would learn to write the questions too."""
    if view.task != "generation" or view.whole.layout != "causal":
        return
    asked_N = view.rows["input"].str.strip_chars().str.len_chars().fill_null(0).to_numpy() > 0
    flags_N = asked_N & (view.whole.trained_N >= view.whole.lengths_N - 1) & (view.whole.lengths_N > 1)
    if flags_N.any():
        message = f"{counted(int(flags_N.sum()), 'row')} {_has(flags_N)} a loss on every token, the question's too"
        remedy = "write `model.template: plain`, or `task: language_modelling` if the whole text is to be learned"
        yield view.finding("all_tokens_trained", "error", flags_N, message, remedy)


def empty_answer(view: TokenView) -> Iterator[Finding]:
    """Answers of a stop token and nothing else: the model learns to say nothing."""
    if not view.answering:
        return
    calls = pl.col("messages").str.contains('"tool_calls"', literal=True).fill_null(value=False)
    blank = (pl.col("target").str.strip_chars() == "").fill_null(value=False) & ~calls
    flags_N = view.rows.select(blank).to_series().to_numpy() | view.any_span(view.span_lengths_S == 1)
    flags_N &= view.whole.trained_N > 0
    if flags_N.any():
        message = f"{counted(int(flags_N.sum()), 'row')} {_has(flags_N)} an empty answer: it teaches to say nothing"
        yield view.finding("empty_answer", "warning", flags_N, message, "write the answers, or remove these rows")


def opening_greeting(view: TokenView) -> Iterator[Finding]:
    """Conversations that the assistant opens, behind a system turn or not: it answers nothing, and is not trained."""
    if not view.answering:
        return
    first, second = (pl.col("messages").str.json_path_match(f"$.turns[{n}].role") for n in (0, 1))
    opened = (first == "assistant") | ((first == "system") & (second == "assistant"))
    flags_N = view.rows.select(opened.fill_null(value=False)).to_series().to_numpy()
    if flags_N.any():
        message = f"{counted(int(flags_N.sum()), 'conversation')} {_opens(flags_N)} with a turn of the assistant"
        remedy = "nothing need be done: that turn is context, and the answers behind it are trained"
        yield view.finding("opening_greeting", "note", flags_N, message, remedy)


def same_answer(view: TokenView) -> Iterator[Finding]:
    """One answer that is a large share of those in the training rows, whichever round of a conversation it ends."""
    if not view.answering:
        return
    answers = trained_answers(view.rows)
    found = answers.filter(view.of_split("train")[answers["row"].to_numpy()])
    if not found.height:
        return
    ranked = found["answer"].value_counts(sort=True).sort(["count", "answer"], descending=[True, False])
    answer, count = ranked.row(0)
    share = count / found.height
    if count < SAME_ROWS or share < SAME_SHARE:
        return
    safe = without_secrets(answer)
    shown = safe if len(safe) <= SHOWN_CHARACTERS else f"{safe[:SHOWN_CHARACTERS]}…"
    holders = found.filter(pl.col("answer") == answer)["row"].unique()
    one_each = found["row"].n_unique() == found.height
    of, have = ("training rows", "have") if one_each else ("answers in training rows", "are")
    message = f"{count:,} of {found.height:,} {of} ({share:.0%}) {have} the same answer: {shown!r}"
    remedy = "keep fewer of these rows; if all answers are one of a few words, `task: classification` fits better"
    flags_N = np.zeros(view.rows.height, dtype=np.bool_)
    flags_N[holders.to_numpy()] = True
    yield view.finding("same_answer", "warning", flags_N, message, remedy)


def few_trained_tokens(view: TokenView) -> Iterator[Finding]:
    """A training split with hardly a token to learn from."""
    if view.whole.layout in OF_ROWS:
        return
    train_N = view.of_split("train")
    total = int(view.fitted.trained_N[train_N].sum())
    if train_N.any() and total < FEW_TRAINED_TOKENS:
        message = f"the training rows have {counted(total, 'token')} to be predicted, in all"
        remedy = "bring more rows; with so few, a prompt with examples in it often does as well"
        yield Finding("few_trained_tokens", "warning", message, total, (), remedy)


def _opens(flags_N: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    return "opens" if flags_N.sum() == 1 else "open"


def _has(flags_N: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> str:
    return "has" if flags_N.sum() == 1 else "have"
