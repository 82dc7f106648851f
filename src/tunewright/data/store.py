"""Prepared rows on disk, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from tunewright.core.codec import from_data, to_data
from tunewright.core.errors import Problem, RunError
from tunewright.core.files import disk_faults, read_json, write_json
from tunewright.core.rows import DROPPED_COLUMNS, SPLIT_COLUMNS, SPLITS, Profile
from tunewright.data.contamination import CONTAMINATION_COLUMNS
from tunewright.data.earlier import LINEAGE_COLUMNS

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.core.rows import SplitName
    from tunewright.data.prepare import Prepared

DROPPED = "dropped.parquet"
PROFILE = "profile.json"
LINEAGE = "lineage.parquet"
CONTAMINATION = "contamination.parquet"
CANDIDATES = "augmented.parquet"
GENERAL = "general.parquet"


def write_prepared(prepared: Prepared, folder: Path) -> None:
    """The folder, which must exist, holds the three splits, the dropped and changed rows, the profile,
    the lineage of a base that is an earlier run, the texts that stand in training rows, those that were made of
    training rows, and the general text that is trained on beside them, where there are any.
    """
    with disk_faults(folder):
        for name in SPLITS:
            prepared.splits[name].write_parquet(folder / f"{name}.parquet")
        prepared.dropped.write_parquet(folder / DROPPED)
        if prepared.lineage is not None:
            prepared.lineage.write_parquet(folder / LINEAGE)
        if prepared.contamination is not None and prepared.contamination.height:
            prepared.contamination.write_parquet(folder / CONTAMINATION)
        if prepared.candidates is not None:
            prepared.candidates.write_parquet(folder / CANDIDATES)
        if prepared.general is not None:
            prepared.general.write_parquet(folder / GENERAL)
    write_json(folder / PROFILE, to_data(prepared.profile))


def read_split(folder: Path, name: SplitName) -> pl.DataFrame:
    """The rows of one split, in SPLIT_COLUMNS. Raises RunError for a file that is not one."""
    return _read(folder / f"{name}.parquet", SPLIT_COLUMNS)


def read_general(folder: Path) -> pl.DataFrame | None:
    """The general text that is trained on beside the rows, in SPLIT_COLUMNS; None where there is none."""
    return _read(folder / GENERAL, SPLIT_COLUMNS) if (folder / GENERAL).exists() else None


def contaminated_rows(folder: Path) -> frozenset[str]:
    """Row ids of the test rows that stand in training rows. Raises RunError for a file that does not tell."""
    path = folder / CONTAMINATION
    if not path.exists():
        return frozenset()
    return frozenset(_read(path, CONTAMINATION_COLUMNS)["row_id"].drop_nulls())


def read_dropped(folder: Path) -> pl.DataFrame:
    """The dropped and changed rows, in DROPPED_COLUMNS. Raises RunError for a file that is not theirs."""
    return _read(folder / DROPPED, DROPPED_COLUMNS)


def read_profile(folder: Path) -> Profile:
    """The profile. Raises RunError for a file that is not one."""
    return from_data(Profile, read_json(folder / PROFILE), place=str(folder / PROFILE))


def read_lineage(folder: Path) -> pl.DataFrame | None:
    """The rows of earlier runs that this one goes back to, in LINEAGE_COLUMNS; None where it goes back to none."""
    return _read(folder / LINEAGE, LINEAGE_COLUMNS) if (folder / LINEAGE).exists() else None


def _read(path: Path, columns: tuple[str, ...]) -> pl.DataFrame:
    remedy = "delete the folder and run the stage again"
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as fault:
        reason = str(fault).partition("\n")[0]
        raise RunError(Problem(str(path), f"cannot be read: {reason}", "rows as written by prepare", remedy)) from fault
    if tuple(frame.columns) != columns:
        given = f"has the columns {', '.join(frame.columns)}"
        raise RunError(Problem(str(path), given, ", ".join(columns), remedy))
    return frame
