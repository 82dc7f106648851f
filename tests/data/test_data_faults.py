"""Faults of many records are told together: each kind with its first places, and none is left uncounted."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from data_room import law
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError
from tunewright.data.faults import SHOWN, Fault, data_error
from tunewright.data.json_document import read_json
from tunewright.data.sources import checked_rows, read_sources
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path


@law(200)
@given(st.lists(st.sampled_from(["has no text", "holds 7, a number", "holds 'x y'"]), min_size=2, max_size=200))
def test_every_fault_is_listed_or_counted(messages: list[str]) -> None:
    faults = [Fault("a.csv", line, message) for line, message in enumerate(messages, start=2)]
    head, *shown = data_error(faults, what="are wrong").problems
    counts = [re.match(r"(\d+) others of this kind", problem.given) for problem in shown]
    assert sum(int(count[1]) if count else 1 for count in counts) == len(faults)
    assert head.given.startswith(f"{len(faults)} records are wrong")
    assert sum(problem.count for problem in (head, *shown)) == len(faults)


def test_faults_that_differ_in_names_and_numbers_alone_are_of_one_kind() -> None:
    faults = [Fault("a.csv", n, f"turn {n} has the role 'role {n}'", "write user") for n in range(1, 31)]
    faults.insert(9, Fault("a.csv", 99, "has no text"))
    problems = data_error(faults, what="are wrong").problems
    assert [problem.place for problem in problems] == ["a.csv", "a.csv:1", "a.csv:2", "a.csv:3", "a.csv", "a.csv:99"]
    assert problems[4].given.startswith("27 others of this kind: line 4, 5, 6")


def test_no_more_than_twenty_entries_are_listed() -> None:
    faults = [Fault("a.csv", n, "wrong in a way " + "x" * n) for n in range(1, 40)]
    problems = data_error(faults, what="are wrong").problems
    assert len(problems) == SHOWN + 1
    assert problems[0].given == "39 records are wrong; 20 are listed"
    assert problems[0].count == 19


def test_records_of_one_line_are_known_by_their_number(tmp_path: Path) -> None:
    records = [{"text": f"text {n}", "label": "a"} for n in range(20)]
    with pytest.raises(DataError, match=r"x\.json, record 18: holds a text, not an object"):
        read_json(json.dumps([*records[:17], "none", *records[17:]]), name="x.json")
    (tmp_path / "x.json").write_text(json.dumps([*records[:11], {"text": 7, "label": "a"}, *records]))
    spec = DataSpec(train="x.json", input="text", target="label")
    with pytest.raises(DataError, match=r"x\.json, record 12"):
        checked_rows(read_sources(spec, folder=tmp_path, task="classification"))
    assert read_json(json.dumps(records), name="x.json")["__line__"].to_list() == list(range(1, 21))


def test_records_with_lines_of_their_own_are_known_by_these() -> None:
    text = json.dumps([{"text": "a"}, "none", {"text": "b"}], indent=1)
    with pytest.raises(DataError, match=r"x\.json:5: holds a text"):
        read_json(text, name="x.json")


def test_a_slip_within_one_long_line_is_told_with_its_record() -> None:
    sound = json.dumps([{"text": f"text {n}"} for n in range(9)])
    with pytest.raises(DataError, match=r"line 1, column \d+, record 4: "):
        read_json(sound.replace('"text 3"', "'text 3'"), name="x.json")
