"""A file of synonyms, behind the core Protocol WordSuggester."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING

from tunewright.core.errors import DataError, Problem, RecipeError
from tunewright.core.files import resolve_path
from tunewright.data.decode import decode
from tunewright.data.entries import file_bytes, require_entry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from tunewright.core.places import WordPlace

_BETWEEN = re.compile(r"[;|]")
"""What may stand between synonyms of one cell."""
HEADER = "word"
EXPECTED = "lines of a word and its synonyms, or JSON that maps words to lists of synonyms"


class Thesaurus:
    """Words and their synonyms; capitals play no part. Implements `core.protocols.WordSuggester`."""

    def __init__(self, synonyms: Mapping[str, Sequence[str]]) -> None:
        self._synonyms = synonyms

    def __len__(self) -> int:
        return len(self._synonyms)

    def suggest(self, places: Sequence[WordPlace]) -> list[Sequence[str]]:
        """The synonyms of each word in the order of the file."""
        return [self._synonyms.get(place.word.casefold(), ()) for place in places]


def read_thesaurus(name: str, folder: Path) -> Thesaurus:
    """The synonyms of a file. Raises RecipeError where there is none; DataError where it holds none, or not as such."""
    path = resolve_path(name, folder)
    if not require_entry(path, name):
        raise RecipeError(Problem("data.augment.methods", f"{name!r} is not there", EXPECTED, "correct the path"))
    text = decode(file_bytes(path, name), name=name).text
    pairs = _of_json(text, name) if path.suffix.lower() == ".json" else _of_lines(text, path.suffix.lower())
    found: dict[str, dict[str, None]] = {}
    for word, synonyms in pairs:
        others = (each.strip() for each in synonyms)
        kept = {other: None for other in others if other and other.casefold() != word.casefold()}
        if kept:
            found.setdefault(word.strip().casefold(), {}).update(kept)
    if not found:
        raise DataError(Problem(name, "holds no word with a synonym", EXPECTED, "name another file"))
    return Thesaurus({word: tuple(others) for word, others in found.items()})


def _of_lines(text: str, ending: str) -> Iterable[tuple[str, list[str]]]:
    delimiter = "\t" if ending in {".tsv", ".tab"} else ","
    for number, cells in enumerate(csv.reader(io.StringIO(text), delimiter=delimiter)):
        if not cells or not cells[0].strip() or (number == 0 and cells[0].strip().casefold() == HEADER):
            continue
        yield cells[0], [synonym for cell in cells[1:] for synonym in _BETWEEN.split(cell)]


def _of_json(text: str, name: str) -> Iterable[tuple[str, list[str]]]:
    try:
        held = json.loads(text)
    except (ValueError, RecursionError) as fault:
        given = f"is not valid JSON: {str(fault).splitlines()[0]}"
        raise DataError(Problem(name, given, EXPECTED, "correct the file")) from fault
    if not isinstance(held, dict):
        raise DataError(Problem(name, "holds no mapping", EXPECTED, "write words as keys"))
    for word, synonyms in held.items():
        listed = [synonyms] if isinstance(synonyms, str) else synonyms
        if not isinstance(listed, list) or not all(isinstance(each, str) for each in listed):
            raise DataError(Problem(f"{name}, word {word!r}", "has no list of words", EXPECTED, "correct this entry"))
        yield word, listed
