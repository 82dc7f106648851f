"""Rows become token rows: once, in memory-mapped Arrow, under a key of everything that could change them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from tunewright.core.files import digest, disk_faults, fsync_folder

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from tunewright.core.protocols import Tokenizer

ENCODER_VERSION = 1
"""Raised whenever the same rows would be encoded differently, so that no stale cache is read."""

SCHEMA = pa.schema(
    [
        ("row_id", pa.string()),
        ("input_ids", pa.list_(pa.int32())),
        ("loss_spans", pa.list_(pa.list_(pa.int32(), 2))),
        ("target", pa.int64()),
    ]
)
"""`loss_spans` are (start, end) positions with a loss; a classified row has none: its target is a class index."""


@dataclass(frozen=True, slots=True)
class TokenRows:
    """N encoded rows of one split: all ids in one flat array, cut by `starts`."""

    row_ids: tuple[str, ...]
    flat_ids: NDArray[np.int32]
    starts: NDArray[np.int64]
    """`[N + 1]`: row i holds `flat_ids[starts[i]:starts[i + 1]]`."""
    targets_N: NDArray[np.int64]
    key: str
    """Hash of the rows, the tokenizer and the policy: the data hash of checkpoints and batch plans."""

    def __len__(self) -> int:
        return len(self.row_ids)

    @property
    def lengths_N(self) -> NDArray[np.int64]:
        """Tokens of each row."""
        return np.diff(self.starts)

    def ids(self, row: int) -> NDArray[np.int32]:
        """The token ids of one row."""
        return self.flat_ids[self.starts[row] : self.starts[row + 1]]


def tokenize(frame: pl.DataFrame, tokenizer: Tokenizer, labels: Sequence[str], *, cache: Path) -> TokenRows:
    """The frame's rows encoded, longer ones cut to the model's context; read from `cache` where they stand there.

    `frame` holds the columns of `core.rows.ROW_COLUMNS`; `cache` is a folder of files named by key.
    """
    key = token_key(frame, tokenizer, labels)
    path = cache / f"{key[:32]}.arrow"
    if path.exists():
        try:
            return read_token_rows(path, key)
        except (pa.ArrowInvalid, OSError):  # cut off or unreadable: a cache is rebuilt, never a reason to stop
            pass
    _write(path, _encode(frame, tokenizer, labels))
    return read_token_rows(path, key)


def token_key(frame: pl.DataFrame, tokenizer: Tokenizer, labels: Sequence[str]) -> str:
    """Hash of everything that decides the token rows."""
    rows = frame.select("row_id", "input", "target").rows()
    return digest([ENCODER_VERSION, tokenizer.fingerprint, tokenizer.max_tokens, list(labels), rows])


def read_token_rows(path: Path, key: str) -> TokenRows:
    """The token rows of an Arrow file, memory-mapped."""
    with pa.memory_map(str(path)) as source:
        table = pa.ipc.open_file(source).read_all().combine_chunks()
    lists = table.column("input_ids").combine_chunks()
    return TokenRows(
        row_ids=tuple(table.column("row_id").to_pylist()),
        flat_ids=lists.values.to_numpy(zero_copy_only=False),
        starts=lists.offsets.to_numpy(zero_copy_only=False).astype(np.int64),
        targets_N=table.column("target").to_numpy(),
        key=key,
    )


def _encode(frame: pl.DataFrame, tokenizer: Tokenizer, labels: Sequence[str]) -> pa.Table:
    index = {label: number for number, label in enumerate(labels)}
    ids = [tokenizer.cut(row, tokenizer.max_tokens) for row in tokenizer.encode(frame["input"].to_list())]
    columns = [frame["row_id"].to_list(), ids, [[] for _ in ids], [index[t] for t in frame["target"].to_list()]]
    return pa.table([pa.array(c, type=f.type) for c, f in zip(columns, SCHEMA, strict=True)], schema=SCHEMA)


def _write(path: Path, table: pa.Table) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}.part")  # two runs may encode the same rows at once
    with disk_faults(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with aside.open("wb") as stream:
                with pa.ipc.new_file(stream, SCHEMA) as writer:
                    writer.write_table(table)
                stream.flush()
                os.fsync(stream.fileno())
            aside.replace(path)
        finally:
            aside.unlink(missing_ok=True)
        fsync_folder(path.parent)
