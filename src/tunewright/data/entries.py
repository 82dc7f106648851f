"""From a path to a file's bytes at a cost that is known before: what is no plain file, or too large, is refused."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem
from tunewright.core.sizes import human_size, physical_memory

if TYPE_CHECKING:
    from pathlib import Path

LINE_BYTES = 64 * 2**20
"""Bytes within which the first line of a large file must end: a longer one is one value, not records."""
DOCUMENT_BYTES = 256 * 2**20
"""The largest JSON document: it is parsed as a whole, at about ten times its size in memory."""
MEMORY_SHARE = 6
"""A file may take this part of the machine's memory: its records need several times the bytes of the file."""
KERNEL_FOLDERS = ("/proc", "/sys")
"""Their files are made as they are read, some without end."""
KINDS = (
    (stat.S_ISFIFO, "is a pipe, which has no end that can be known"),
    (stat.S_ISCHR, "is a device"),
    (stat.S_ISBLK, "is a device"),
    (stat.S_ISSOCK, "is a socket"),
)
PLAIN = "a plain file"
SPLIT_IT = "split it into several files of a folder, or draw a sample of its records"


def require_entry(path: Path, name: str) -> bool:
    """Whether there is a file or folder at the path; raises DataError for what can be read as neither."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError, ValueError):  # ValueError: a NUL character in the path
        return False
    except OSError as fault:
        given = f"cannot be reached: {fault.strerror}"
        raise DataError(Problem(name, given, "a readable file", "correct the path, or its permissions")) from fault
    for is_kind, given in KINDS:
        if is_kind(mode):
            raise DataError(Problem(name, given, PLAIN, "write what it gives into a file, and name that file"))
    if stat.S_ISDIR(mode) and not os.access(path, os.R_OK | os.X_OK):
        raise DataError(Problem(name, "is a folder that may not be read", "a readable folder", "check its permissions"))
    if any(path.resolve().is_relative_to(folder) for folder in KERNEL_FOLDERS):
        raise DataError(Problem(name, "belongs to the kernel, not to a disk", PLAIN, "name the data file itself"))
    return True


def file_bytes(path: Path, name: str) -> bytes:
    """The file's bytes. Raises DataError for what cannot be read, and for a file too large to be held as records."""
    require_entry(path, name)
    try:
        with path.open("rb") as stream:
            size = os.fstat(stream.fileno()).st_size
            require_size(size, name)
            if size > LINE_BYTES:
                _require_records(stream.read(LINE_BYTES), size, name)
                stream.seek(0)
            return stream.read(size)
    except OSError as fault:
        given = f"cannot be read: {fault.strerror}"
        raise DataError(Problem(name, given, "a readable file", "check its permissions")) from fault


def require_size(size: int, name: str) -> None:
    """Raises DataError for more bytes than records of this machine's memory can be made of."""
    memory = physical_memory()
    if memory is not None and size > memory // MEMORY_SHARE:
        given = f"takes {human_size(size)}, and its records would need several times as much memory"
        raise DataError(Problem(name, given, f"at most {human_size(memory // MEMORY_SHARE)} on this machine", SPLIT_IT))


def _require_records(head: bytes, size: int, name: str) -> None:
    """Raises DataError for a large text file that is one value: such a value is parsed whole or not at all."""
    if b"\x00" in head[:1000] or _is_binary(head):
        return  # it has no lines; its own reader bounds it
    start = head.lstrip()[:1]
    first = head.lstrip().partition(b"\n")[0].strip()
    document = start == b"[" or (start == b"{" and not first.endswith(b"}"))
    if document and size > DOCUMENT_BYTES:
        given = f"is one JSON document of {human_size(size)}, which can only be read as a whole"
        expected = f"at most {human_size(DOCUMENT_BYTES)}, or JSON Lines: one record a line"
        raise DataError(Problem(name, given, expected, "write it as JSON Lines (.jsonl) or Parquet"))
    if not document and b"\n" not in head and b"\r" not in head:
        given = f"has a first line longer than {human_size(LINE_BYTES)}"
        expected = f"records, each in a line or a few, shorter than {human_size(LINE_BYTES)}"
        raise DataError(Problem(name, given, expected, "write one record a line; export the data again"))


def _is_binary(head: bytes) -> bool:
    return head.startswith((b"PAR1", b"ARROW1", b"PK\x03\x04", b"%PDF", b"\x1f\x8b"))
