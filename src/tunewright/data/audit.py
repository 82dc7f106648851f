"""What is in the data, what is wrong with it, what to do: one finding a kind."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Literal

import polars as pl

from tunewright.core.errors import did_you_mean
from tunewright.core.rows import SPLITS, Finding
from tunewright.data.clusters import cluster_ids
from tunewright.data.contradictions import contradicting
from tunewright.data.duplicates import repeated
from tunewright.data.faults import counted, places_of
from tunewright.data.labels import propose_label_map
from tunewright.data.times import instants

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tunewright.core.rows import SplitName
    from tunewright.recipe.data import DataSpec

IMBALANCE_WARNING = 5.0
TINY_CLASS_ROWS = 10
SHORT_WORDS = 2

LATE_WORDS: Mapping[str, str] = {"train": "training", "validation": "validation"}

RULE_MESSAGES: Mapping[str, tuple[Literal["note", "warning"], str]] = {
    "missing_text": ("warning", "had no text and left"),
    "missing_label": ("warning", "had no label and left"),
    "whitespace": ("note", "had blanks at their ends or several in a row, which were removed"),
    "control_character": ("note", "held control or zero-width characters, which were removed"),
    "mojibake": ("note", "held letters that were decoded with the wrong encoding, which were repaired"),
    "html": ("note", "held tags or entities of HTML, which were removed"),
    "unicode": ("note", "held characters that Unicode's normal form writes otherwise, and were written so"),
    "markdown": ("note", "held marks of Markdown, which were removed"),
    "url": ("note", "held web addresses, which gave way to [URL]"),
    "email": ("note", "held e-mail addresses, which gave way to [EMAIL]"),
    "quotes": ("note", "held typographic quotation marks or dashes, which were replaced by plain ones"),
    "date": ("note", "held dates that are written as 2025-03-31 now"),
    "number": ("note", "held numbers that are written without thousands separators now"),
    "lower_case": ("note", "held capital letters, which are small now"),
    "replace": ("note", "held words of data.clean.replace, which were replaced"),
    "boilerplate": ("note", "began or ended with lines of data.clean.boilerplate, which were removed"),
    "overlapping_spans": ("warning", "held spans that overlap and left: a word has one tag"),
    "label_map": ("note", "got another label from data.label_map"),
    "label_review": ("note", "got another label from a reviewed file or left by it, as data.label_issues says"),
    "missing_answer": ("warning", "had no answer and left"),
    "trailing_turn": ("warning", "went on behind the last answer; these turns were removed"),
    "contradiction": ("note", "shared their text with rows of another label and left"),
    "near_duplicate": ("note", "were near-duplicates of a row that stays, with its label or answer, and left"),
    "near_held_back": ("note", "were near-duplicates of held-back stretches of the document and left the training"),
}


def ledger_findings(ledger: pl.DataFrame) -> list[Finding]:
    """A finding for each rule that dropped or changed rows and has no finding of its own."""
    found = []
    for rule, (severity, words) in RULE_MESSAGES.items():
        rows = ledger.filter(pl.col("rule") == rule)
        if rows.height:
            message = f"{counted(rows.height, 'row')} {words}"
            found.append(Finding(rule, severity, message, rows.height, places_of(rows)))
    return found


REPEATED: Mapping[str, str] = {
    "classification": "the text and label",
    "regression": "the text and number",
    "multilabel": "the text and labels",
    "token_classification": "the text and spans",
    "generation": "the prompt and answer",
    "text_to_text": "the text and answer",
    "language_modelling": "the text",
}
"""Task to what a duplicate repeats."""


def duplicate_findings(rows: pl.DataFrame, policy: str, task: str = "classification") -> list[Finding]:
    """Rows that repeat what an earlier row of the same file says."""
    again = repeated(rows)
    if not again.height:
        return []
    own = again.filter(pl.col("role") == "test").height
    end = "the first of each is kept" if policy == "keep_first" else "they stay, as data.duplicates says"
    test = f"; {own:,} of them stay in the test file, which is never edited" if own and policy == "keep_first" else ""
    message = f"{counted(again.height, 'row repeats', 'rows repeat')} {REPEATED[task]} of an earlier row; {end}{test}"
    return [Finding("exact_duplicate", "note", message, again.height, places_of(again))]


def contradiction_findings(rows: pl.DataFrame) -> list[Finding]:
    """Rows whose text stands in the same file with another label."""
    found = rows.filter(contradicting(rows)).sort("content_key", "source", "line", maintain_order=True)
    if not found.height:
        return []
    texts = found["content_key"].n_unique()
    message = f"{counted(texts, 'text')} {'bears' if texts == 1 else 'bear'} different labels, in {found.height:,} rows"
    remedy = "correct the labels, or write `data.contradictions: drop`"
    return [Finding("contradiction", "warning", message, found.height, places_of(found), remedy)]


def several_answers_findings(rows: pl.DataFrame) -> list[Finding]:
    """Prompts that have more than one answer: references for one another, kept in one split."""
    answers = rows.group_by("role", "content_key").agg(pl.col("target").n_unique().alias("answers"))
    several = answers.filter(pl.col("answers") > 1)
    if not several.height:
        return []
    held = rows.join(several, on=["role", "content_key"], how="semi", maintain_order="left")
    message = (
        f"{counted(several.height, 'prompt')} with several answers, in {held.height:,} rows: the answers to one prompt "
        "stay in one split, and are references together"
    )
    return [Finding("several_answers", "note", message, held.height, places_of(held))]


def contiguous_finding(splits: Mapping[SplitName, pl.DataFrame], carved: Sequence[SplitName]) -> Finding:
    """Says that the splits of one document are its stretches, and where they begin."""
    parts = [
        f"{name} from line {min(splits[name]['line']):,} on ({counted(splits[name].height, 'block')})"
        for name in carved
    ]
    message = (
        f"one document: its last stretches are held back, {' and '.join(parts)}, so that no held-back text stands "
        "between texts that are trained on"
    )
    return Finding("contiguous_split", "note", message, sum(splits[name].height for name in carved))


def group_findings(rows: pl.DataFrame, column: str | None) -> list[Finding]:
    """Rows without a group, where a column names the group of each row."""
    without = rows.filter(pl.col("group").is_null())
    if column is None or not without.height:
        return []
    message = f"{counted(without.height, 'row')} {'has' if without.height == 1 else 'have'} no group in {column!r}"
    remedy = "nothing, if each of them stands for itself; else fill the column, so that they stay together"
    return [Finding("no_group", "note", message, without.height, places_of(without), remedy)]


def late_findings(rows: pl.DataFrame) -> list[Finding]:
    """Carved training and validation rows that are later than the frozen test, which a split by time forbids.

    `rows` bear their split. Rows that belong together are as late as the latest of them, as in the split itself.
    """
    own = rows.filter(pl.col("role") == "train")
    timed = own.with_columns(cluster_ids(own), moment=pl.Series(instants(own), dtype=pl.Float64))
    test = timed.filter(pl.col("split") == "test").group_by("cluster").agg(pl.col("moment").max())
    late = timed.filter(pl.col("split") != "test", pl.col("moment") > test["moment"].min())
    if not late.height:
        return []
    counts = Counter(late["split"])
    parts = " and ".join(counted(counts[name], f"{word} row") for name, word in LATE_WORDS.items() if counts[name])
    verb = "is" if late.height == 1 else "are"
    message = f"{parts} {verb} later than the earliest of the frozen test: it is no longer a test on what comes after"
    remedy = 'give a reason for a new test of the latest rows: `split.refreeze: "…"`'
    return [Finding("later_than_test", "warning", message, late.height, places_of(late), remedy)]


def label_findings(rows: pl.DataFrame, spec: DataSpec, seen: Sequence[str | None]) -> list[Finding]:
    """Spelling variants of labels with the map that joins them, and entries of `label_map` that match nothing.

    `seen` are the labels before the map was applied.
    """
    found = []
    counts = Counter(label for label in rows["target"])
    proposed = propose_label_map(counts)
    if proposed:
        variants = rows.filter(pl.col("target").is_in(list(proposed)))
        pairs = ", ".join(f"{variant!r} → {label!r}" for variant, label in list(proposed.items())[:8])
        message = f"{counted(len(proposed), 'label')} look like other spellings, in {variants.height:,} rows: {pairs}"
        remedy = f"write `data.label_map: {json.dumps(proposed, ensure_ascii=False)}`"
        found.append(Finding("label_variant", "warning", message, variants.height, places_of(variants), remedy))
    known = {label for label in seen if label is not None}
    for unused in sorted(set(spec.label_map) - known):
        message = f"data.label_map names the label {unused!r}, which no row bears{did_you_mean(unused, known)}"
        found.append(Finding("label_map_unused", "warning", message, 0, remedy="correct or remove the entry"))
    return found


def class_findings(splits: Mapping[SplitName, pl.DataFrame]) -> list[Finding]:
    """Imbalance, and classes too small to be learned or tested."""
    train = Counter(splits["train"]["target"])
    found = []
    if train and max(train.values()) > IMBALANCE_WARNING * min(train.values()):
        (most, many), (least, few) = train.most_common()[0], min(train.items(), key=lambda item: (item[1], item[0]))
        message = f"training rows are imbalanced {many / few:.0f} to 1: {many:,} of {most!r}, {few:,} of {least!r}"
        message += f"; always answering {most!r} would be right on {many / train.total():.0%} of them"
        remedy = "judge by macro F1 and per-class recall, not by accuracy; collect more rows of the small classes"
        found.append(Finding("imbalance", "warning", message, few, remedy=remedy))
    small = {label: count for label, count in train.items() if count < TINY_CLASS_ROWS}
    if small:
        listed = ", ".join(f"{label!r} ({count})" for label, count in sorted(small.items())[:8])
        more = f" and {len(small) - 8} more" if len(small) > 8 else ""
        message = f"{counted(len(small), 'class', 'classes')} with fewer than {TINY_CLASS_ROWS} training rows: "
        remedy = "collect more rows, or join these classes to others with `data.label_map`"
        found.append(Finding("tiny_class", "warning", message + listed + more, len(small), remedy=remedy))
    for name in SPLITS[1:]:
        absent = sorted(set(train) - set(splits[name]["target"]))
        if absent:
            listed = ", ".join(map(repr, absent[:8]))
            count = counted(len(absent), "class", "classes")
            message = f"{count} without a {name} row, so nothing can be said about them there: {listed}"
            remedy = "collect more rows of these classes"
            found.append(Finding("untested_class", "warning", message, len(absent), remedy=remedy))
    return found


def short_text_findings(rows: pl.DataFrame) -> list[Finding]:
    """Texts of one or two words."""
    short = rows.filter(pl.col("input").str.split(" ").list.len() <= SHORT_WORDS)
    if not short.height:
        return []
    share = short.height / rows.height
    message = f"{counted(short.height, 'text')} ({share:.1%}) of at most {SHORT_WORDS} words"
    return [Finding("short_text", "note", message, short.height, places_of(short))]


def overlength_finding(rows: pl.DataFrame, lengths: Sequence[int], *, max_tokens: int, action: str) -> list[Finding]:
    """Rows longer than the context, with the exact number of tokens beyond it."""
    long = rows.filter(pl.Series(lengths, dtype=pl.Int64) > max_tokens)
    if not long.height:
        return []
    lost = sum(length - max_tokens for length in lengths if length > max_tokens)
    message = (
        f"{counted(long.height, 'row')} longer than {max_tokens:,} tokens {action}; {lost:,} of {sum(lengths):,} "
        "tokens lie beyond the context"
    )
    remedy = "raise model.max_tokens, or choose a base with a longer context"
    return [Finding("overlength", "warning", message, long.height, places_of(long), remedy)]
