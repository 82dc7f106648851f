"""What kind of text each answer is: its form, its length, whether it refuses. A model learns the mixture as well."""

from __future__ import annotations

import json
import re
from collections import Counter
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.rows import Finding
from tunewright.data.faults import counted, places
from tunewright.data.trained_answers import trained_answers

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = ("refusal", "code", "json", "list", "question", "phrase", "short", "medium", "long")
"""In the order in which they are asked for: an answer is of the first that fits."""
PHRASE_WORDS, SHORT_WORDS, MEDIUM_WORDS = 3, 40, 150
"""Words up to which an answer is a phrase, short or medium."""
REFUSALS = 0.05
"""Share of refusals from which on they are worth a warning: the model will refuse too."""
HEAD = 300
"""Characters in which a refusal is looked for: one that comes later is part of an answer."""
_ITEM = re.compile(r"^[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t]+\S", re.MULTILINE)


def response_types(rows: pl.DataFrame) -> pl.Series:
    """The type of each row's answer; of a conversation, of its last."""
    return pl.Series("response_type", [response_type(target or "") for target in rows["target"]], dtype=pl.String)


def response_type(answer: str) -> str:
    """The type of one answer, of TYPES; the time is linear in its length."""
    text = answer.strip()
    if _refusal().match(text[:HEAD].replace("’", "'")):
        return "refusal"
    if "```" in text:
        return "code"
    if text[:1] in {"{", "["} and _is_json(text):
        return "json"
    if sum(1 for _ in _ITEM.finditer(text)) > 1:
        return "list"
    if text.endswith(("?", "？")):
        return "question"
    words = len(text.split())
    if words <= PHRASE_WORDS:
        return "phrase"
    if words <= SHORT_WORDS:
        return "short"
    return "medium" if words <= MEDIUM_WORDS else "long"


def response_findings(rows: pl.DataFrame) -> Iterator[Finding]:
    """The mixture of types of all trained answers, and a warning where many of them refuse."""
    if not rows.height:
        return
    answers = trained_answers(rows)
    types = pl.Series([response_type(answer) for answer in answers["answer"]], dtype=pl.String)
    counts = Counter(types)
    listed = ", ".join(f"{name} {counts[name]:,}" for name in TYPES if counts[name])
    yield Finding("response_types", "note", f"answers by type: {listed}", rows.height)
    share = counts["refusal"] / max(1, answers.height)
    if share > REFUSALS:
        refusing = answers["row"].filter(types == "refusal").unique().sort()
        where = rows[refusing].select("source", "line").iter_rows()
        message = (
            f"{counted(counts['refusal'], 'answer')} ({share:.1%}) refuse: the model will learn to refuse as often"
        )
        remedy = "look at them; drop those that refuse what should be answered"
        yield Finding("refusals", "warning", message, counts["refusal"], places(where), remedy)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


@cache
def _refusal() -> re.Pattern[str]:
    """What a refusal begins with. Every part is anchored at what stands before it: no text takes more than one pass."""
    held = json.loads(files("tunewright.data").joinpath("response_types.json").read_text(encoding="utf-8"))
    openings, verbs, phrases = (
        "|".join(map(re.escape, held[name])) for name in ("refusal_openings", "refusal_verbs", "refusal_phrases")
    )
    start = rf"(?:(?:{openings})[,.!]? +(?:but +)?)?"
    unable = r"i(?:'m| am) (?:unable|not able|not allowed) to|i (?:can ?not|can't|won't|will not|must decline to)"
    return re.compile(rf"{start}(?:(?:{phrases})\b|(?:{unable}) (?:{verbs})\b)", re.IGNORECASE)
