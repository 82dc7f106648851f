"""Targets that are spans: counted and mapped by label, compared by what they mark, and checked."""

from __future__ import annotations

import json
from functools import cache
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import DataError, Problem
from tunewright.core.rows import Finding
from tunewright.core.spans import from_json, overlapping, to_json, words_of
from tunewright.data.contradictions import contradicting
from tunewright.data.faults import Fault, counted, data_error, places_of
from tunewright.data.keys import content_key
from tunewright.data.label_sets import count_labels, map_findings, require_known, share_findings, written
from tunewright.data.sift import sift

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.core.rows import SplitName
    from tunewright.data.sift import Sifted
    from tunewright.recipe.data import DataSpec

OVERLAPPING = "overlapping_spans"


def label_sets(targets: pl.Series) -> pl.Series:
    """The labels of each row's spans, as `label_sets.written` writes them."""
    spans = targets.str.json_decode(pl.List(pl.List(pl.String)))  # a whole column at once: this is asked many times
    labels = spans.list.eval(pl.element().list.get(2)).list.unique()
    once = cache(written)
    return pl.Series(
        "target", [None if held is None else once(tuple(held)) for held in labels.to_list()], dtype=pl.String
    )


def mapped_spans(targets: pl.Series, label_map: Mapping[str, str]) -> pl.Series:
    """The spans with each label replaced by what it means."""
    spans = [
        to_json(span._replace(label=label_map.get(span.label, span.label)) for span in from_json(target))
        for target in targets
    ]
    return pl.Series(targets.name, spans, dtype=pl.String)


def without_overlaps(rows: pl.DataFrame, task: str) -> Sifted:
    """Rows whose words are in one span at most; the others leave as `overlapping_spans`. Of other tasks, all rows.

    A test file of the user's own is never edited: raises DataError listing its rows of this kind.
    """
    if task != "token_classification":
        return sift(rows, keep=pl.lit(value=True), reason=OVERLAPPING)
    keep = pl.Series(
        [target is None or not overlapping(from_json(target)) for target in rows["target"]], dtype=pl.Boolean
    )
    own = rows.filter(~keep & (rows["role"] == "test"))
    if own.height:
        faults = [
            Fault(source, line, "holds spans that overlap") for source, line in own.select("source", "line").iter_rows()
        ]
        remedy = "keep one of the spans that overlap, or remove these rows: a word has one tag"
        raise data_error(faults, what="of the test hold spans that overlap", remedy=remedy)
    return sift(rows, keep=keep, reason=OVERLAPPING)


def marks(rows: pl.DataFrame) -> pl.Series:
    """What the spans of each row mark, whatever stands between the words: equal texts with equal marks agree."""
    told = [
        None if target is None else json.dumps(sorted([s.label, content_key(text[s.start : s.end])] for s in spans))
        for text, target in rows.select("input", "target").iter_rows()
        for spans in [() if target is None else from_json(target)]
    ]
    return pl.Series("target", told, dtype=pl.String)


def require_spans(splits: Mapping[SplitName, pl.DataFrame]) -> None:
    """Raises DataError where training rows hold no span, or lack a label that validation or test have."""
    if not count_labels(label_sets(splits["train"]["target"])):
        given = f"none of the {counted(splits['train'].height, 'training row')} holds a span"
        raise DataError(Problem("spans", given, "spans to learn", "check data.target, or bring other rows"))
    require_known(_as_sets(splits))


def span_findings(rows: pl.DataFrame, spec: DataSpec, seen: pl.Series) -> list[Finding]:
    """Texts with different spans, variants of labels, rows without a span, and spans that words cannot say; `seen` are
    the targets before any label was mapped.
    """
    found = []
    different = rows.filter(contradicting(rows.with_columns(marks(rows))))
    if different.height:
        texts = different["content_key"].n_unique()
        message = f"{counted(texts, 'text')} {'bears' if texts == 1 else 'bear'} different spans, in "
        message += f"{different.height:,} rows"
        remedy = "correct the spans, or write `data.contradictions: drop`"
        found.append(Finding("contradiction", "warning", message, different.height, places_of(different), remedy))
    found += map_findings(count_labels(label_sets(rows["target"])), spec, count_labels(label_sets(seen)))
    bare = rows.filter(pl.col("target") == to_json(())).height
    if bare:
        message = f"{counted(bare, 'row holds', 'rows hold')} no span: the model learns to mark nothing there"
        found.append(Finding("no_spans", "note", message, bare, remedy="nothing, if none belongs there"))
    return [*found, *_inside_words(rows)]


def span_share_findings(splits: Mapping[SplitName, pl.DataFrame]) -> list[Finding]:
    """Labels too rare to be learned or tested, and how evenly they came out over the splits."""
    return share_findings(_as_sets(splits))


def _as_sets(splits: Mapping[SplitName, pl.DataFrame]) -> dict[SplitName, pl.DataFrame]:
    return {name: frame.with_columns(label_sets(frame["target"])) for name, frame in splits.items()}


def _inside_words(rows: pl.DataFrame) -> list[Finding]:
    """Spans that begin or end inside a word: a model that marks words never gives just these."""
    counts = [_unsayable(text, target) for text, target in rows.select("input", "target").iter_rows()]
    held = rows.filter(pl.Series(counts, dtype=pl.Int64) > 0)
    if not held.height:
        return []
    message = (
        f"{counted(sum(counts), 'span begins or ends', 'spans begin or end')} inside a word, in "
        f"{counted(held.height, 'row')}: whole words are learned and marked, so that these always count as missed"
    )
    remedy = "move their borders to those of words, or part the words by a blank"
    return [Finding("span_inside_word", "warning", message, sum(counts), places_of(held), remedy)]


def _unsayable(text: str, target: str) -> int:
    """Spans that no tags of the text's words say."""
    spans = from_json(target)
    if not spans:
        return 0
    words = words_of(text)
    starts, ends = {start for start, _ in words}, {end for _, end in words}
    return sum(span.start not in starts or span.end not in ends for span in spans)
