"""Whatever is broken, a command answers in words: place, given, expected, remedy; never with a traceback."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest
from broken_inputs import TABLE, Broken

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_room import Ran

PARTS = ("place", "given", "expected", "remedy")


def words_of(command: str) -> list[str]:
    """The words of a command; an override with blanks is one of them."""
    head, brace, rest = command.partition("={")
    *words, last = shlex.split(head)
    return [*words, last + brace + rest]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_broken_input_is_answered_in_words(row: Broken, project: Path, tunewright: Callable[..., Ran]) -> None:
    if row.before is not None:
        row.before(project)
    for command in row.first:
        assert tunewright(*words_of(command)).code == 0
    row.make(project)
    told = tunewright(*words_of(row.command))
    assert told.code == row.code, told.said
    assert told.out == ""
    assert "Traceback" not in told.err
    assert "internal error" not in told.err
    as_json = tunewright(*words_of(row.command), "--json")
    assert as_json.code == row.code
    fault = as_json.json
    assert fault["exit_code"] == row.code
    first = fault["problems"][0]
    for part in PARTS:
        assert getattr(row, part) in str(first[part]), f"{part}: {first[part]!r}"
        assert str(first[part]) in told.err
    assert first["place"]
    assert first["given"]
    assert first["remedy"], "what to do is not said"
