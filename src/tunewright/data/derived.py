"""Rows made of others: each has an id of its own, and says in `meta` which row it came from and how."""

from __future__ import annotations

import json

import polars as pl

from tunewright.core.files import digest

DERIVED = "__derived__"
"""Key in `meta` below which a derived row names `parent`, `method` and `number`."""


def copies(rows: pl.DataFrame, *, method: str) -> pl.DataFrame:
    """The copies of each row, one fewer than its column `times` says: the row itself is the first."""
    added = rows.with_columns(pl.int_ranges(1, pl.col("times")).alias("number")).explode("number")
    named = [
        (derived_id(row, method, number), derived_meta(meta, row, method, number))
        for row, meta, number in added.select("row_id", "meta", "number").iter_rows()
    ]
    return added.with_columns(
        pl.Series("row_id", [one for one, _ in named], dtype=pl.String),
        pl.Series("meta", [meta for _, meta in named], dtype=pl.String),
    )


def derived_id(parent: str, method: str, number: int) -> str:
    """The id of the parent's so-manieth descendant by a method: 32 hexadecimal digits."""
    return digest([parent, method, number])[:32]


def derived_meta(meta: str, parent: str, method: str, number: int) -> str:
    """The parent's `meta` that names it as well."""
    whole = json.loads(meta) | {DERIVED: {"method": method, "number": number, "parent": parent}}
    return json.dumps(whole, ensure_ascii=False, sort_keys=True)


def with_parents(rows: pl.DataFrame, clusters: pl.Series) -> list[str]:
    """The cluster of each row: of one that was made of another, its parent's, where that is among the rows."""
    own: dict[str, str] = dict(zip(rows["row_id"].to_list(), clusters.to_list(), strict=True))
    return [own.get(_parent(meta) or row, own[row]) for row, meta in rows.select("row_id", "meta").iter_rows()]


def _parent(meta: str) -> str | None:
    made = json.loads(meta).get(DERIVED) if f'"{DERIVED}"' in meta else None
    return None if made is None else str(made["parent"])


def without_derived(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows that were read, without those that were made of them."""
    made = [f'"{DERIVED}"' in meta and DERIVED in json.loads(meta) for meta in rows["meta"]]
    return rows.filter(~pl.Series(made, dtype=pl.Boolean))
