"""Which format a file has: by its ending, checked against its first bytes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem
from tunewright.data.csv_table import looks_like_table, sniff_delimiter

if TYPE_CHECKING:
    from pathlib import Path

ENDINGS = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
}
HEADER_WORDS = 3
"""A column's name has no more words, where a .txt is to be taken for a table."""
TABLES = ("csv", "tsv")
RAW_ENDING = ".txt"
TEXT = "text"
"""Raw text: no records and no columns."""
EXPECTED = "csv, tsv, json, jsonl or parquet"


def binary_format(path: Path, raw: bytes, given: str) -> bool:
    """Whether the file is to be read as Parquet. Raises DataError when its name and its bytes disagree."""
    holds = raw.startswith(b"PAR1")
    if given == "parquet" or (given == "auto" and path.suffix.lower() == ".parquet"):
        if not holds:
            remedy = "correct data.format" if given == "parquet" else "export it again, or correct its ending"
            raise DataError(Problem(str(path.name), "is not a Parquet file", "a file that begins with PAR1", remedy))
        return True
    return given == "auto" and holds and path.suffix.lower() not in ENDINGS


def text_format(path: Path, text: str, given: str) -> str:
    """The format of a text file; `auto` goes by the ending, and by the content where the ending says nothing.

    Raises DataError when a file's ending says one thing and its first characters another.
    """
    if given != "auto":
        return given
    ending = ENDINGS.get(path.suffix.lower())
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
    return isinstance(value, dict) and bool(value) and any(isinstance(held, list) for held in value.values())


def _mismatch(path: Path, given: str, actual: str) -> DataError:
    given = f"is named {path.suffix} and {given}"
    remedy = f"write `data.format: {actual}`, or rename the file"
    return DataError(Problem(path.name, given, "the format that its ending says", remedy))


def _table_by_content(path: Path, text: str) -> str:
    if looks_like_table(text) and (path.suffix.lower() != RAW_ENDING or _headed(text)):
        return "tsv" if sniff_delimiter(text) == "\t" else "csv"
    if path.suffix.lower() == RAW_ENDING:
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
