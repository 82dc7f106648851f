"""General text that is trained on beside the rows: drawn by the seed, and none of it what the model is tested on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import DataError, Problem
from tunewright.core.rows import SPLIT_COLUMNS, Finding
from tunewright.core.seeds import generator
from tunewright.data.contamination import contaminated
from tunewright.data.faults import counted
from tunewright.data.formats import RAW
from tunewright.data.frame import LINE
from tunewright.data.keys import content_keys, row_id
from tunewright.data.privacy import holds_private
from tunewright.data.read import read_table
from tunewright.data.text_blocks import COLUMN, read_text
from tunewright.data.trained_answers import trained_answers
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.core.rows import SplitName
    from tunewright.data.read import RawTable
    from tunewright.data.work import Request
    from tunewright.recipe.general_text import GeneralText

MEASURED = "evaluation.general_text"
"""Where the passages stand that forgetting is measured on."""


@dataclass(frozen=True, slots=True)
class General:
    """General text to train on."""

    rows: pl.DataFrame
    """In SPLIT_COLUMNS; the text is `input`, the split `train`."""
    source: str
    sha256: str
    """Of the source's bytes."""
    findings: tuple[Finding, ...]


def general_text(splits: Mapping[SplitName, pl.DataFrame], request: Request) -> General | None:
    """The passages that the recipe asks for beside its training rows; None where it asks for none.

    Raises DataError for a source that cannot be read or has no column of texts, and where no passage may be used.
    """
    spec = request.spec.general_text
    if spec is None:
        return None
    table = read_table(
        spec.texts, folder=request.folder, spec=DataSpec(train=spec.texts), local_only=request.local_only
    )
    every = _passages(table, spec)
    distinct = every.unique("content_key", keep="first", maintain_order=True)
    apart = distinct.filter(~pl.col("content_key").is_in(_keys(splits, request).implode()))
    known = holds_private(apart, request.spec.privacy, "language_modelling")
    open_ = apart.filter(~known)
    trained = _trained_characters(splits["train"])
    drawn, held = _drawn(open_, spec.share * trained, _judged(splits, request), request.seed)
    left = {
        "repeat others": every.height - distinct.height,
        "are texts of the rows or of a test": distinct.height - apart.height,
        "hold what data.privacy masks or drops": int(known.sum()),
        f"hold what is tested on (validation, test, {MEASURED})": held,
    }
    if not drawn.height:
        why = "; ".join(f"{count:,} {reason}" for reason, count in left.items() if count)
        given = f"{spec.texts}: none of its {counted(every.height, 'passage')} may be trained on ({why})"
        raise DataError(Problem("data.general_text.texts", given, "texts of other places", "name another file"))
    return General(drawn, table.source, table.sha256, (_told(drawn, trained, left, spec),))


def _passages(table: RawTable, spec: GeneralText) -> pl.DataFrame:
    """Every passage of the source, in SPLIT_COLUMNS and its order; texts of blanks have none."""
    name = _column(table, spec)
    texts = table.frame.select(LINE, pl.col(name).alias(COLUMN)).filter(pl.col(COLUMN).str.strip_chars() != "")
    if table.format not in RAW:
        cut = [read_text(text)[COLUMN].to_list() for text in texts[COLUMN]]
        texts = texts.with_columns(pl.Series(COLUMN, cut, dtype=pl.List(pl.String))).explode(COLUMN)
    said: dict[str, pl.Expr | pl.Series] = {
        "row_id": pl.Series([row_id(table.source, place) for place in range(1, texts.height + 1)], dtype=pl.String),
        "content_key": pl.Series(content_keys(texts[COLUMN]), dtype=pl.String),
        "source": pl.lit(table.source),
        "line": pl.col(LINE).cast(pl.Int64),
        "split": pl.lit("train"),
        "input": pl.col(COLUMN),
        "meta": pl.lit("{}"),
    }
    nothing = pl.lit(None, pl.String)
    return texts.select(said.get(column, nothing).alias(column) for column in SPLIT_COLUMNS)


def _column(table: RawTable, spec: GeneralText) -> str:
    texts = [name for name, kind in table.frame.schema.items() if kind == pl.String]
    if spec.column is not None and spec.column not in texts:
        given = f"{spec.column!r}, and {table.source} has no such column of texts"
        raise DataError(Problem("data.general_text.column", given, f"one of: {_named(texts)}", "correct the name"))
    chosen = spec.column or (COLUMN if COLUMN in texts else texts[0] if len(texts) == 1 else None)
    if chosen is None:
        given = f"{table.source} has the columns of texts {_named(texts)}"
        raise DataError(
            Problem("data.general_text.column", given, "a column named text, or only one", "name the column")
        )
    return chosen


def _named(columns: list[str]) -> str:
    return ", ".join(map(repr, columns)) or "none"


def _keys(splits: Mapping[SplitName, pl.DataFrame], request: Request) -> pl.Series:
    """The content keys of every row, of the passages that forgetting is measured on, and of earlier tests."""
    measured = pl.Series("content_key", content_keys(pl.Series(request.measured, dtype=pl.String)), dtype=pl.String)
    earlier = [] if request.earlier is None else [request.earlier.tested["content_key"]]
    return pl.concat([*(rows["content_key"] for rows in splits.values()), measured, *earlier]).unique()


def _judged(splits: Mapping[SplitName, pl.DataFrame], request: Request) -> pl.DataFrame:
    """The texts that the model is judged by: of validation and test, with their answers, and of the forgetting."""
    said = pl.concat_str("input", "target", separator=" ", ignore_nulls=True).alias("input")
    rows = pl.concat([splits["validation"], splits["test"]]).select("source", "line", "row_id", said)
    passages = pl.DataFrame({"input": request.measured}, schema={"input": pl.String})
    named = passages.select(
        pl.lit(MEASURED).alias("source"),
        pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("line"),
        pl.lit(None, pl.String).alias("row_id"),
        "input",
    )
    return pl.concat([rows, named])


def _trained_characters(train: pl.DataFrame) -> int:
    """Characters of the answers that the rows train; of raw text, which has none, all of them."""
    answers = trained_answers(train)["answer"]
    return _characters(answers if answers.len() else train["input"])


def _characters(texts: pl.Series) -> int:
    return int(texts.str.len_chars().sum())


def _drawn(passages: pl.DataFrame, wanted: float, judged: pl.DataFrame, seed: int) -> tuple[pl.DataFrame, int]:
    """Passages in the order of the draw until they have the `wanted` characters, all of them where they have fewer;
    and how many were put back because they hold a judged text.
    """
    order = passages[generator(seed, "general_text").permutation(passages.height)]
    size, number = pl.col("input").str.len_chars(), pl.int_range(1, pl.len() + 1, dtype=pl.Int64)
    held = 0
    while True:
        drawn = order.filter(size.cum_sum() - size < wanted)
        found = contaminated(judged, drawn.with_columns(pl.lit("passage").alias("source"), number.alias("line"))).found
        places = found["holders"].explode().drop_nulls().unique().str.strip_prefix("passage:").cast(pl.Int64)
        if not places.len():
            return drawn, held
        order = order.filter(~number.is_in(places.implode()))
        held += places.len()


def _told(drawn: pl.DataFrame, trained: int, left: Mapping[str, int], spec: GeneralText) -> Finding:
    size = _characters(drawn["input"])
    why = "; ".join(f"{count:,} {reason}" for reason, count in left.items() if count)
    message = (
        f"{counted(drawn.height, 'passage')} of {spec.texts} ({size:,} characters) are trained on beside the "
        f"{trained:,} characters that the training rows train"
    )
    stayed = f"; of the others, {why}" if why else ""
    if size >= spec.share * trained:
        return Finding("general_text", "note", f"{message}{stayed}", drawn.height)
    message += f": that is all of it, {size / trained:.2g} of them, and data.general_text.share is {spec.share:g}"
    remedy = "name a file with more text, or lower data.general_text.share"
    return Finding("general_text", "warning", f"{message}{stayed}", drawn.height, (), remedy)
