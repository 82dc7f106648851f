"""Parquet and Arrow files to tables; a record's line is its number."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow import ipc, parquet

from tunewright.core.errors import DataError, Problem
from tunewright.data.entries import require_size
from tunewright.data.frame import numbered
from tunewright.data.headers import require_fit_names

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ARROW = b"ARROW1"


MOST_CELLS = 200_000_000
"""Cells of a table that is read as records: a column that repeats one value takes no room in its file."""
BROKEN = (pl.exceptions.PolarsError, pa.ArrowException, OSError, ValueError, OverflowError, KeyError)
"""What readers raise for bytes that are not what they say."""


def read_parquet(raw: bytes, *, name: str) -> pl.DataFrame:
    """A frame of a Parquet file's bytes with the record numbers.

    Raises DataError for a broken file, and for one that holds more than can be read as records, which its footer tells.
    """
    try:
        footer = parquet.read_metadata(io.BytesIO(raw))
        _require_bearable(footer.num_rows, footer.num_columns, name)
        groups = [footer.row_group(n) for n in range(footer.num_row_groups)]
        require_size(sum(group.total_byte_size for group in groups), name)
        frame = pl.read_parquet(io.BytesIO(raw))
    except BROKEN as fault:
        raise _broken(name, "Parquet", fault) from fault
    return _fit(frame, name)


def read_arrow(raw: bytes, *, name: str) -> pl.DataFrame:
    """A frame of an Arrow file (Feather V2) or stream with the record numbers. Raises DataError for a broken one."""
    reader = ipc.open_file if raw.startswith(ARROW) else ipc.open_stream
    try:
        with reader(pa.BufferReader(raw)) as held:
            batches = _batches(held)
            tables = pa.Table.from_batches(_bearable(batches, name), schema=held.schema)
            tables.validate(full=True)
        frame = pl.from_arrow(tables)
    except BROKEN as fault:
        raise _broken(name, "Arrow", fault) from fault
    assert isinstance(frame, pl.DataFrame)
    return _fit(frame, name)


def _batches(held: Any) -> Iterator[Any]:
    return (held.get_batch(n) for n in range(held.num_record_batches)) if hasattr(held, "get_batch") else iter(held)


def _bearable(batches: Iterator[Any], name: str) -> Iterator[Any]:
    """The batches, as long as they are no more than can be held."""
    rows = size = 0
    for batch in batches:
        rows, size = rows + batch.num_rows, size + batch.nbytes
        _require_bearable(rows, batch.num_columns, name)
        require_size(size, name)
        yield batch


def _require_bearable(rows: int, columns: int, name: str) -> None:
    if rows * max(1, columns) > MOST_CELLS:
        given = f"holds {rows:,} rows of {columns:,} columns"
        remedy = "keep the columns that you need, and a sample or parts of the rows"
        raise DataError(Problem(name, given, f"at most {MOST_CELLS:,} cells", remedy))


def _fit(frame: pl.DataFrame, name: str) -> pl.DataFrame:
    require_fit_names(frame.columns, name)
    return numbered(frame, name=name)


def _broken(name: str, kind: str, fault: BaseException) -> DataError:
    reason = str(fault).partition("\n")[0] or type(fault).__name__
    given = f"cannot be read as {kind}: {reason}"
    return DataError(Problem(name, given, f"a whole {kind} file", "copy or export it again"))


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
