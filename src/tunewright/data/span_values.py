"""Records of token classification: words with a tag each, or a text with spans; read without guessing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tunewright.core.spans import OUTSIDE, Span, to_json, words_of
from tunewright.data.tag_forms import labels_by_word
from tunewright.data.unfit import Unfit, kind_of, shown
from tunewright.data.values import as_label

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

KEYS: Mapping[str, frozenset[str]] = {
    "start": frozenset({"start", "begin", "startoffset", "startposition", "startchar", "startindex", "beginoffset"}),
    "end": frozenset({"end", "stop", "endoffset", "endposition", "endchar", "endindex"}),
    "label": frozenset({"label", "type", "entitytype", "entity", "tag", "category", "entitygroup", "labels"}),
    "value": frozenset({"value", "text", "entityvalue", "word", "mention", "surface"}),
}
"""What a span says, and the keys under which it may, folded: no letter's case, no `_`."""

FORM = 'write {"start": 0, "end": 4, "label": "PERSON"}, counted in characters from 0, the end behind the last'

Text = str | tuple[str, ...]
"""A text, or the words of one."""


def as_text_or_words(value: Any) -> Text | None:
    """A text as it stands, or a list of words, also where it was written as JSON text; null is missing.

    Raises Unfit for anything else, and for words that are blank: nothing could be told of them.
    """
    listed = _parsed(value)
    if isinstance(listed, list):
        blank = next((n for n, word in enumerate(listed) if not isinstance(word, str) or not word.strip()), None)
        if blank is not None:
            given = f"holds words, and number {blank + 1} of them is {shown(listed[blank])}"
            raise Unfit(given, "write each word as a text that is not blank")
        return tuple(listed)
    if isinstance(value, str):
        return value
    if value is None or (isinstance(value, float) and value != value):  # noqa: PLR0124  # not a number
        return None
    raise Unfit(f"is {kind_of(value)}, neither a text nor a list of words: {shown(value)}", "write one of them")


def joined(text: Text) -> str:
    """The text of words: a blank between them."""
    return text if isinstance(text, str) else " ".join(text)


def marked_spans(text: Text, value: Any) -> str | None:
    """The spans of the text as `core.spans.to_json` writes them, from a tag for each word or from spans; null is
    missing.

    Raises Unfit for what is not valid, with the nearest form that is. Spans may overlap here: that is a row's fault and
    no value's.
    """
    listed = _parsed(value)
    if listed is None or listed == "" or (isinstance(listed, float) and listed != listed):  # noqa: PLR0124
        return None
    if not isinstance(listed, list):
        raise Unfit(f"is {kind_of(value)}, neither tags nor spans: {shown(value)}", FORM)
    if isinstance(text, tuple):
        return to_json(_of_tags(text, listed))
    return to_json(_span(text, item, number) for number, item in enumerate(listed, start=1))


def _of_tags(words: Sequence[str], tags: Sequence[Any]) -> list[Span]:
    if tags and not all(isinstance(tag, str) for tag in tags):
        wrong = next(tag for tag in tags if not isinstance(tag, str))
        given = f"holds {shown(wrong)} where a tag should stand"
        raise Unfit(given, f"write the tags by their names, such as 'B-PERSON' and {OUTSIDE!r}")
    if len(tags) != len(words):
        given = f"holds {len(tags):,} tags for {len(words):,} words"
        raise Unfit(given, "write one tag for each word")
    found: list[Span] = []
    start = 0
    for word, (prefix, label) in zip(words, labels_by_word(tags), strict=True):
        end = start + len(word)
        if prefix == "B":
            found.append(Span(start, end, label))
        elif prefix == "I":
            found[-1] = found[-1]._replace(end=end)
        start = end + 1
    for span in found:
        _require_words(" ".join(words), span)
    return found


def _span(text: str, item: Any, number: int) -> Span:
    """One span, checked against the text. Raises Unfit for anything that would have to be guessed."""
    start, end, label, value = _parts(item, number)
    if isinstance(start, bool) or isinstance(end, bool) or not isinstance(start, int) or not isinstance(end, int):
        raise Unfit(f"span {number} goes from {shown(start)} to {shown(end)}, which are no whole numbers", FORM)
    name = as_label(label)
    if name is None or not name.strip():
        raise Unfit(f"span {number} has no label", FORM)
    if not 0 <= start < end <= len(text):
        given = f"span {number} goes from {start:,} to {end:,}, and the text has {len(text):,} characters"
        raise Unfit(given, f"correct its offsets: 0 <= start < end <= {len(text):,}")
    held = text[start:end]
    if isinstance(value, str) and value != held:
        raise Unfit(f"span {number} says {shown(value)}, and its offsets hold {shown(held)}", _where(text, value))
    if held != held.strip():
        begin = start + len(held) - len(held.lstrip())
        given = f"span {number} begins or ends with a blank: {shown(held)}"
        raise Unfit(given, f"write {begin} and {begin + len(held.strip())} as its start and end")
    span = Span(start, end, name.strip())
    _require_words(text, span)
    return span


def _require_words(text: str, span: Span) -> None:
    if not words_of(text[span.start : span.end]):
        raise Unfit(f"a span of {span.label!r} holds no word: {shown(text[span.start : span.end])}", "remove it")


def _where(text: str, value: str) -> str:
    """What to do about a span whose offsets hold another text."""
    at = text.find(value)
    if at < 0:
        return "correct the offsets or the text"
    return f"write {at} and {at + len(value)} as its start and end, if that is where it is meant"


def _parts(item: Any, number: int) -> tuple[Any, Any, Any, Any]:
    """Start, end, label and, where it says so, text of a span."""
    if isinstance(item, list) and len(item) == 3:
        return item[0], item[1], item[2], None
    if not isinstance(item, dict):
        raise Unfit(f"span {number} is {kind_of(item)}: {shown(item)}", FORM)
    given = {_folded(key): value for key, value in item.items() if value is not None}
    found = {}
    for part, names in KEYS.items():
        there = [key for key in given if key in names]
        if part != "value" and len(there) != 1:
            keys = ", ".join(map(repr, item))
            raise Unfit(
                f"span {number} has {'no' if not there else 'more than one'} {part} among its keys {keys}", FORM
            )
        found[part] = given[there[0]] if len(there) == 1 else None
    return found["start"], found["end"], found["label"], found["value"]


def _folded(key: object) -> str:
    return str(key).replace("_", "").casefold()


def _parsed(value: Any) -> Any:
    """A list that was written as JSON text, as a list; any other value as it is."""
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value
