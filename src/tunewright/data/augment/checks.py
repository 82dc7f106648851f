"""What speaks against a new text: each check says of some candidates which are refused."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tunewright.core.encoded import RowContent
from tunewright.data.augment.words import PLACEHOLDER, core
from tunewright.data.contamination import contaminated
from tunewright.data.links import NEAR
from tunewright.data.near_duplicates import find_near
from tunewright.data.overlength import overlength_policy
from tunewright.data.privacy import holds_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from numpy.typing import NDArray

    from tunewright.core.protocols import Classifier, RowEncoder
    from tunewright.data.augment.tools import Tools
    from tunewright.recipe.data import DataSpec, NearDuplicates

    Check = Callable[[pl.DataFrame], pl.Series]

MOST_FITTED = 20_000
"""Originals that the classifier learns from: more would cost minutes and change few of its answers."""
AT_ONCE = 10_000
"""Candidates whose tokens or probabilities are held at once."""
AS_WRITTEN = "casing"
"""The method whose texts differ from their parents' in nothing that a content key holds."""


@dataclass(frozen=True, slots=True)
class Around:
    """What candidates are held against."""

    originals: pl.DataFrame
    """Training rows that were not made of others."""
    held_back: pl.DataFrame
    """Rows of validation and test."""


def checks(spec: DataSpec, around: Around, tools: Tools, encoder: RowEncoder) -> Iterator[tuple[str, Check]]:
    """The reasons for which candidates are refused, each with its check, the cheapest first."""
    wanted = spec.augment
    assert wanted is not None, "asked for where rows are made"
    kept = frozenset(map(str.casefold, wanted.keep))
    yield "nothing_made", lambda some: some["input"].is_null()
    yield "unchanged", _unchanged
    yield "lost_word", lambda some: _lost_word(some, kept)
    yield "held_back", lambda some: some["content_key"].is_in(around.held_back["content_key"].implode())
    yield "repeats", lambda some: _repeats(some, around.originals)
    if encoder.max_tokens:
        yield "same_tokens", lambda some: _in_pieces(some, lambda part: _same_tokens(part, encoder))
        if overlength_policy(spec.overlength, "classification") in {"drop", "error"}:
            yield "overlength", lambda some: _in_pieces(some, lambda part: _overlong(part, encoder))
    yield "holds_held_back", lambda some: _holds(some, around.held_back)
    yield "private", lambda some: holds_private(some, spec.privacy, "classification")
    if spec.near_duplicates is not None:
        near = spec.near_duplicates
        yield "near_held_back", lambda some: _near(some, around.held_back, near)
    if wanted.agreement:
        yield "other_label", lambda some: _other_label(some, around.originals, tools)
    if wanted.similarity is not None:
        band = wanted.similarity
        yield "too_far", lambda some: pl.Series(_cosines(some, tools) < band.least)
        yield "too_near", lambda some: pl.Series(_cosines(some, tools) > band.most)


def _unchanged(some: pl.DataFrame) -> pl.Series:
    same = pl.when(pl.col("method") == AS_WRITTEN).then(pl.col("input") == pl.col("parent_text"))
    return _flags(some, same.otherwise(pl.col("content_key") == pl.col("parent_key")))


def _repeats(some: pl.DataFrame, originals: pl.DataFrame) -> pl.Series:
    """Whether an original says the same; of casing, whether one is written the same."""
    keys, texts = originals["content_key"].implode(), originals["input"].implode()
    same = pl.when(pl.col("method") == AS_WRITTEN).then(pl.col("input").is_in(texts))
    return _flags(some, same.otherwise(pl.col("content_key").is_in(keys)))


def repeats_another(some: pl.DataFrame) -> pl.Series:
    """Whether a candidate before it, in the order given, says the same."""
    said = pl.when(pl.col("method") == AS_WRITTEN).then(pl.col("input")).otherwise(pl.col("content_key"))
    return _flags(some, ~said.is_first_distinct())


def _lost_word(some: pl.DataFrame, kept: frozenset[str]) -> pl.Series:
    """Whether a placeholder or a word to keep stands in the parent and not in the new text."""
    return pl.Series(
        [
            bool(_bound(before, kept) - _bound(after, kept))
            for before, after in some.select("parent_text", "input").iter_rows()
        ],
        dtype=pl.Boolean,
    )


def _bound(text: str, kept: frozenset[str]) -> set[str]:
    found = set(PLACEHOLDER.findall(text)) if "<" in text or "[" in text else set()
    return found | {folded for word in text.split() if (folded := core(word).casefold()) in kept} if kept else found


def _in_pieces(some: pl.DataFrame, check: Check) -> pl.Series:
    """The check of all candidates, of which few are encoded at once."""
    return pl.concat([check(some[start : start + AT_ONCE]) for start in range(0, some.height, AT_ONCE)])


def _ids(texts: pl.Series, encoder: RowEncoder) -> list[list[int]]:
    """What a model reads of each text, cut to its context."""
    rows = encoder.encode([RowContent(text) for text in texts])
    return [encoder.cut(row, encoder.max_tokens).input_ids for row in rows]


def _same_tokens(some: pl.DataFrame, encoder: RowEncoder) -> pl.Series:
    pairs = zip(_ids(some["input"], encoder), _ids(some["parent_text"], encoder), strict=True)
    return pl.Series([ids == others for ids, others in pairs], dtype=pl.Boolean)


def _overlong(some: pl.DataFrame, encoder: RowEncoder) -> pl.Series:
    rows = encoder.encode([RowContent(text) for text in some["input"]])
    return pl.Series([encoder.length(row) > encoder.max_tokens for row in rows], dtype=pl.Boolean)


def _near(some: pl.DataFrame, held_back: pl.DataFrame, spec: NearDuplicates) -> pl.Series:
    """Whether a candidate is of one cluster of near-duplicates with a held-back row."""
    clusters = find_near([some, held_back], spec).clusters
    if not clusters.height:
        return pl.Series([False] * some.height, dtype=pl.Boolean)
    behind = held_back["content_key"].implode()
    reached = clusters.filter(pl.col("content_key").is_in(behind))[NEAR].implode()
    touched = clusters.filter(pl.col(NEAR).is_in(reached))["content_key"].implode()
    return some["content_key"].is_in(touched)


def _holds(some: pl.DataFrame, held_back: pl.DataFrame) -> pl.Series:
    """Whether a candidate holds most of a held-back text, as `data.contamination` measures it of training rows.

    Asked of one variant of each row at a time: of many variants, all sequences would count as set phrases.
    """
    judged = held_back.select("source", "line", "row_id", "input")
    held: list[str] = []
    for variants in some.partition_by("method", "number"):
        places = contaminated(judged, variants).found["holders"].explode().implode()
        where = pl.concat_str("source", "line", separator=":")
        held.extend(variants.filter(where.is_in(places))["row_id"])
    return some["row_id"].is_in(held)


def _other_label(some: pl.DataFrame, originals: pl.DataFrame, tools: Tools) -> pl.Series:
    """Whether the classifier gives the text another label than its own; not of a parent that it gets wrong itself."""
    fitted = originals.sort("draw").head(MOST_FITTED)
    classifier = tools.classifier(fitted["input"].to_list(), fitted["target"].to_list())
    parents = some.select("parent", "parent_text", "target").unique("parent", maintain_order=True)
    right = pl.Series(_labels(classifier, parents["parent_text"].to_list())) == parents["target"]
    known = parents.filter(right)["parent"].implode()
    found = pl.Series(_labels(classifier, some["input"].to_list()), dtype=pl.String)
    return (found != some["target"]) & some["parent"].is_in(known)


def _labels(classifier: Classifier, texts: Sequence[str]) -> list[str]:
    names = list(classifier.labels)
    found: list[str] = []
    for start in range(0, len(texts), AT_ONCE):
        found += [names[n] for n in classifier.probabilities(texts[start : start + AT_ONCE]).argmax(axis=1)]
    return found


def _cosines(some: pl.DataFrame, tools: Tools) -> NDArray[np.floating[Any]]:
    embedder = tools.embedder()
    pairs = [embedder.embed(some[name].to_list()) for name in ("input", "parent_text")]
    one_ND, other_ND = (v / np.maximum(np.linalg.norm(v, axis=1, keepdims=True), 1e-12) for v in pairs)
    cosines_N: NDArray[np.floating[Any]] = (one_ND * other_ND).sum(axis=1)
    return cosines_N


def _flags(some: pl.DataFrame, flag: pl.Expr) -> pl.Series:
    return some.select(flag.alias("flag"))["flag"]
