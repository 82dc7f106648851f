"""Whether tokenizer, template and texts fit each other: special tokens at their places, text in known pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

import numpy as np
import polars as pl

from tunewright.core.encoded import READING
from tunewright.core.rows import Finding
from tunewright.data.faults import counted
from tunewright.data.token_rows import trained_flags

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tunewright.core.protocols import PromptEncoder
    from tunewright.data.token_view import TokenView

UNKNOWN_TARGETS, UNKNOWN_TOKENS, UNKNOWN_ERROR = 0.001, 0.01, 0.1
"""Shares of unknown tokens: of targets, which the model learns to write, one in a thousand is told; of all tokens one
in a hundred; one in ten of the targets is an error."""

MISFIT = 1.0
"""Tokens a character. A fitting tokenizer needs 0.2 to 0.3 for English and 0.5 to 0.9 for Chinese; more than one a
character comes only of characters broken into bytes, that is, of a script it was not made for."""

MISFIT_CHARACTERS = 200
"""In fewer characters than this the share is chance."""

PROMPTS = 500
"""Rows whose prompt is encoded on its own, at equal distances; each costs a rendering."""


def double_bos(view: TokenView) -> Iterator[Finding]:
    """Two BOS tokens at the start of a text, or one within it."""
    bos, ids, starts = view.special.bos, view.whole.flat_ids, view.whole.starts
    if bos is None:
        return
    found = ids == bos
    begins = np.zeros(len(ids) + 1, dtype=np.bool_)
    begins[starts[:-1]] = True
    if view.whole.layout == "seq2seq":
        begins[starts[:-1] + view.first_sides_N] = True
    begins = begins[:-1]
    twice_N = view.any_token(found & np.roll(found & begins, 1) & ~begins)
    if twice_N.any():
        message = f"{counted(int(twice_N.sum()), 'row')} {_begins(twice_N)} with the BOS token twice"
        remedy = "take the BOS token out of the data, or out of the template"
        yield view.finding("double_bos", "error", twice_N, message, remedy)
    if bos in view.special.stops or bos in (view.special.eos, view.special.pad):
        return  # one token for begin and end: within a chat it is the end of a turn
    inside_N = view.any_token(found & ~begins) & ~twice_N
    if inside_N.any():
        message = f"{counted(int(inside_N.sum()), 'row')} with a BOS token within the text"
        yield view.finding("double_bos", "warning", inside_N, message, "take its text out of the data")


def pad_is_stop(view: TokenView) -> Iterator[Finding]:
    """One token for padding and for the end: told, though it does no harm here."""
    if view.answering and view.special.pad in view.special.stops:
        message = (
            "the padding token is a stop token: harmless here, where padding is masked by its place and the stop token "
            "keeps its loss; a trainer that masks by id would unlearn to stop"
        )
        yield Finding("pad_is_stop", "note", message, 1, (), "nothing, as long as it is trained here")


def unknown_tokens(view: TokenView) -> Iterator[Finding]:
    """Text that the vocabulary cannot write."""
    special = view.special
    if special.unknown is None or special.unknown in {special.bos, special.eos, special.pad, *special.stops}:
        return
    unknown = view.whole.flat_ids == special.unknown
    targets = trained_flags(view.whole, np.arange(len(view.whole)))
    share, target_share = _share(unknown), _share(unknown[targets])
    if share < UNKNOWN_TOKENS and target_share < UNKNOWN_TARGETS:
        return
    flags_N = view.any_token(unknown)
    message = f"{share:.1%} of all tokens, in {counted(int(flags_N.sum()), 'row')}, are unknown to the tokenizer"
    message += f", and {target_share:.1%} of those to be predicted" if targets.any() else ""
    severity: Literal["error", "warning"] = "error" if target_share >= UNKNOWN_ERROR else "warning"
    yield view.finding("unknown_tokens", severity, flags_N, message, "choose a base made for these texts")


def tokenizer_misfit(view: TokenView) -> Iterator[Finding]:
    """Texts that break into more tokens than they have characters: a base made for another script."""
    column = "target" if view.answering else "input"
    characters_N = view.rows[column].str.len_chars().fill_null(0).to_numpy().astype(np.int64)
    tokens_N = _text_tokens(view)
    characters, tokens = int(characters_N.sum()), int(tokens_N[characters_N > 0].sum())
    if characters < MISFIT_CHARACTERS or tokens <= MISFIT * characters:
        return
    what = "answers" if view.answering else "texts"
    message = (
        f"the {what} take {tokens / characters:.1f} tokens a character: the tokenizer was not made for this script, "
        "so that texts are long, slow and hard to learn"
    )
    flags_N = tokens_N > MISFIT * characters_N
    yield view.finding("tokenizer_misfit", "warning", flags_N, message, "choose a base made for this language")


def special_token_in_text(view: TokenView) -> Iterator[Finding]:
    """Special tokens written out in the rows' own text, where they become the tokens themselves."""
    texts = sorted(text for text in view.special.texts if text.strip())
    if not texts:
        return
    columns = [view.rows[name].fill_null("") for name in ("input", "messages", "target")]
    flags = columns[0].str.contains_any(texts)
    for column in columns[1:]:
        flags |= column.str.contains_any(texts)
    if not flags.any():
        return
    joined = pl.concat([column.filter(flags) for column in columns])
    counts = {text: int(joined.str.contains(text, literal=True).sum()) for text in texts}
    shown = ", ".join(sorted((text for text in texts if counts[text]), key=lambda text: -counts[text])[:3])
    message = (
        f"special tokens stand as text in {counted(int(flags.sum()), 'row')} ({shown}): the model reads them as the "
        "tokens themselves, such as the end of a turn"
    )
    remedy = "take them out of the texts, or write them otherwise"
    yield view.finding("special_token_in_text", "warning", flags.to_numpy(), message, remedy)


def prompt_not_prefix(view: TokenView) -> Iterator[Finding]:
    """Prompts whose ids are not those before the row's answer: what is generated from is not what was trained on."""
    if not view.answering or not len(view.whole):
        return
    encoder = cast("PromptEncoder", view.encoder)
    looked_at = np.unique(np.linspace(0, len(view.whole) - 1, PROMPTS, dtype=np.int64))
    flags_N = np.zeros(len(view.whole), dtype=np.bool_)
    for row in looked_at.tolist():
        prompt, ids = encoder.prompt_ids(view.content(row)), view.whole.ids(row)
        if view.whole.layout == "seq2seq":
            ids = ids[: view.first_sides_N[row]]
            flags_N[row] = prompt != ids.tolist()
        else:
            flags_N[row] = prompt != ids[: len(prompt)].tolist()
    if flags_N.any():
        message = (
            f"{counted(int(flags_N.sum()), 'row')} of {len(looked_at):,} looked at would be answered from other tokens "
            "than they are trained on: the prompt's ids are not the beginning of the row's"
        )
        remedy = "write `model.template: plain`, or strip the white space before answers"
        yield view.finding("prompt_not_prefix", "error", flags_N, message, remedy)


def _text_tokens(view: TokenView) -> NDArray[np.int64]:
    """Tokens of each row's text, or of its last answer, without special tokens around it, `[N]`."""
    rows = view.whole
    if rows.layout in READING:
        return np.maximum(rows.lengths_N - 2, 0)
    if not view.answering:
        return rows.trained_N
    last_N = np.zeros(len(rows), dtype=np.int64)
    last_N[view.owners_S] = view.span_lengths_S  # of a row with several, that of its last span
    return np.maximum(last_N - 1, 0)


def _share(flags: NDArray[np.bool_]) -> float:
    return float(flags.mean()) if len(flags) else 0.0


def _begins(flags_N: NDArray[np.bool_]) -> str:
    return "begins" if flags_N.sum() == 1 else "begin"
