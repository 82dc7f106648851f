"""Files and paths that are made to cost time or memory, or to be misread; and one reading of each, measured."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow import parquet

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

READER = """
import json, sys, time
from pathlib import Path
from tunewright.core.errors import TunewrightError
from tunewright.data.read import read_table
from tunewright.recipe.data import DataSpec
status, reset = Path("/proc/self/status"), Path("/proc/self/clear_refs")
for line in sys.stdin:
    folder, train = json.loads(line)
    if reset.exists():
        reset.write_text("5")  # the peak is that of this reading alone
    begun, said = time.monotonic(), {}
    try:
        said["rows"] = read_table(train, folder=Path(folder), spec=DataSpec(train=train)).frame.height
    except TunewrightError as fault:
        said |= fault.as_dict()
    said["seconds"] = time.monotonic() - begun
    if reset.exists():
        (peak,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        said["mib"] = int(peak.split()[1]) / 1024
    print(json.dumps(said), flush=True)
"""
MIB = 2**20


@dataclass(frozen=True, slots=True)
class Hostile:
    """One input, how it is answered, and what that may cost."""

    name: str
    make: Callable[[Path], object]
    words: str = ""
    """Of the first problem; empty where the input is read."""
    code: int = 3
    train: str = "data.jsonl"
    seconds: float = 20.0
    mib: float = 700.0
    """Most memory of the process, of which Python and polars alone take about 200."""


class Reader:
    """A process that reads one input after another and says of each what came of it, and the cost."""

    def __init__(self) -> None:
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, "-c", READER], stdin=pipe, stdout=pipe, text=True)

    def read(self, folder: Path, row: Hostile) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps([str(folder), row.train]) + "\n")
        self._process.stdin.flush()
        said: dict[str, Any] = json.loads(self._process.stdout.readline())
        return said

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


def nothing(folder: Path) -> None:
    """The path itself is the fault."""


def written(content: str | bytes, name: str = "data.jsonl") -> Callable[[Path], object]:
    raw = content.encode() if isinstance(content, str) else content
    return lambda folder: (folder / name).write_bytes(raw)


def long(begin: str, size: int, name: str) -> Callable[[Path], object]:
    """A file of one letter behind a beginning, a gigabyte of which takes no room on a disk."""

    def make(folder: Path) -> None:
        with (folder / name).open("wb") as stream:
            stream.write(begin.encode() + b"a" * 65 * MIB)
            stream.truncate(size)

    return make


def own_keys(folder: Path) -> None:
    """Records that each have a key of their own: a table of them is a square."""
    (folder / "data.jsonl").write_text("".join(json.dumps({f"k{n}": n}) + "\n" for n in range(30_000)))


def repeated_key(folder: Path) -> None:
    pairs = ", ".join(f'"k{n}": 1' for n in range(200_000))
    (folder / "data.jsonl").write_text(f'{{{pairs}, "k199999": 2}}\n')


def wide(folder: Path) -> None:
    names = ",".join(f"c{n}" for n in range(100_000))
    (folder / "data.csv").write_text(f"{names}\n" + ",".join("1" * 100_000) + "\n")


def gzip_bomb(folder: Path) -> None:
    with gzip.open(folder / "data.csv.gz", "wb") as stream:
        stream.write(b"text,label\n")
        for _ in range(100):
            stream.write(b"a" * MIB)


def zip_bomb(part: str, name: str, content: bytes = b"<a/>", *, megabytes: int = 0) -> Callable[[Path], object]:
    """A workbook or document one part of which unpacks to so many megabytes."""

    def make(folder: Path) -> None:
        with zipfile.ZipFile(folder / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(part, content)
            with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as stream:
                for _ in range(megabytes):
                    stream.write(b" " * MIB)

    return make


def many_parts(folder: Path) -> None:
    """A workbook of very many parts, each empty."""
    with zipfile.ZipFile(folder / "d.xlsx", "w") as archive:
        for n in range(10_001):
            archive.writestr(f"{n}", b"")
        archive.writestr("xl/workbook.xml", b"<a/>")


BOMB = b'<!DOCTYPE z [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]><z>&b;</z>'


def far_cells(folder: Path) -> None:
    """A sheet whose only cells say that they stand at its far end, and beyond it."""
    import openpyxl  # noqa: PLC0415  # of an extra

    book = openpyxl.Workbook()
    book.active.append(["text", "label"])
    book.active.append(["a", "b"])
    book.save(folder / "plain.xlsx")
    with zipfile.ZipFile(folder / "plain.xlsx") as plain, zipfile.ZipFile(folder / "data.xlsx", "w") as far:
        for part in plain.infolist():
            raw = plain.read(part)
            if part.filename.endswith("sheet1.xml"):
                more = b'<row r="1000000000"><c r="XFD1000000000"><v>1</v></c></row></sheetData>'
                raw = raw.replace(b"</sheetData>", more)
            far.writestr(part, raw)


def parquet_of_nulls(folder: Path) -> None:
    """Two hundred million cells in a few kilobytes."""
    parquet.write_table(pa.table({"text": pa.nulls(210_000_000)}), folder / "data.parquet")


def cut(name: str) -> Callable[[Path], object]:
    """A columnar file whose second half is missing."""

    def make(folder: Path) -> None:
        frame = pl.DataFrame({"text": [f"text {n}" for n in range(1000)]})
        write = frame.write_parquet if name.endswith("parquet") else frame.write_ipc
        write(folder / name)
        raw = (folder / name).read_bytes()
        (folder / name).write_bytes(raw[: len(raw) // 2])

    return make


def overwritten(name: str) -> Callable[[Path], object]:
    """A columnar file whose middle is noise."""

    def make(folder: Path) -> None:
        frame = pl.DataFrame({"text": [f"text {n}" for n in range(1000)]})
        write = frame.write_parquet if name.endswith("parquet") else frame.write_ipc
        write(folder / name)
        raw = bytearray((folder / name).read_bytes())
        middle = len(raw) // 2
        raw[middle : middle + 400] = bytes(n * 37 % 256 for n in range(400))
        (folder / name).write_bytes(bytes(raw))

    return make


def null_name(folder: Path) -> None:
    pl.DataFrame({"te\x00xt": ["a"], "label": ["b"]}).write_parquet(folder / "data.parquet")


def crowded(folder: Path) -> None:
    """A folder of more files than a data set has."""
    (folder / "many").mkdir()
    for n in range(20_100):
        (folder / "many" / f"{n}.txt").touch()


def loop(folder: Path) -> None:
    (folder / "a.csv").symlink_to(folder / "b.csv")
    (folder / "b.csv").symlink_to(folder / "a.csv")


def circle(folder: Path) -> None:
    """A folder that a link below it leads back to."""
    (folder / "data").mkdir()
    (folder / "data" / "train.csv").write_text("text,label\na,b\n")
    (folder / "data" / "again").symlink_to(folder / "data")


def pipe(folder: Path) -> None:
    os.mkfifo(folder / "pipe.csv")
