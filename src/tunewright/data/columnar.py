"""Parquet files and Arrow streams to tables; a record's line is its number."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow import ipc

from tunewright.core.errors import DataError, Problem
from tunewright.data.frame import numbered

if TYPE_CHECKING:
    from pathlib import Path


def read_parquet(raw: bytes, *, name: str) -> pl.DataFrame:
    """A frame of a Parquet file's bytes with the record numbers. Raises DataError for a broken file."""
    try:
        frame = pl.read_parquet(io.BytesIO(raw))
    except (pl.exceptions.PolarsError, OSError) as fault:
        reason = str(fault).partition("\n")[0]
        raise DataError(Problem(name, f"cannot be read as Parquet: {reason}", "", "export it again")) from fault
    return numbered(frame, name=name)


def read_saved_dataset(folder: Path, *, name: str) -> pl.DataFrame:
    """A frame of a folder that `Dataset.save_to_disk` wrote: the Arrow streams that its state.json names, in order."""
    state = read_state(folder, name)
    files = [folder / entry["filename"] for entry in state.get("_data_files", [])]
    if not files:
        raise DataError(Problem(name, "its state.json names no data files", "a saved data set", "save it again"))
    return numbered(pl.concat([_stream(file, name) for file in files]), name=name)


def read_state(folder: Path, name: str) -> dict[str, Any]:
    """The folder's state.json. Raises DataError when it is not what the library writes."""
    try:
        state = json.loads((folder / "state.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as fault:
        raise DataError(Problem(name, f"its state.json cannot be read: {fault}", "", "save the data again")) from fault
    if not isinstance(state, dict):
        raise DataError(Problem(name, "its state.json holds no object", "a saved data set", "save the data again"))
    if state.get("_indices_data_files"):
        remedy = "call flatten_indices() before save_to_disk()"
        raise DataError(Problem(name, "is a data set with an index mapping", "a flattened data set", remedy))
    return state


def _stream(path: Path, name: str) -> pl.DataFrame:
    try:
        with pa.memory_map(str(path)) as source:
            table = ipc.open_stream(source).read_all()
        frame = pl.from_arrow(table)
    except (OSError, pa.ArrowInvalid) as fault:
        raise DataError(
            Problem(f"{name}/{path.name}", f"cannot be read: {fault}", "", "save the data again")
        ) from fault
    assert isinstance(frame, pl.DataFrame)
    return frame
