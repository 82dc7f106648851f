"""JSON Lines text to a table, with the line where each record begins."""

from __future__ import annotations

import json
import re
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

from tunewright.data.faults import Fault, data_error
from tunewright.data.frame import columns_of, frame_of
from tunewright.data.headers import require_fit_names, shown_name
from tunewright.data.private.redact import without_secrets

if TYPE_CHECKING:
    import polars as pl

DEEPEST = 100
"""Levels of a record that can be read: no data needs more, and what walks it later must not run out of stack."""

CORRECT = "correct the line or remove it; a JSON writer such as json.dumps, one call a record, writes sound ones"

LONG_NUMBER = f"holds a whole number of more than {sys.get_int_max_str_digits():,} digits"
"""What Python itself refuses to read, for it takes time that grows with the square of the digits."""
SHORTEN = "write it in quotation marks if it is a text, such as an identifier"

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
    return table_of(records, lines, name)


def _record(line: str, name: str, number: int) -> dict[str, Any] | Fault:
    try:
        value = json.loads(line, object_pairs_hook=unique_keys)
    except json.JSONDecodeError as fault:
        message, remedy = syntax_fault(fault, line)
        return Fault(name, number, f"not valid JSON at column {fault.pos + 1}: {message}", remedy)
    except RepeatedKey as fault:
        return Fault(name, number, str(fault), "keep one of the two")
    except ValueError:
        return Fault(name, number, LONG_NUMBER, SHORTEN)
    except RecursionError:
        return _too_deep(name, number)
    return checked_record(value, line, name, number)


def checked_record(value: Any, raw: str, name: str, number: int) -> dict[str, Any] | Fault:
    """The record, or what is wrong with it; `raw` is the text that it was parsed from."""
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


class RepeatedKey(ValueError):  # told with the record's place by whoever catches it
    """An object that has one key twice, of which a parser would keep the last."""


def unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """The object of these pairs. Raises RepeatedKey where one key stands twice."""
    value = dict(pairs)
    if len(value) != len(pairs):
        (twice, _), *_ = Counter(key for key, _ in pairs).most_common(1)
        raise RepeatedKey(f"the key {shown_name(twice)} stands twice in one object")
    return value


def syntax_fault(fault: json.JSONDecodeError, text: str) -> tuple[str, str]:
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


def table_of(records: list[dict[str, Any]], lines: list[int], name: str) -> pl.DataFrame:
    """A frame of the records. Raises DataError for keys that cannot be columns."""
    require_fit_names(list(dict.fromkeys(key for record in records for key in record)), name)
    return frame_of(columns_of(records), lines)


def _kind(value: Any) -> str:
    kinds = {list: "an array", str: "a text", bool: "true or false", int: "a number", float: "a number"}
    return kinds.get(type(value), "null")
