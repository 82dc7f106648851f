"""What the texts hold that cleaning could take away, what repeats across them, and which languages they are in."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable  # noqa: TC003  # a type of the frozen record below
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import polars as pl

from tunewright.core.rows import Finding
from tunewright.core.tasks import reads
from tunewright.data.clean_steps import steps_of
from tunewright.data.faults import counted, places_of
from tunewright.data.languages import LOOKED_AT, UNKNOWN, counted_languages, languages_of
from tunewright.data.markup import without_html, without_markdown
from tunewright.data.private.redact import without_secrets
from tunewright.data.repair import normal_form, without_mojibake
from tunewright.data.standard import line_key, without_urls

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.recipe.clean import CleanSpec

EDGE_LINES = 3
"""Lines at either end of a text that may be a greeting, a signature or a footer."""
LEAST_LINE_CHARS = 8
LEAST_LINE_ROWS = 5
LEAST_LINE_SHARE = 0.01
LEAST_EDGE_SHARE = 0.75
"""Of a signature or a footer, most stand at an end of a text; a speaker's name or a refrain stands within texts too."""
LEAST_LANGUAGE_ROWS = 3
LEAST_LANGUAGE_SHARE = 0.002
"""Fewer rows of a language are as likely to be taken for it by mistake."""
_MARKDOWN = re.compile(r"\]\(|\*\*|```|^[ ]{0,3}#{1,6}[ ]", re.MULTILINE)
"""Without one of these, signs such as * and > are more often a person's own than Markdown's."""


@dataclass(frozen=True, slots=True)
class _Check:
    """What a step would take away."""

    rule: str
    change: Callable[[str], str]
    severity: Literal["warning", "note"]
    words: str
    """Finishes the sentence "12 texts …"."""
    remedy: str


CHECKS = (
    _Check(
        "mojibake",
        without_mojibake,
        "warning",
        "with letters that were decoded with the wrong encoding",
        "write `data.clean.mojibake: true`, or export the data again as UTF-8",
    ),
    _Check(
        "html",
        without_html,
        "warning",
        "with tags or entities of HTML",
        "write `data.clean.html: true`, unless the model is to read or write HTML",
    ),
    _Check(
        "unicode",
        normal_form("NFC"),
        "note",
        "with letters that are put together of two characters where Unicode has one",
        "write `data.clean.unicode: nfc`",
    ),
    _Check(
        "markdown",
        lambda text: without_markdown(text) if _MARKDOWN.search(text) else text,
        "note",
        "with marks of Markdown",
        "nothing, if the model will meet them too; else write `data.clean.markdown: true`",
    ),
    _Check(
        "url",
        without_urls,
        "note",
        "with web addresses",
        "nothing, if they say something about the answer; else write `data.clean.placeholders: [url]`",
    ),
)
"""E-mail addresses are not among them: the finding about personal data counts these, and names what masks them."""


BEFOREHAND = "nothing, if the model will meet them too; else clean the texts beforehand, and count their spans anew"


def text_findings(rows: pl.DataFrame, spec: CleanSpec, task: str, *, raw: bool = False) -> list[Finding]:
    """What the texts hold that the recipe does not take away, and lines that begin or end many of them.

    `rows` bear `source`, `line`, `input` and `target`. Of `raw` rows, what the recipe will take away is told too.
    """
    taken = {step.rule for step in steps_of(spec, task)}
    texts = _texts(rows, task)
    found = []
    checks = (replace(check, remedy=BEFOREHAND) for check in CHECKS) if task == "token_classification" else CHECKS
    for check in checks:
        if check.rule not in taken or raw:
            changed = pl.Series([any(check.change(text) != text for text in held) for held in texts], dtype=pl.Boolean)
            found += _found(rows.filter(changed), check, taken=check.rule in taken)
    return found + ([] if spec.boilerplate or task in {"generation", "token_classification"} else _boilerplate(rows))


def _texts(rows: pl.DataFrame, task: str) -> list[tuple[str, ...]]:
    """The texts of each row that steps are taken on; labels are none."""
    if reads(task):
        return [(text or "",) for text in rows["input"]]
    return [(text or "", target or "") for text, target in rows.select("input", "target").iter_rows()]


def _found(rows: pl.DataFrame, check: _Check, *, taken: bool) -> list[Finding]:
    if not rows.height:
        return []
    message = f"{counted(rows.height, 'text')} {check.words}"
    if taken:
        message += ", which a run repairs"
    severity = "note" if taken else check.severity
    return [Finding(check.rule, severity, message, rows.height, places_of(rows), "" if taken else check.remedy)]


def _boilerplate(rows: pl.DataFrame) -> list[Finding]:
    """Lines that begin or end many texts."""
    edges = [_edge_lines(text or "") for text in rows["input"]]
    counts = Counter(key for held in edges for key in held)
    least = max(LEAST_LINE_ROWS, LEAST_LINE_SHARE * rows.height)
    written = {key: line for held in edges for key, line in held.items()}
    often = [key for key, count in counts.most_common() if count >= least]
    within = _within(rows["input"], often)
    common = [key for key in often if counts[key] >= LEAST_EDGE_SHARE * (counts[key] + within[key])]
    if not common:
        return []
    chosen = frozenset(common)
    held = rows.filter(pl.Series([not chosen.isdisjoint(keys) for keys in edges], dtype=pl.Boolean))
    safe = [without_secrets(written[key]) for key in common[:20]]
    shown = ", ".join(f"{line[:60]!r} ({counts[key]:,})" for key, line in zip(common[:4], safe[:4], strict=True))
    message = f"{counted(held.height, 'text')} begin or end with a line that many others bear: {shown}"
    lines = json.dumps(safe, ensure_ascii=False)
    remedy = f"nothing, if the line says something about the answer; else write `data.clean.boilerplate: {lines}`"
    return [Finding("boilerplate", "note", message, held.height, places_of(held), remedy)]


def _edge_lines(text: str) -> Mapping[str, str]:
    """The lines at both ends of a text of several lines, as they are compared and as they are written."""
    lines = _lines(text)
    if len(lines) < 2:
        return {}
    chosen = [*lines[:EDGE_LINES], *lines[-EDGE_LINES:]]
    return {line_key(line): line for line in chosen if len(line) >= LEAST_LINE_CHARS}


def _within(texts: pl.Series, keys: Sequence[str]) -> Counter[str]:
    """How often each of the lines stands inside a text, away from both its ends."""
    known = frozenset(keys)
    inside = (line for text in texts if known for line in _lines(text or "")[EDGE_LINES:-EDGE_LINES])
    return Counter(key for line in inside if (key := line_key(line)) in known)


def _lines(text: str) -> list[str]:
    """The lines of a text of several lines that are not blank."""
    return [line.strip() for line in text.splitlines() if line.strip()] if "\n" in text else []


def language_findings(rows: pl.DataFrame) -> tuple[Mapping[str, int] | None, list[Finding]]:
    """Rows of each language among those looked at (all, or some thousand at equal distances), and a second language."""
    if not rows.height:
        return None, []
    looked = rows.gather_every(-(-rows.height // LOOKED_AT))
    languages = languages_of(looked["input"].to_list())
    counts = counted_languages(languages)
    return counts, _second_language(looked, languages, counts, whole=rows.height)


def _second_language(
    looked: pl.DataFrame, languages: Sequence[str], counts: Mapping[str, int], *, whole: int
) -> list[Finding]:
    known = [language for language in counts if language != UNKNOWN]
    least = max(LEAST_LANGUAGE_ROWS, LEAST_LANGUAGE_SHARE * looked.height)
    others = [language for language in known[1:] if counts[language] >= least]
    if not others:
        return []
    rows = looked.filter(pl.Series([language in others for language in languages]))
    listed = ", ".join(f"{language} {counts[language]:,}" for language in others[:8])
    of = f" of {looked.height:,} looked at" if looked.height < whole else ""
    message = (
        f"{counted(rows.height, 'text')}{of} ({rows.height / looked.height:.1%}) "
        f"{'seems' if rows.height == 1 else 'seem'} to be in another language than most ({known[0]}): {listed}"
    )
    remedy = (
        f"nothing, if the model will meet them and its base knows these languages; else write "
        f"`data.filter.languages: [{known[0]}]`"
    )
    return [Finding("language", "note", message, rows.height, places_of(rows), remedy)]
