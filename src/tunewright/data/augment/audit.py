"""What the report says of rows that were made, and the proof that none of them leaks."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.rows import Finding
from tunewright.data.derived import DERIVED
from tunewright.data.faults import counted, places_of
from tunewright.data.keys import content_keys

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tunewright.core.rows import Augmentation, SplitName
    from tunewright.recipe.augment import AugmentSpec

REASONS: Mapping[str, str] = {
    "nothing_made": "could not be made",
    "unchanged": "said what their parents say",
    "lost_word": "had lost a placeholder or a word to keep",
    "held_back": "stand in validation or test",
    "near_held_back": "are near-duplicates of rows of validation or test",
    "holds_held_back": "hold most of a text of validation or test",
    "repeats": "repeated a training row or another new one",
    "same_tokens": "are the same tokens to the base as their parents",
    "overlength": "are longer than the context",
    "private": "held what data.privacy masks or drops",
    "other_label": "were given another label by the classifier of the originals",
    "too_far": "are too far from their parents",
    "too_near": "are too near to their parents",
    "enough": "were more than their labels need",
}
"""Reason to what is said of the texts that were refused for it."""
FILTER = ("other_label", "too_far", "too_near")
"""Reasons by which a label is doubted."""
MANY_DOUBTED = 0.25
SHOWN = 8


def made_findings(made: Sequence[Augmentation], spec: AugmentSpec, labels: Mapping[str, int]) -> Iterator[Finding]:
    """What each method made, methods that made nothing or much that is doubted, and labels that stayed small.

    `labels` are the training rows of each label afterwards.
    """
    for one in made:
        yield _told(one)
        doubted = sum(one.refused.get(reason, 0) for reason in FILTER)
        judged = doubted + one.rows + one.refused.get("enough", 0)
        if one.made and not one.rows and not one.refused.get("enough"):
            message = f"{one.method} added no row"
            remedy = "remove it from data.augment.methods, or see why in data/augmented.parquet"
            yield Finding("augment_nothing", "warning", message, one.made, remedy=remedy)
        elif judged and doubted / judged > MANY_DOUBTED:
            message = f"{doubted / judged:.0%} of the texts of {one.method} were doubted: it often changes the meaning"
            yield Finding("augment_doubted", "warning", message, doubted, remedy="lower its rate, or leave it out")
    if spec.per_class is not None:
        short = {label: n for label, n in sorted(labels.items()) if n < spec.per_class}
        if short:
            listed = ", ".join(f"{label!r} ({n:,})" for label, n in list(short.items())[:SHOWN])
            message = (
                f"{counted(len(short), 'label')} stayed below data.augment.per_class ({spec.per_class:,}): {listed}"
            )
            yield Finding("augment_short", "warning", message, len(short), remedy="raise `copies`, or add methods")


def _told(one: Augmentation) -> Finding:
    refused = sorted(one.refused.items(), key=lambda pair: (-pair[1], pair[0]))
    why = "; ".join(f"{count:,} {REASONS[reason]}" for reason, count in refused)
    message = f"{one.method} added {counted(one.rows, 'training row')} of {one.made:,} texts{': ' if why else ''}{why}"
    return Finding("augmented", "note", message, one.rows)


def leak_findings(splits: Mapping[SplitName, pl.DataFrame], methods: Sequence[str]) -> list[Finding]:
    """Whether any new row stands outside training, has no parent there, or says what a held-back row says.

    Looked at are the rows as they are written, and not how they were made: texts are keyed anew, parents are looked up.
    A leak is an error, which stops the run.
    """
    rows = pl.concat([_marked(splits[name]) for name in splits])
    new = rows.filter(pl.col("method").is_in(list(methods)))
    train, others = rows.filter(pl.col("split") == "train"), rows.filter(pl.col("split") != "train")
    parents = train.select(pl.col("row_id").alias("parent"), "target", "group")
    known = new.join(parents, on=["parent", "target", "group"], how="semi", nulls_equal=True)
    texts = pl.Series(content_keys(new["input"]), dtype=pl.String)
    leaking = (
        (new["split"] != "train")
        | ~new["row_id"].is_in(known["row_id"].implode())
        | texts.is_in(pl.Series(content_keys(others["input"]), dtype=pl.String).implode())
    )
    found = new.filter(leaking)
    if found.height:
        message = f"{counted(found.height, 'new row')} have no parent in training, or stand in validation or test"
        return [Finding("augment_leak", "error", message, found.height, places_of(found), "this is a fault: report it")]
    message = (
        f"of {counted(new.height, 'new row')} every parent is a training row of the same label and group, and no text "
        f"is one of the {counted(others.height, 'held-back row')}"
    )
    return [Finding("augment_sealed", "note", message, new.height)]


def _marked(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the parent and the method that their `meta` names."""
    marks = [json.loads(meta).get(DERIVED, {}) if f'"{DERIVED}"' in meta else {} for meta in rows["meta"]]
    return rows.with_columns(
        pl.Series(name, [mark.get(name) for mark in marks], dtype=pl.String) for name in ("parent", "method")
    )
