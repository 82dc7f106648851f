"""Rows without a text, a label or an answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.conversation import from_json
from tunewright.data.contents import chat_content
from tunewright.data.faults import Fault, data_error
from tunewright.data.invisible import is_blank, without_invisible
from tunewright.data.sift import Amended, Sifted, amend_all, sift
from tunewright.data.turns import gaps, without_trailing
from tunewright.data.words import missing_labels, missing_texts

if TYPE_CHECKING:
    from collections.abc import Callable

    from tunewright.recipe.data import Missing


MARKER_LETTERS = 8
"""Letters and digits of ASCII that no word for a missing value has more of."""


def is_missing_text(text: str | None) -> bool:
    """Whether a text says nothing: absent, blank, only invisible characters, or one of the markers."""
    if text is None:
        return True
    bare = without_invisible(text).strip()
    return not bare or bare.casefold() in missing_texts()


def is_missing_label(label: str | None) -> bool:
    """Whether a label is absent, blank, or one of the words that programs write for no value."""
    if label is None:
        return True
    bare = without_invisible(label).strip()
    return not bare or bare.casefold() in missing_labels()


def is_missing_answer(answer: str | None) -> bool:
    """Whether an answer is absent or blank: any word may be the right one."""
    return answer is None or is_blank(answer)


TARGETS: dict[str, tuple[str, Callable[[str | None], bool]]] = {
    "classification": ("label", is_missing_label),
    "multilabel": ("labels", lambda target: target is None),
    "regression": ("number", is_missing_label),
    "token_classification": ("spans", lambda target: target is None),
    "generation": ("answer", is_missing_answer),
    "text_to_text": ("answer", is_missing_answer),
    "language_modelling": ("answer", lambda _: False),
}
"""Task to what its target is called, and whether one is missing."""


def drop_missing(
    rows: pl.DataFrame, *, policy: Missing, task: str = "classification", target_policy: Missing | None = None
) -> Sifted:
    """Rows with a text and a label or answer; the others leave as `missing_text`, `missing_label`, `missing_number`,
    `missing_labels`,
    `missing_spans`, `missing_answer`.

    A conversation of which any question or answer is empty lacks a text. Raises DataError listing them where the recipe
    says `missing: error`; `target_policy` is that of labels and answers, where it is another.
    """
    what, lacks = TARGETS[task]
    no_text = _missing(rows["input"], is_missing_text)
    no_target = _missing(rows["target"], lacks)
    refused = [mask & (of == "error") for mask, of in ((no_text, policy), (no_target, target_policy or policy))]
    if "error" in {policy, target_policy or policy}:
        _refuse_missing(rows, *refused, what=what)
    with_text = sift(rows, keep=~no_text, reason="missing_text")
    with_target = sift(with_text.kept, keep=~no_target.filter(~no_text), reason=f"missing_{what}")
    return Sifted(with_target.kept, pl.concat([with_text.dropped, with_target.dropped]))


def _missing(texts: pl.Series, lacks: Callable[[str | None], bool]) -> pl.Series:
    """Whether each text is missing: those that hold more than any word for nothing need no closer look."""
    said = texts.str.count_matches("[0-9A-Za-z]") > MARKER_LETTERS
    columns = zip(texts, said.fill_null(value=False), strict=True)
    return pl.Series([not full and lacks(text) for text, full in columns], dtype=pl.Boolean)


def drop_trailing(rows: pl.DataFrame) -> Amended:
    """Conversations up to their last trained answer; what stood behind is on record under the rule `trailing_turn`."""
    contents = [
        chat_content(without_trailing(from_json(messages))) if _open_end(messages) else None
        for messages in rows["messages"]
    ]
    values = [
        pl.Series(
            name,
            [old if new is None else getattr(new, name) for old, new in zip(rows[name], contents, strict=True)],
            dtype=pl.String,
        )
        for name in ("input", "messages", "target")
    ]
    return amend_all(rows, values, rule="trailing_turn")


def _open_end(messages: str | None) -> bool:
    """Whether a conversation goes on behind its last trained answer."""
    if messages is None:
        return False
    whole = from_json(messages)
    return len(without_trailing(whole).turns) < len(whole.turns)


def _refuse_missing(rows: pl.DataFrame, no_text: pl.Series, no_target: pl.Series, *, what: str) -> None:
    """Raises DataError listing what is missing, if anything is: of a conversation, any of its turns."""
    faults = []
    columns = zip(rows["source"], rows["line"], rows["messages"], no_text, no_target, strict=True)
    for source, line, messages, text, target in columns:
        found = gaps(from_json(messages))[:1] if messages is not None else ()
        if found:
            faults.append(Fault(source, line, found[0]))
        elif text or target:
            named = " and ".join(name for name, gone in (("text", text), (what, target)) if gone)
            faults.append(Fault(source, line, f"has no {named}"))
    if faults:
        raise data_error(
            faults,
            what=f"lack a text or {'an' if what == 'answer' else 'a'} {what}, and data.missing is 'error'",
            remedy="complete these rows, or write `data.missing: drop`",
        )
