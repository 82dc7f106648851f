"""All sources of a recipe, read and checked in one pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.errors import DataError, Problem, RecipeError
from tunewright.core.rows import Finding
from tunewright.data.columns import Columns, require_columns, resolve_columns
from tunewright.data.doubts import table_findings, unused_files_finding
from tunewright.data.faults import Fault, data_error
from tunewright.data.formats import RAW
from tunewright.data.read import RawTable, read_table
from tunewright.data.rows import rows_of
from tunewright.data.turn_keys import unread_keys

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tunewright.core.rows import SplitName
    from tunewright.recipe.data import DataSpec


@dataclass(frozen=True, slots=True)
class Sources:
    """The tables of a recipe by the split they were given for, and the columns all of them have."""

    tables: Mapping[SplitName, RawTable]
    columns: Columns
    task: str
    findings: tuple[Finding, ...] = ()
    delimiter: str | None = None
    """What divides the labels of one text."""


def read_sources(spec: DataSpec, *, folder: Path, task: str, local_only: bool = False) -> Sources:
    """Every source that the recipe names, and the splits that the training source itself holds.

    `local_only` keeps off the network. Raises DataError with the faults of all sources together, RecipeError for
    columns that are absent or doubtful.
    """
    named: dict[SplitName, str] = {"train": spec.train}
    named |= {role: source for role, source in _own(spec).items() if source is not None}
    repeated = [role for role, source in named.items() if role != "train" and source in _others(named, role)]
    tables: dict[SplitName, RawTable] = {}
    problems: list[Problem] = []
    for role, source in named.items():
        try:
            tables[role] = read_table(source, folder=folder, spec=spec, part=role, local_only=local_only)
        except DataError as fault:
            problems += fault.problems
    if problems:
        raise DataError(*problems)
    for role in repeated:
        if tables[role].source in {table.source for other, table in tables.items() if other != role}:
            given = f"names {named[role]!r}, which another split is read from"
            raise RecipeError(Problem(f"data.{role}", given, "a file of its own", "remove the key: rows are carved"))
    findings = []
    for role in tables["train"].parts:
        if role not in tables:
            tables[role] = read_table(spec.train, folder=folder, spec=spec, part=role, local_only=local_only)
            message = f"{spec.train} has a {role} split of its own, which is used ({tables[role].frame.height:,} rows)"
            findings.append(Finding("own_split", "note", message, tables[role].frame.height))
    columns = resolve_columns(tables["train"], spec, task)
    for role in ("validation", "test"):
        if role in tables:
            require_columns(tables[role], columns, place=f"data.{role}")
    unused = {source: tables[role].unused for role, source in named.items() if tables[role].unused}
    findings += [unused_files_finding(source, names) for source, names in unused.items()]
    for table in tables.values():
        findings += table_findings(table, encoding=spec.encoding)
        findings += unread_keys(table, columns)
    return Sources(tables, columns, task, tuple(findings), spec.label_delimiter)


def in_one_piece(sources: Sources) -> bool:
    """Whether the training rows are blocks of one document, whose order means something."""
    return sources.tables["train"].format in RAW


def checked_rows(sources: Sources) -> pl.DataFrame:
    """The rows of all sources in WORK_COLUMNS. Raises DataError listing every record with a value that does not fit."""
    checked = [
        rows_of(table, sources.columns, role=role, task=sources.task, delimiter=sources.delimiter)
        for role, table in sources.tables.items()
    ]
    faults = [fault for part in checked for fault in part.faults]
    if sources.columns.id is not None:
        faults += [fault for part in checked for fault in _repeated_ids(part.rows, sources.columns.id)]
    if faults:
        raise data_error(faults, what="hold values that do not fit their columns", remedy="correct these records")
    return pl.concat([part.rows for part in checked])


def _own(spec: DataSpec) -> dict[SplitName, str | None]:
    return {"validation": spec.validation, "test": spec.test}


def _others(named: Mapping[SplitName, str], role: SplitName) -> list[str]:
    return [source for other, source in named.items() if other != role]


def _repeated_ids(rows: pl.DataFrame, column: str) -> list[Fault]:
    first: dict[str, int] = {}
    faults = []
    for source, line, name in rows.select("source", "line", "id").iter_rows():
        if name is None:
            faults.append(Fault(source, line, f"has no {column!r}, and data.id says that each record has its own"))
        elif name in first:
            faults.append(Fault(source, line, f"{column!r} {name!r} also stands in line {first[name]:,}"))
        else:
            first[name] = line
    return faults
