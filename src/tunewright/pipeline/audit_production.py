"""A sample of production, read as the data is: the same columns where it has them, else those that its names give."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import Problem, RecipeError
from tunewright.data.columns import Columns
from tunewright.data.faults import at
from tunewright.data.languages import LOOKED_AT, counted_languages, languages_of
from tunewright.data.missing import is_missing_label
from tunewright.data.normalise import clean_asked
from tunewright.data.read import read_table
from tunewright.data.rows import rows_of
from tunewright.data.shift import Sample
from tunewright.data.sniff import sniff
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.data.sniff import Sniffed
    from tunewright.recipe.recipe import TaskName


def sample_of(rows: pl.DataFrame, source: str, *, labelled: bool, languages: Mapping[str, int] | None = None) -> Sample:
    """The rows (ROW_COLUMNS) with a text, as a sample to compare; blanks are told apart from nothing."""
    held = rows.filter(pl.col("input").str.strip_chars() != "")
    labels = [_label(value) for value in held["target"]] if labelled else []
    return Sample(
        source=source,
        texts=[" ".join(text.split()) for text in held["input"]],
        places=[at(name, line) for name, line in held.select("source", "line").iter_rows()],
        labels=labels if labels and all(labels) else None,  # type: ignore[arg-type]  # none is None here
        languages=languages,
    )


def production_sample(against: Path, spec: DataSpec, task: TaskName) -> Sample:
    """The texts of a production file, cleaned as the data is, and its labels where every row has one.

    Raises DataError where it cannot be read, RecipeError where no column of it holds the text.
    """
    found = sniff(against)
    encoding = found.encoding if found.write_encoding else "auto"
    own = DataSpec(train=str(against), encoding=encoding)
    table = read_table(own.train, folder=Path(), spec=own)
    columns, read_as = _columns(found, spec, task)
    rows = rows_of(table, columns, role="test", task=read_as).rows
    mapped = [spec.label_map.get(t, t) if t is not None else None for t in rows["target"]]
    rows = rows.with_columns(pl.Series("target", mapped, dtype=pl.String)).filter(pl.col("input").is_not_null())
    cleaned = [clean_asked(text, spec.clean, task) for text in rows["input"]]
    rows = rows.with_columns(pl.Series("input", cleaned, dtype=pl.String))
    looked = rows["input"].gather_every(max(1, -(-rows.height // LOOKED_AT))).to_list()
    languages = counted_languages(languages_of(looked)) if looked else None
    return sample_of(rows, found.source, labelled=columns.target is not None, languages=languages)


def _columns(found: Sniffed, spec: DataSpec, task: TaskName) -> tuple[Columns, TaskName]:
    """The columns of text and label, and the task whose reading takes rows with these alone."""
    present = {column.name for column in found.columns}
    if spec.messages is not None:
        if spec.messages in present:
            return Columns(messages=spec.messages), "generation"
        if found.messages is not None:
            return Columns(messages=found.messages.column), "generation"
    wanted = [spec.input] if isinstance(spec.input, str) else list(spec.input or ())
    texts = [column.name for column in found.columns if column.kind == "text"]
    if wanted and present.issuperset(wanted):
        asked = tuple(wanted)
    elif found.input is not None:
        asked = found.input.columns
    elif len(texts) == 1:
        asked = (texts[0],)
    else:
        given = (
            f"no column of it is called {' or '.join(map(repr, wanted)) or 'as in the data'}, or is plainly the text"
        )
        expected = f"one of its columns to be: {', '.join(wanted)}; found: {', '.join(sorted(present))}"
        raise RecipeError(Problem(found.source, given, expected, "name the column as in the data"))
    target = None
    if task == "classification":
        proposed = found.target.column if found.target is not None and found.task == "classification" else None
        target = spec.target if spec.target in present else proposed
    return Columns(input=asked, target=target), "classification" if target is not None else "language_modelling"


def _label(value: str | None) -> str | None:
    return None if value is None or is_missing_label(value) else value
