"""JSON and JSON Lines text to a table, with the line where each record begins."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tunewright.core.errors import DataError, Problem
from tunewright.data.faults import Fault, data_error
from tunewright.data.frame import columns_of, frame_of, refuse_reserved
from tunewright.data.private.redact import without_secrets

if TYPE_CHECKING:
    import polars as pl

DEEPEST = 100
"""Levels of a record that can be read: no data needs more, and what walks it later must not run out of stack."""

CORRECT = "correct the line or remove it; a JSON writer such as json.dumps, one call a record, writes sound ones"

_GAP = re.compile(r"[\s,]*")
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
_CURLY = "“”„‟«»"
_PYTHON = re.compile(r"(None|True|False|nan|inf|undefined)\b")


def read_jsonl(text: str, *, name: str) -> pl.DataFrame:
    """A frame of one record a line. Raises DataError listing every line that is no JSON object."""
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    faults: list[Fault] = []
    for number, line in enumerate(text.split("\n"), start=1):
        if not line or line.isspace():
            continue
        record = _record(line, name, number)
        if isinstance(record, Fault):
            faults.append(record)
        else:
            records.append(record)
            lines.append(number)
    if faults:
        total = len(faults) + len(records)
        expected = 'one JSON object a line, such as {"text": "…", "label": "…"}'
        raise data_error(faults, what=f"of {total:,} cannot be read", expected=expected, remedy=CORRECT)
    return _table(records, lines, name)


def read_json(text: str, *, name: str) -> pl.DataFrame:
    """A frame of an array of objects, of an object that holds one such array, or of an object of equally long lists.

    Raises DataError with the line and column of a syntax error, and for any other shape.
    """
    value = _whole(text, name)
    if isinstance(value, dict):
        arrays = [key for key, held in value.items() if _is_records(held)]
        if len(arrays) == 1:
            return _array(text, _offset_of(text, arrays[0]), name)
        if value and all(isinstance(held, list) for held in value.values()):
            return _columns(value, text, name)
    if isinstance(value, list):
        return _array(text, text.index("["), name)
    keys = f"an object with the keys {', '.join(map(repr, list(value)[:8]))}" if isinstance(value, dict) else "a value"
    expected = "an array of objects, an object of lists of one length, or one key that holds the array"
    raise DataError(Problem(name, f"holds {keys}, not records", expected, "write the records as a JSON array"))


def _record(line: str, name: str, number: int) -> dict[str, Any] | Fault:
    try:
        value = json.loads(line, object_pairs_hook=_object)
    except json.JSONDecodeError as fault:
        message, remedy = _syntax(fault, line)
        return Fault(name, number, f"not valid JSON at column {fault.pos + 1}: {message}", remedy)
    except ValueError as fault:
        return Fault(name, number, str(fault), "keep one of the two")
    except RecursionError:
        return _too_deep(name, number)
    return _checked(value, line, name, number)


def _checked(value: Any, raw: str, name: str, number: int) -> dict[str, Any] | Fault:
    if not isinstance(value, dict):
        return Fault(name, number, f"holds {_kind(value)}, not an object", 'write it as {"text": …, "label": …}')
    if raw.count("[") + raw.count("{") > DEEPEST and _depth(value) > DEEPEST:
        return _too_deep(name, number)
    if _SURROGATE.search(raw):
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            given = "holds half of a surrogate pair such as \\ud83d: a character cut in two"
            return Fault(name, number, given, "export the record again with whole characters, or remove it")
    return value


def _too_deep(name: str, number: int) -> Fault:
    return Fault(name, number, f"nested more than {DEEPEST} levels deep", "flatten the record")


def _depth(value: Any) -> int:
    """Levels of lists and objects in a value, counted without recursion."""
    level, depth = [value], 0
    while level := [held for held in level if isinstance(held, list | dict)]:
        depth += 1
        level = [item for held in level for item in (held.values() if isinstance(held, dict) else held)]
    return depth


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object")
    return value


def _syntax(fault: json.JSONDecodeError, text: str) -> tuple[str, str]:
    """What is wrong where the parser stopped, and what to do about it."""
    rest = text[fault.pos :].lstrip()
    if rest[:1] and rest[0] in _CURLY:
        return (
            f'a typographic quotation mark {rest[0]} stands where JSON needs a straight one (")',
            "replace “ and ” around keys and values by \" (an editor's smart quotes put them there)",
        )
    if rest.startswith("'"):
        return "a single quotation mark where JSON needs a double one", "write it with json.dumps, not with str()"
    if _PYTHON.match(rest):
        return f"the word {_PYTHON.match(rest)[0]} is Python, not JSON", "use null, true or false"  # type: ignore[index]  # matched just above
    if (rest[:1] in {"}", "]"} and text[: fault.pos].rstrip().endswith(",")) or re.match(r",\s*[}\]]", rest):
        return f"a comma before the closing {rest.lstrip(', ')[:1]}", "remove the trailing comma"
    if fault.msg.startswith("Invalid control character"):
        return "a raw line break or tab inside a text", "write it as \\n or \\t"
    if fault.msg.startswith("Invalid \\escape"):
        return "a backslash that escapes nothing", "write a backslash as \\\\"
    if not rest or fault.msg.startswith("Unterminated string"):
        return "the record is cut off", "write each record on one line"
    if fault.msg.startswith("Extra data"):
        return "more text after the end of the record", "write one record a line"
    return f"{fault.msg[0].lower()}{fault.msg[1:]}, found {without_secrets(rest)[:20]!r}", ""


def _whole(text: str, name: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as fault:
        message, remedy = _syntax(fault, text)
        if fault.msg.startswith("Extra data") and text.lstrip().startswith("{"):
            message, remedy = "a second record begins here: this is JSON Lines", "write `data.format: jsonl`"
        place = f"{name}:{fault.lineno}"
        within = _record_around(text, fault.pos)
        given = f"not valid JSON at line {fault.lineno:,}, column {fault.colno:,}{within}: {message}"
        remedy = remedy or "correct this place; a JSON writer such as json.dump writes sound documents"
        raise DataError(Problem(place, given, "a JSON document", remedy)) from fault
    except RecursionError as fault:
        given = "nested too deeply to be read"
        raise DataError(Problem(name, given, "an array of records", "flatten the records")) from fault
    except ValueError as fault:
        raise DataError(Problem(name, str(fault), "each key once", "keep one of the two")) from fault


def _record_around(text: str, position: int) -> str:
    """Which record of an array a place lies in, in words; nothing where the text is no array."""
    if not text.lstrip().startswith("["):
        return ""
    decoder, number, at = json.JSONDecoder(), 1, _skip(text, text.index("[") + 1)
    while True:
        try:
            _, end = decoder.raw_decode(text, at)
        except ValueError:
            break
        if end > position:
            break
        number, at = number + 1, _skip(text, end)
    return f", record {number:,}"


def _array(text: str, start: int, name: str) -> pl.DataFrame:
    """The records of the array that begins at `start`; the text is known to be valid JSON.

    Where several stand on one line, each is known by its number.
    """
    decoder = json.JSONDecoder()
    records: list[dict[str, Any]] = []
    lines: list[int] = []
    faults: list[Fault] = []
    line, counted_to, position = 1, 0, _skip(text, start + 1)
    while text[position] != "]":
        line += text.count("\n", counted_to, position)
        counted_to = position
        value, end = decoder.raw_decode(text, position)
        lines.append(line)
        record = _checked(value, text[position:end], name, len(lines))
        if isinstance(record, Fault):
            faults.append(record)
        else:
            records.append(record)
        position = _skip(text, end)
    numbered = len(set(lines)) < len(lines)
    if faults:
        total = len(lines)
        faults = [replace(f, numbered=True) if numbered else replace(f, line=lines[f.line - 1]) for f in faults]
        what, remedy = f"of {total:,} cannot be read", "correct these records"
        raise data_error(faults, what=what, expected="an array of objects", remedy=remedy)
    return _table(records, list(range(1, len(lines) + 1)) if numbered else lines, name)


def _offset_of(text: str, key: str) -> int:
    """Where the value of a top-level key begins."""
    decoder = json.JSONDecoder()
    position = _skip(text, text.index("{") + 1)
    while True:
        found, end = decoder.raw_decode(text, position)
        position = _skip(text, text.index(":", end) + 1)
        if found == key:
            return position
        _, end = decoder.raw_decode(text, position)
        position = _skip(text, end)


def _skip(text: str, position: int) -> int:
    match = _GAP.match(text, position)
    return match.end() if match else position


def _is_records(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, dict) for item in value)


def _columns(value: dict[str, list[Any]], text: str, name: str) -> pl.DataFrame:
    lengths = {key: len(held) for key, held in value.items()}
    if len(set(lengths.values())) > 1:
        given = "its lists have different lengths: " + ", ".join(f"{key} {count:,}" for key, count in lengths.items())
        raise DataError(Problem(name, given, "lists of one length", "write the records as an array of objects"))
    whole = _checked(value, text, name, 1)
    if isinstance(whole, Fault):
        raise data_error([whole], what="cannot be read")
    refuse_reserved(list(value), name=name)
    return frame_of(value, range(1, next(iter(lengths.values())) + 1))


def _table(records: list[dict[str, Any]], lines: list[int], name: str) -> pl.DataFrame:
    columns = columns_of(records)
    refuse_reserved(list(columns), name=name)
    return frame_of(columns, lines)


def _kind(value: Any) -> str:
    kinds = {list: "an array", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")
