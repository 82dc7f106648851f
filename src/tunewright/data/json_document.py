"""A JSON document to a table: the list of records in it, wherever that lies, with the line where each begins."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import DataError, Problem, RecipeError
from tunewright.data.faults import Fault, data_error
from tunewright.data.frame import frame_of
from tunewright.data.headers import require_fit_names
from tunewright.data.json_table import (
    LONG_NUMBER,
    SHORTEN,
    RepeatedKey,
    checked_record,
    syntax_fault,
    table_of,
    unique_keys,
)
from tunewright.data.paths import astray, record_lists, steps_of, walked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

SHAPES = "an array of objects, an object of lists of one length, or one key that holds the array"
PLACE = "data.records"

_BLANK = re.compile(r"\s*")
_GAP = re.compile(r"[\s,]*")


def read_json(text: str, *, name: str, records: str | None = None) -> pl.DataFrame:
    """A frame of an array of objects, of an object that holds one such array, or of an object of equally long lists.

    `records` is the path to the array where it lies deeper, or where there are several. Raises DataError with the line
    and column of a syntax error, and for any other shape; RecipeError for a path that leads to no array of objects.
    """
    start = _BLANK.match(text).end()  # type: ignore[union-attr]  # it matches anything
    if records is None and text.startswith("[", start):
        return _array(text, start, name)
    value = _whole(text, name)
    if records is not None:
        return _array(text, _offset_at(text, _keys_to(value, records, name)), name)
    if isinstance(value, dict):
        arrays = [key for key, held in value.items() if _is_records(held)]
        if len(arrays) == 1:
            return _array(text, _offset_at(text, arrays), name)
        if value and all(isinstance(held, list) for held in value.values()) and not arrays:
            return _columns(value, text, name)
    raise _shapeless(value, name)


def records_path(text: str) -> str | None:
    """The path to the only list of records inside a document that has none at its top; None for any other text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    found = record_lists(value)
    return found[0] if len(found) == 1 and len(steps_of(found[0])) > 1 else None


def _shapeless(value: Any, name: str) -> DataError:
    keys = f"an object with the keys {', '.join(map(repr, list(value)[:8]))}" if isinstance(value, dict) else "a value"
    found = record_lists(value)
    remedy = "write the records as a JSON array"
    if found:
        shown = " or ".join(f"`data.records: {path}`" for path in found[:4])
        remedy = f"write {shown}: lists of objects lie there; `tunewright audit` takes --records PATH"
    return DataError(Problem(name, f"holds {keys}, not records", SHAPES, remedy))


def _keys_to(value: Any, records: str, name: str) -> Sequence[str]:
    """The keys that lead to the array of records; a key of that very name comes before a path."""
    steps = (records,) if isinstance(value, dict) and records in value else steps_of(records)
    keys = [step for step in steps if isinstance(step, str)]
    if not steps or len(keys) < len(steps):
        raise RecipeError(Problem(PLACE, f"{records!r} is no path of keys", "such as data.items", "correct it"))
    found = walked(value, keys)
    if not _is_records(found):
        lost = astray([value], "", keys).replace("'.", "'") if found is None else f"{records!r} is no list of objects"
        known = record_lists(value)
        expected = f"one of: {', '.join(known[:8])}" if known else "a list of objects"
        raise RecipeError(Problem(PLACE, f"in {name}, {lost}", expected, "correct the path"))
    return keys


def _whole(text: str, name: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=unique_keys)
    except json.JSONDecodeError as fault:
        raise _syntax_error(fault, text, name) from fault
    except RecursionError as fault:
        raise _too_deep(name) from fault
    except RepeatedKey as fault:
        raise DataError(Problem(name, str(fault), "each key once", "keep one of the two")) from fault
    except ValueError as fault:
        raise DataError(Problem(name, LONG_NUMBER, "numbers that a computer counts with", SHORTEN)) from fault


def _syntax_error(fault: json.JSONDecodeError, text: str, name: str) -> DataError:
    message, remedy = syntax_fault(fault, text)
    if fault.msg.startswith("Extra data") and text.lstrip().startswith("{"):
        message, remedy = "a second record begins here: this is JSON Lines", "write `data.format: jsonl`"
    place = f"{name}:{fault.lineno}"
    within = _record_around(text, fault.pos)
    given = f"not valid JSON at line {fault.lineno:,}, column {fault.colno:,}{within}: {message}"
    remedy = remedy or "correct this place; a JSON writer such as json.dump writes sound documents"
    return DataError(Problem(place, given, "a JSON document", remedy))


def _record_around(text: str, position: int) -> str:
    """Which record of an array a place lies in, in words; nothing where the text is no array."""
    if not text.lstrip().startswith("["):
        return ""
    decoder, number, at = json.JSONDecoder(), 1, _skip(_GAP, text, text.index("[") + 1)
    while True:
        try:
            _, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            break
        if end > position:
            break
        number, at = number + 1, _skip(_GAP, text, end)
    return f", record {number:,}"


def _too_deep(name: str) -> DataError:
    return DataError(Problem(name, "nested too deeply to be read", "an array of records", "flatten the records"))


def _array(text: str, start: int, name: str) -> pl.DataFrame:
    """The records of the array that begins at `start`, each parsed once.

    Where several stand on one line, each is known by its number.
    """
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    faults: list[Fault] = []
    line, counted_to = 1, 0
    for value, begin, end in _elements(text, start, name):
        line += text.count("\n", counted_to, begin)
        counted_to = begin
        lines.append(line)
        record = checked_record(value, text[begin:end], name, len(lines))
        if isinstance(record, Fault):
            faults.append(record)
        else:
            records.append(record)
    numbered = len(set(lines)) < len(lines)
    if faults:
        total = len(lines)
        faults = [replace(f, numbered=True) if numbered else replace(f, line=lines[f.line - 1]) for f in faults]
        what, remedy = f"of {total:,} cannot be read", "correct these records"
        raise data_error(faults, what=what, expected="an array of objects", remedy=remedy)
    return table_of(records, list(range(1, len(lines) + 1)) if numbered else lines, name)


def _elements(text: str, start: int, name: str) -> Iterator[tuple[Any, int, int]]:
    """Each value of an array with its place in the text. Raises what the whole document raises where it is not sound.

    What follows the array is looked at by nobody else where the array is the document.
    """
    decode = json.JSONDecoder(object_pairs_hook=unique_keys).raw_decode
    position = _skip(_BLANK, text, start + 1)
    closed = text.startswith("]", position)
    while not closed:
        try:
            value, end = decode(text, position)
        except (ValueError, RecursionError):
            _whole(text, name)  # it says what is wrong, and where
            raise _too_deep(name) from None
        yield value, position, end
        position = _skip(_BLANK, text, end)
        closed = text.startswith("]", position)
        if not closed:
            if not text.startswith(",", position):
                _whole(text, name)
            position = _skip(_BLANK, text, position + 1)
    if not text[:start].strip() and text[position + 1 :].strip():
        _whole(text, name)


def _offset_at(text: str, keys: Sequence[str]) -> int:
    """Where the value begins that these keys lead to; the text is known to be valid and to have them."""
    position = _skip(_BLANK, text, 0)
    for key in keys:
        position = _offset_of(text, position, key)
    return position


def _offset_of(text: str, start: int, key: str) -> int:
    """Where the value of a key begins, in the object that begins at `start`."""
    decoder = json.JSONDecoder()
    position = _skip(_GAP, text, start + 1)
    while True:
        found, end = decoder.raw_decode(text, position)
        position = _skip(_GAP, text, text.index(":", end) + 1)
        if found == key:
            return position
        _, end = decoder.raw_decode(text, position)
        position = _skip(_GAP, text, end)


def _skip(gap: re.Pattern[str], text: str, position: int) -> int:
    match = gap.match(text, position)
    return match.end() if match else position


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _columns(value: dict[str, list[Any]], text: str, name: str) -> pl.DataFrame:
    lengths = {key: len(held) for key, held in value.items()}
    if len(set(lengths.values())) > 1:
        given = "its lists have different lengths: " + ", ".join(f"{key} {count:,}" for key, count in lengths.items())
        raise DataError(Problem(name, given, "lists of one length", "write the records as an array of objects"))
    whole = checked_record(value, text, name, 1)
    if isinstance(whole, Fault):
        raise data_error([whole], what="cannot be read")
    require_fit_names(list(value), name)
    return frame_of(value, range(1, next(iter(lengths.values())) + 1))
