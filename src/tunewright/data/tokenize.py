"""Rows become token rows: once, in memory-mapped Arrow, under a key of everything that could change them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tunewright.core.encoded import RowContent
from tunewright.core.errors import DataError
from tunewright.core.files import atomic_stream, digest
from tunewright.data.faults import Fault, data_error
from tunewright.data.overlength import fit_rows
from tunewright.data.token_rows import TokenRows, rows_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import polars as pl

    from tunewright.core.encoded import EncodedRow
    from tunewright.core.protocols import RowEncoder
    from tunewright.data.overlength import Policy

__all__ = ["TokenRows", "encode_rows", "read_token_rows", "token_key", "tokenize"]

ENCODER_VERSION = 5
"""Raised whenever the same rows would be encoded differently, so that no stale cache is read."""

ENCODED_AT_ONCE = 1000

SCHEMA = pa.schema(
    [
        ("row_id", pa.string()),
        ("input_ids", pa.large_list(pa.int32())),
        ("loss_spans", pa.list_(pa.list_(pa.int32(), 2))),
        ("target", pa.int64()),
        ("values", pa.list_(pa.float64())),
    ]
)
"""`loss_spans` are (start, end) positions with a loss; a row with a target as a whole has none: it is a class index,
or stands in `values`.

The schema's metadata hold the `layout`.
"""


def tokenize(frame: pl.DataFrame, encoder: RowEncoder, *, policy: Policy, cache: Path) -> TokenRows:
    """The frame's rows encoded and fitted into the model's context; read from `cache` where they stand there.

    `frame` holds the columns of `core.rows.ROW_COLUMNS`; `cache` is a folder of files named by key. Rows of the test
    are never dropped. Raises DataError for a row that cannot be encoded, and for overlong rows under `error`.
    """
    key = token_key(frame, encoder, policy)
    path = cache / f"{key[:32]}.arrow"
    if path.exists():
        try:
            return read_token_rows(path, key)
        except (pa.ArrowInvalid, OSError):  # cut off or unreadable: a cache is rebuilt, never a reason to stop
            pass
    _write(path, fit_rows(frame, encode_rows(frame, encoder, key=key), encoder, policy=policy).rows)
    return read_token_rows(path, key)


def token_key(frame: pl.DataFrame, encoder: RowEncoder, policy: Policy) -> str:
    """Hash of everything that decides the token rows."""
    rows = frame.select("row_id", "split", "input", "messages", "target").rows()
    return digest([ENCODER_VERSION, encoder.fingerprint, encoder.max_tokens, encoder.layout, policy, rows])


def encode_rows(frame: pl.DataFrame, encoder: RowEncoder, *, key: str = "") -> TokenRows:
    """The frame's rows at their full length, in their order."""
    return rows_of(frame["row_id"].to_list(), _encoded(frame, encoder), key=key, layout=encoder.layout)


def _encoded(frame: pl.DataFrame, encoder: RowEncoder) -> Iterator[list[EncodedRow]]:
    """The encoded rows chunk by chunk: a Python list of ids is many times as large as its array."""
    columns = frame.select("input", "messages", "target")
    for start in range(0, frame.height, ENCODED_AT_ONCE):
        contents = [RowContent(*row) for row in columns[start : start + ENCODED_AT_ONCE].iter_rows()]
        try:
            yield encoder.encode(contents)
        except DataError as fault:
            raise _refusal(frame[start : start + ENCODED_AT_ONCE], contents, encoder) from fault


def _refusal(frame: pl.DataFrame, contents: list[RowContent], encoder: RowEncoder) -> DataError:
    """The error that lists those of the rows that cannot be encoded; an encoder itself names the first alone."""
    faults = []
    for content, source, line in zip(contents, frame["source"], frame["line"], strict=True):
        try:
            encoder.encode([content])
        except DataError as fault:
            first = fault.problems[0]
            faults.append(Fault(source, line, first.given, first.remedy))
    return data_error(faults, what="cannot be turned into tokens")


def read_token_rows(path: Path, key: str) -> TokenRows:
    """The token rows of an Arrow file, memory-mapped."""
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all().combine_chunks()
    ids, spans, values = (table.column(name).combine_chunks() for name in ("input_ids", "loss_spans", "values"))
    held = len(values.values) > 0
    return TokenRows(
        row_ids=tuple(table.column("row_id").to_pylist()),
        flat_ids=ids.values.to_numpy(zero_copy_only=False),
        starts=ids.offsets.to_numpy(zero_copy_only=False).astype(np.int64),
        span_starts=spans.offsets.to_numpy(zero_copy_only=False).astype(np.int64),
        spans_S2=spans.values.flatten().to_numpy(zero_copy_only=False).astype(np.int64).reshape(-1, 2),
        targets_N=table.column("target").to_numpy(),
        key=key,
        layout=table.schema.metadata[b"layout"].decode(),
        value_starts=values.offsets.to_numpy(zero_copy_only=False).astype(np.int64) if held else None,
        values_V=values.values.to_numpy(zero_copy_only=False) if held else None,
    )


def _write(path: Path, rows: TokenRows) -> None:
    ids = pa.LargeListArray.from_arrays(rows.starts, rows.flat_ids)
    pairs = pa.FixedSizeListArray.from_arrays(rows.spans_S2.astype(np.int32).ravel(), 2)
    spans = pa.ListArray.from_arrays(rows.span_starts.astype(np.int32), pairs)
    starts = rows.value_starts if rows.value_starts is not None else np.zeros(len(rows) + 1, np.int64)
    held = rows.values_V if rows.values_V is not None else np.empty(0, np.float64)
    values = pa.ListArray.from_arrays(starts.astype(np.int32), held)
    columns = [pa.array(rows.row_ids, pa.string()), ids, spans, pa.array(rows.targets_N), values]
    schema = SCHEMA.with_metadata({"layout": rows.layout})
    with atomic_stream(path) as stream, pa.ipc.new_file(stream, schema) as writer:
        writer.write_table(pa.table(columns, schema=schema))
