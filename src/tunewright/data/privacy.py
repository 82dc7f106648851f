"""Personal data and secrets of rows: counted, masked or removed with their rows, as the recipe says."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping  # noqa: TC003  # a type of the frozen record below
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.conversation import from_json
from tunewright.core.errors import DataError, Problem
from tunewright.core.private import counted_kinds
from tunewright.core.rows import Finding  # noqa: TC001  # a type of the frozen record below
from tunewright.data.faults import counted
from tunewright.data.keys import content_key
from tunewright.data.links import LINKS, link_keys
from tunewright.data.private.find import recognisers
from tunewright.data.private.findings import private_findings
from tunewright.data.private.mask import numbered
from tunewright.data.private.names import name_finders
from tunewright.data.private.scan import FoundInColumn, Scan
from tunewright.data.sift import record, sift
from tunewright.data.turns import words_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tunewright.recipe.privacy import PrivacyPolicy, PrivacySpec

TEXTS: Mapping[str, tuple[str, ...]] = {
    "classification": ("input",),
    "regression": ("input",),
    "multilabel": ("input",),
    "token_classification": ("input",),
    "generation": ("messages",),
    "text_to_text": ("input", "target"),
    "language_modelling": ("input",),
}
"""Task to the columns that a model reads or learns; a conversation's text and answer follow from its turns."""
MASKED_COLUMNS = ("input", "messages", "target", "meta")
MASKED = "masked"


@dataclass(frozen=True, slots=True)
class Protected:
    """Rows after the recipe's word on private data."""

    rows: pl.DataFrame
    recorded: pl.DataFrame
    """In DROPPED_COLUMNS: rows that left by the rules `personal_data` and `secret`, and rows changed by the rule
    `masked`, whose `before` says how many values of each kind were masked and never holds one of them."""
    findings: tuple[Finding, ...]
    counts: Mapping[str, int]
    """Kind to the values found in the texts."""


def protect(rows: pl.DataFrame, spec: PrivacySpec, task: str) -> Protected:
    """The rows without what is to be dropped and with placeholders for what is to be masked.

    Other columns (`meta`) of a row are masked like its texts, and so is what would be dropped: no row leaves for what
    stands beside its text. Rows of a test file of the user's own stay as they are; their keys are those of their masked
    texts, so that they meet the training rows that say the same.
    """
    scan = _scan(spec, "flag", "mask", "drop")
    found = [scan.column(rows, name) for name in TEXTS[task]] if scan.searching else []
    held = _held(found)
    beside = _beside(rows, spec)
    masked, changes = _masked(rows, spec, task, [*found, beside])
    parts = _without_dropped(masked, held, spec)
    changed = changes.filter(pl.col("row_id").is_in(parts[0]["row_id"].implode()))
    counts = dict(sorted(sum(held.values(), Counter[str]()).items()))
    told = private_findings(rows, held, spec, beside, maskable=task != "token_classification")
    return Protected(parts[0], pl.concat([*parts[1:], changed]), told, counts)


def _beside(rows: pl.DataFrame, spec: PrivacySpec) -> FoundInColumn:
    """What stands beside the texts; names are looked for only where something becomes of them, for that is slow."""
    scan = replace(_scan(spec, "flag", "mask", "drop"), finders=_scan(spec, "mask", "drop").finders)
    return scan.column(rows, "meta") if scan.searching else FoundInColumn("meta")


def masked_rows(rows: pl.DataFrame, spec: PrivacySpec, task: str) -> pl.DataFrame:
    """All rows with their texts masked as the policy says, and the keys of these; nothing is dropped."""
    scan = _scan(spec, "mask")
    return _masked(rows, spec, task, [scan.column(rows, name) for name in TEXTS[task]])[0] if scan.searching else rows


def _held(found: Iterable[FoundInColumn]) -> dict[int, Counter[str]]:
    """Row to how many values of each kind it holds; rows without any are absent."""
    held: defaultdict[int, Counter[str]] = defaultdict(Counter)
    for column in found:
        for row in column.rows:
            held[row].update(column.kinds(row))
    return dict(sorted(held.items()))


def _scan(spec: PrivacySpec, *policies: PrivacyPolicy) -> Scan:
    """Who looks for the kinds that have one of the policies."""
    kinds = spec.kinds(*policies)
    table = [recogniser for recogniser in recognisers(spec.regions) if recogniser.kind in kinds]
    return Scan(table, name_finders(spec, kinds))


def _masked(
    rows: pl.DataFrame, spec: PrivacySpec, task: str, found: list[FoundInColumn]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """All rows with placeholders, and the record of those that differ."""
    kinds = spec.kinds("mask", "drop")
    if not any(column.rows for column in found) or not kinds:
        return rows, record(rows.clear(), rule=MASKED, action="changed")
    placeholders = numbered(((rows[column.name], column) for column in found), kinds, tuple(spec.regions))
    of_texts = replace(placeholders, kinds=spec.kinds("mask"))
    after = rows.with_columns(
        (placeholders if column.name == "meta" else of_texts).masked(rows[column.name], column) for column in found
    )
    after = _keyed(_with_words(after, rows) if task == "generation" else after, rows)
    own = pl.col("role") == "test"
    restored = after.with_columns(
        pl.when(own).then(rows[name]).otherwise(pl.col(name)).alias(name) for name in MASKED_COLUMNS
    )
    differs = pl.any_horizontal([pl.Series(name, restored[name].ne_missing(rows[name])) for name in MASKED_COLUMNS])
    flags = rows.select(differs.alias("differs"))["differs"]
    counts = [_counts(found, row, kinds) for row in flags.arg_true()]
    changes = record(restored.filter(flags), rule=MASKED, action="changed")
    before = pl.Series("before", [json.dumps({MASKED: count}) for count in counts], dtype=pl.String)
    return restored, changes.with_columns(before)


def _counts(found: list[FoundInColumn], row: int, kinds: tuple[str, ...]) -> dict[str, int]:
    held = sum((column.kinds(row) for column in found), Counter[str]())
    return {kind: held[kind] for kind in kinds if held[kind]}


def _with_words(after: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Conversations whose turns were masked, with the text and answer that follow from them."""
    texts, answers = after["input"].to_list(), after["target"].to_list()
    changed = after["messages"].ne_missing(rows["messages"]).arg_true().to_list()
    for row in changed:
        texts[row], answers[row] = words_of(from_json(after["messages"][row]))
    return after.with_columns(pl.Series("input", texts, dtype=pl.String), pl.Series("target", answers, dtype=pl.String))


def _keyed(after: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the keys of their texts as they are now."""
    keys = after["content_key"].to_list()
    for row in after["input"].ne_missing(rows["input"]).arg_true().to_list():
        keys[row] = content_key(after["input"][row])
    keyed = after.with_columns(pl.Series("content_key", keys, dtype=pl.String))
    if LINKS not in keyed.columns:
        return keyed
    bare = keyed.drop(LINKS)
    return bare.with_columns(link_keys(bare))


def _without_dropped(rows: pl.DataFrame, held: Mapping[int, Counter[str]], spec: PrivacySpec) -> list[pl.DataFrame]:
    """The rows that stay, then those that leave for their personal data and for their secrets."""
    kinds = set(spec.kinds("drop"))
    own = rows["role"] == "test"
    secret = [row for row, counts in held.items() if "secret" in kinds and counts["secret"] and not own[row]]
    personal = [row for row, counts in held.items() if kinds & set(counts) - {"secret"} and not own[row]]
    numbers = pl.int_range(pl.len())
    first = sift(rows.with_columns(numbers.alias("__row__")), keep=~pl.col("__row__").is_in(secret), reason="secret")
    other = sift(first.kept, keep=~pl.col("__row__").is_in(personal), reason="personal_data")
    return [other.kept.drop("__row__"), other.dropped, first.dropped]


def require_protected(mixed: pl.DataFrame, spec: PrivacySpec, task: str) -> None:
    """Raises DataError where rows replayed from an earlier run hold what this recipe masks or drops.

    They come as that run prepared them, and are part of what its model knows: changing them here would only hide that.
    """
    held = _unprotected(mixed, spec, task)
    if held:
        counts = sum(held.values(), Counter[str]())
        given = f"{counted(len(held), 'row')} replayed from the earlier run hold {counted_kinds(counts)}"
        remedy = "tune the earlier run again with this data.privacy, or write `data.replay: 0`"
        raise DataError(Problem("data.privacy", given, "rows without what this recipe masks or drops", remedy))


def holds_private(rows: pl.DataFrame, spec: PrivacySpec, task: str) -> pl.Series:
    """Whether each row holds what the recipe masks or drops."""
    held = _unprotected(rows, spec, task)
    return pl.Series([row in held for row in range(rows.height)], dtype=pl.Boolean)


def _unprotected(rows: pl.DataFrame, spec: PrivacySpec, task: str) -> dict[int, Counter[str]]:
    scan = _scan(spec, "mask", "drop")
    return _held(scan.column(rows, name) for name in TEXTS[task]) if scan.searching else {}
