"""Hostile input is answered in words, or read, at a cost in time and memory that is known before."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hostile_room import (
    BOMB,
    MIB,
    Hostile,
    Reader,
    circle,
    crowded,
    cut,
    far_cells,
    gzip_bomb,
    long,
    loop,
    many_parts,
    nothing,
    null_name,
    overwritten,
    own_keys,
    parquet_of_nulls,
    pipe,
    repeated_key,
    wide,
    written,
    zip_bomb,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DIGITS = '{"text": "a", "label": ' + "7" * 1_000_000 + "}\n"
DEEP = '{"text": "a", "more": ' + "[" * 100_000 + "]" * 100_000 + "}\n"
FIELD = "text,label\n" + "a" * 60 * MIB + ",b\n"

TABLE = (
    Hostile(
        "a gigabyte in one JSON document",
        long('[{"text": "', 1024 * MIB, "data.json"),
        "one JSON document of 1 GiB",
        train="data.json",
    ),
    Hostile("a gigabyte in one line", long('{"text": "', 1024 * MIB, "data.jsonl"), "of 1 GiB"),
    Hostile("a million digits", written(DIGITS), "more than 4,300 digits"),
    Hostile(
        "a million digits in a document", written(f"[{DIGITS}]", "d.json"), "more than 4,300 digits", train="d.json"
    ),
    Hostile("a hundred thousand levels", written(DEEP), "nested more than 100 levels"),
    Hostile("a hundred thousand levels in a document", written(f"[{DEEP}]", "d.json"), "nested", train="d.json"),
    Hostile("two hundred thousand keys, one of them twice", repeated_key, "'k199999' stands twice"),
    Hostile("a key of its own for each record", own_keys, "has 30,000 columns"),
    Hostile("a hundred thousand columns", wide, "has 100,000 columns", train="data.csv"),
    Hostile("a cell of sixty megabytes", written(FIELD, "data.csv"), "a cell is longer", train="data.csv"),
    Hostile(
        "NUL bytes",
        written(b"text,label\n\x00" + b"\x00" * 10 * MIB, "data.csv"),
        "NUL byte at byte 11",
        train="data.csv",
    ),
    Hostile("a gzip bomb", gzip_bomb, "that unpack to", train="data.csv.gz"),
    Hostile(
        "a gzip file cut off",
        written(b"\x1f\x8b\x08\x00\x00", "data.csv.gz"),
        "cannot be read as gzip",
        train="data.csv.gz",
    ),
    Hostile(
        "a bomb in a workbook", zip_bomb("xl/workbook.xml", "d.xlsx", megabytes=100), "that unpack to", train="d.xlsx"
    ),
    Hostile("more parts than a workbook has", many_parts, "in 10,002 parts", train="d.xlsx"),
    Hostile("entities in a workbook", zip_bomb("xl/workbook.xml", "d.xlsx", BOMB), "document type", train="d.xlsx"),
    Hostile("entities in a document", zip_bomb("word/document.xml", "d.docx", BOMB), "document type", train="d.docx"),
    Hostile("cells beyond the end of a sheet", far_cells, "", train="data.xlsx"),
    Hostile("a zip archive named as a workbook", zip_bomb("readme.xml", "d.xlsx"), "no", train="d.xlsx"),
    Hostile("two hundred million nulls", parquet_of_nulls, "210,000,000 rows", train="data.parquet"),
    Hostile("half a Parquet file", cut("d.parquet"), "cannot be read as Parquet", train="d.parquet"),
    Hostile("half an Arrow file", cut("d.arrow"), "cannot be read as Arrow", train="d.arrow"),
    Hostile("noise in an Arrow file", overwritten("d.arrow"), "", train="d.arrow"),
    Hostile("noise in a Parquet file", overwritten("d.parquet"), "", train="d.parquet"),
    Hostile("a NUL in a Parquet column's name", null_name, "control characters: 'te\\x00xt'", train="data.parquet"),
    Hostile(
        "a PDF file of noise",
        written(b"%PDF-1.4\n" + b"obj << /Length 9 " * 50_000, "d.pdf"),
        "cannot be read as a PDF",
        train="d.pdf",
    ),
    Hostile("elements in elements", written("<div>" * 200_000 + "x", "d.html"), "without text", train="d.html"),
    Hostile("the whole disk", nothing, "", train="/"),
    Hostile("a folder of very many files", crowded, "more than 20,000 files", train="many"),
    Hostile("a link to itself", loop, "cannot be reached", train="a.csv"),
    Hostile("a folder that a link leads back to", circle, "", train="data"),
    Hostile("a device without end", nothing, "is a device", train="/dev/zero"),
    Hostile("a pipe that nobody writes to", pipe, "is a pipe", train="pipe.csv"),
    Hostile("a file of the kernel's", nothing, "kernel", train="/proc/kmsg"),
    Hostile("a system file above the recipe", nothing, "", train="../../../../../../../../etc/passwd"),
    Hostile("a name of five thousand letters", nothing, "cannot be reached", train="a" * 5000),
    Hostile("a NUL in a name", nothing, "no such file", train="a\x00b.csv"),
)


@pytest.fixture(scope="module")
def reader() -> Iterator[Reader]:
    process = Reader()
    yield process
    process.close()


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_hostile_input_is_answered_within_bounds(row: Hostile, reader: Reader, tmp_path: Path) -> None:
    row.make(tmp_path)
    said = reader.read(tmp_path, row)
    print(json.dumps({key: said[key] for key in ("seconds", "mib", "rows", "problems") if key in said})[:400])
    assert said["seconds"] < row.seconds
    assert said.get("mib", 0) < row.mib
    if row.words:
        assert said["exit_code"] == row.code
        first = said["problems"][0]
        assert row.words in first["given"] + first["expected"]
        assert first["place"]
        assert first["expected"]
        assert first["remedy"]


@pytest.mark.slow
def test_a_document_of_two_hundred_megabytes_in_one_line_is_read_within_four_gigabytes(
    reader: Reader, tmp_path: Path
) -> None:
    record = json.dumps({"text": "some words of a ticket " * 8, "label": "billing"})
    with (tmp_path / "d.json").open("w") as stream:
        stream.write(f"[{record}")
        stream.writelines(f", {record}" for _ in range(200 * MIB // (len(record) + 2)))
        stream.write("]")
    said = reader.read(tmp_path, Hostile("a large document", nothing, train="d.json"))
    print(said)
    assert said["rows"] > 900_000
    assert said["seconds"] < 120
    assert said.get("mib", 0) < 4096
