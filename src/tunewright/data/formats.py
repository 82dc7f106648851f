"""Which format a file has: by its ending, checked against its first bytes."""

from __future__ import annotations

import json
from pathlib import Path

from tunewright.core.errors import DataError, Problem
from tunewright.data.archives import PACKED
from tunewright.data.csv_table import looks_like_table, sniff_delimiter
from tunewright.data.paths import record_lists

ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".xlsx": "xlsx",
    ".xlsm": "xlsx",
}
DOCUMENTS = {".html": "html", ".htm": "html", ".xhtml": "html", ".docx": "docx", ".pdf": "pdf"}
"""Files whose text is learned as it is: they have no records, so no labels and answers."""
HEADER_WORDS = 3
"""A column's name has no more words, where a .txt is to be taken for a table."""
TABLES = ("csv", "tsv")
RAW_ENDING = ".txt"
TEXT = "text"
"""Raw text: no records and no columns."""
RAW = frozenset({TEXT, *DOCUMENTS.values()})
EXPECTED = "csv, tsv, json, jsonl, xlsx, arrow or parquet"
PDF_WITHIN = 1024
"""Bytes that may stand before the mark of a PDF file."""
MARKED = {
    "parquet": ("a Parquet file", "a file that begins with PAR1"),
    "arrow": ("an Arrow file", "a file that begins with ARROW1, or an Arrow stream"),
    "xlsx": ("an Excel workbook", "a zip archive with xl/workbook.xml"),
    "docx": ("a Word document", "a zip archive with word/document.xml"),
    "pdf": ("a PDF file", "a file that begins with %PDF"),
}
"""Binary formats, what each is called, and how its files are known."""


def ending_of(path: Path) -> str:
    """The file's ending in lower case, without the `.gz` of a packed one."""
    return Path(path.stem).suffix.lower() if path.suffix.lower() == PACKED else path.suffix.lower()


def binary_format(path: Path, raw: bytes, given: str) -> str | None:
    """The binary format that the file is to be read as, or None for text.

    Raises DataError when its name, or the recipe, and its bytes disagree.
    """
    ending = ending_of(path)
    named = given if given != "auto" else ENDINGS.get(ending) or DOCUMENTS.get(ending) or "auto"
    if named == "auto":
        return next((kind for kind in MARKED if _holds(kind, raw, certain=True)), None)
    if named not in MARKED:
        return None
    if not _holds(named, raw):
        what, expected = MARKED[named]
        remedy = "correct data.format" if given != "auto" else "export it again, or correct its ending"
        if named == "xlsx" and raw.startswith(b"\xd0\xcf\x11\xe0"):
            remedy = "it is locked with a password, or an old .xls: save it as .xlsx without a password"
        raise DataError(Problem(str(path.name), f"is not {what}", expected, remedy))
    return named


def _holds(kind: str, raw: bytes, *, certain: bool = False) -> bool:
    """Whether the bytes are marked as those of a format; an Arrow stream's mark is not certain.

    The parts of a zip archive are named in its directory, at its end.
    """
    if kind in {"xlsx", "docx"}:
        part = b"xl/workbook.xml" if kind == "xlsx" else b"word/document.xml"
        return raw.startswith(b"PK\x03\x04") and part in raw[-DIRECTORY_BYTES:]
    if kind == "pdf":
        return b"%PDF-" in raw[:PDF_WITHIN]
    if kind == "parquet":
        return raw.startswith(b"PAR1")
    return raw.startswith(b"ARROW1") or (not certain and raw.startswith(b"\xff\xff\xff\xff"))


DIRECTORY_BYTES = 4 * 2**20
"""Bytes at the end of a zip archive within which its directory names the parts."""


def text_format(path: Path, text: str, given: str) -> str:
    """The format of a text file; `auto` goes by the ending, and by the content where the ending says nothing.

    Raises DataError when a file's ending says one thing and its first characters another.
    """
    if given != "auto":
        return given
    ending = ENDINGS.get(ending_of(path)) or DOCUMENTS.get(ending_of(path))
    if ending == "html":
        return ending
    content = _by_content(text)
    if ending in TABLES and content in {"json", "jsonl"}:
        raise _mismatch(path, f"holds {content.upper()}", content)
    if ending == "jsonl" and content == "json" and not _is_one_line(text):
        raise _mismatch(path, "holds one JSON document", "json")
    if ending == "json" and content == "jsonl":
        return "jsonl"  # the ending that many tools give to JSON Lines
    if ending == "json" and content is None and text.strip():
        return "json"
    if ending is not None:
        return ending
    if content is not None:
        return content
    return _table_by_content(path, text)


def _by_content(text: str) -> str | None:
    """`json`, `jsonl`, or nothing for text that is neither."""
    head = text.lstrip()[:1]
    if head == "[":
        return "json" if _is_json_array(text) else None
    if head != "{":
        return None
    first, _, rest = text.lstrip().partition("\n")
    try:
        json.loads(first)
    except RecursionError:
        return "jsonl"  # the reader of lines tells which one it is
    except ValueError:
        # A broken first line still counts as JSON Lines where more lines begin like records.
        return "jsonl" if first.rstrip().endswith("}") and rest.lstrip().startswith("{") else "json"
    return "jsonl" if rest.strip() or "\n" in text.strip() or not _holds_records(first) else "json"


def _is_one_line(text: str) -> bool:
    """Whether a text that is a JSON object stands in one line: then it is one record of JSON Lines as well."""
    return text.lstrip()[:1] == "{" and "\n" not in text.strip()


def _is_json_array(text: str) -> bool:
    following = text.lstrip()[1:].lstrip()[:1]
    return following in {"{", "]"}


def _holds_records(line: str) -> bool:
    value = json.loads(line)
    lists = isinstance(value, dict) and any(isinstance(held, list) for held in value.values())
    return lists or bool(record_lists(value))


def _mismatch(path: Path, given: str, actual: str) -> DataError:
    given = f"is named {path.suffix} and {given}"
    remedy = f"write `data.format: {actual}`, or rename the file"
    return DataError(Problem(path.name, given, "the format that its ending says", remedy))


def _table_by_content(path: Path, text: str) -> str:
    if looks_like_table(text) and (ending_of(path) != RAW_ENDING or _headed(text)):
        return "tsv" if sniff_delimiter(text) == "\t" else "csv"
    if ending_of(path) == RAW_ENDING:
        return TEXT
    given = "is plain text without columns"
    remedy = (
        "write a header and a label for each text, as CSV; say which it is with `data.format`; "
        "or name raw text .txt, for the task language_modelling"
    )
    raise DataError(Problem(path.name, given, EXPECTED, remedy))


def _headed(text: str) -> bool:
    """Whether the first line holds names of columns and no prose that happens to have a comma a line."""
    first = text.lstrip().partition("\n")[0]
    names = [name.strip(" \t\r\"'") for name in first.split(sniff_delimiter(text))]
    return all(0 < len(name.split()) <= HEADER_WORDS and name[-1] not in ".!?:;" for name in names)
