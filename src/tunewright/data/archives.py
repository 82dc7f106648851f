"""Compressed files, unpacked within bounds: what grows beyond measure is refused before it is held."""

from __future__ import annotations

import gzip
import io
import zipfile
import zlib
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem
from tunewright.core.sizes import human_size
from tunewright.data.entries import require_size

if TYPE_CHECKING:
    from pathlib import Path

PACKED = ".gz"
"""Behind the ending of a text format: tickets.csv.gz."""
GZIP = b"\x1f\x8b"
FREE_BYTES = 64 * 2**20
"""Up to so many bytes a file may unpack to, whatever its ratio: that much is held without harm."""
MOST_RATIO = 200
"""Bytes unpacked for one packed: text packs 3 to 30 times, sheets of equal rows up to 100, bombs 1,000 and more."""
MOST_UNPACKED = 2**30
"""Bytes that all parts of a workbook or a document may unpack to: they are XML, parsed piece by piece."""
MOST_PARTS = 10_000
CHUNK = 2**20
WHOLE = "a whole file"


def unpacked(raw: bytes, path: Path, name: str) -> bytes:
    """A file's bytes, unpacked where both its ending and its first bytes say that it is packed by gzip.

    Raises DataError as `gunzipped` does.
    """
    return gunzipped(raw, name) if raw.startswith(GZIP) and path.suffix.lower() == PACKED else raw


def gunzipped(raw: bytes, name: str) -> bytes:
    """The bytes of a gzip file, of all its members. Raises DataError for a broken one, and for one that grows too far.

    What is unpacked is counted as it comes: what the file says of its size is not relied on.
    """
    parts: list[bytes] = []
    size = 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            while piece := stream.read(CHUNK):
                parts.append(piece)
                size += len(piece)
                _require_growth(size, len(raw), name)
    except (OSError, EOFError, zlib.error) as fault:
        raise _broken(name, "gzip", str(fault)) from fault
    return b"".join(parts)


def checked_zip(raw: bytes, name: str, kind: str) -> zipfile.ZipFile:
    """The archive that a workbook or document is, once all its parts together are known to be of bearable size.

    The sizes are those of the archive's directory; zipfile never unpacks more of a part than its entry says. Raises
    DataError for a broken archive, an encrypted one, and one with a document type: no office program writes these, and
    they are how a small XML file grows without end.
    """
    try:
        archive = zipfile.ZipFile(io.BytesIO(raw))
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as fault:
        raise _broken(name, kind, str(fault)) from fault
    parts = archive.infolist()
    size = sum(part.file_size for part in parts)
    if len(parts) > MOST_PARTS or size > MOST_UNPACKED:
        given = f"unpacks to {human_size(size)} in {len(parts):,} parts"
        expected = f"at most {human_size(MOST_UNPACKED)} in {MOST_PARTS:,} parts"
        raise DataError(Problem(name, given, expected, "save its sheet or text as CSV, and name that file"))
    _require_growth(size, len(raw), name)
    if any(part.flag_bits & 1 for part in parts):
        raise DataError(Problem(name, "is encrypted", f"a {kind} without a password", "save it without a password"))
    for part in parts:
        if part.filename.endswith((".xml", ".rels")) and _declares(archive, part, name, kind):
            given = f"holds a document type in {part.filename}, which can make XML grow without end"
            raise DataError(Problem(name, given, f"a {kind} as office programs write it", "save it again"))
    return archive


def _declares(archive: zipfile.ZipFile, part: zipfile.ZipInfo, name: str, kind: str) -> bool:
    """Whether an XML part has a document type; text never shows as one, for `<` is written `&lt;` in it."""
    tail = b""
    try:
        with archive.open(part) as stream:
            while piece := stream.read(CHUNK):
                if b"<!DOCTYPE" in tail + piece or b"<!ENTITY" in tail + piece:
                    return True
                tail = piece[-16:]
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, ValueError) as fault:
        raise _broken(name, kind, str(fault)) from fault
    return False


def _require_growth(size: int, packed: int, name: str) -> None:
    """Raises DataError where so many bytes from so many packed ones are a bomb, or too many to be held."""
    require_size(size, name)
    if size > FREE_BYTES and size > MOST_RATIO * packed:
        given = f"is {human_size(packed)} that unpack to {human_size(size)} or more"
        expected = f"at most {MOST_RATIO} bytes unpacked for one packed"
        raise DataError(Problem(name, given, expected, "if it is sound, unpack it, and name the unpacked file"))


def _broken(name: str, kind: str, reason: str) -> DataError:
    given = f"cannot be read as {kind}: {reason}"
    return DataError(Problem(name, given, WHOLE, "copy or export it again"))
