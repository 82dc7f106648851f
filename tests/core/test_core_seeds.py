"""Randomness by name, and records as data: both must mean tomorrow what they mean today."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewright.core.codec import from_data, to_data
from tunewright.core.errors import RunError
from tunewright.core.results import (
    ClassScore,
    Comparison,
    ConditionOutcome,
    Estimate,
    Gap,
    GateResult,
    Outcome,
    Results,
    SystemScores,
    Verdict,
)
from tunewright.core.rows import Finding
from tunewright.core.seeds import child_seed, generator
from tunewright.core.training import EvaluationReport, StepReport


@pytest.mark.parametrize(
    ("root", "path", "expected"),
    [
        (13, ("head",), 3407461730781203551),
        (13, ("dropout", 1, 0, 0), 2774384546125984030),
        (0, (), 2033344993903900207),
    ],
)
def test_a_child_seed_is_what_it_always_was(root: int, path: tuple[str | int, ...], expected: int) -> None:
    """Were one of these to change, no run could be made again."""
    assert child_seed(root, *path) == expected


@settings(deadline=None, max_examples=100)
@given(st.integers(0, 2**40), st.lists(st.text(st.characters(codec="ascii", categories=["L", "N"])), max_size=4))
def test_a_child_seed_has_63_bits_and_changes_with_root_and_path(root: int, path: list[str]) -> None:
    seed = child_seed(root, *path)
    assert 0 <= seed < 2**63
    assert child_seed(root, *path) == seed
    assert child_seed(root + 1, *path) != seed
    assert child_seed(root, *path, "x") != seed


def test_paths_that_join_to_the_same_text_are_different_paths() -> None:
    assert child_seed(1, "ab", "c") != child_seed(1, "a", "bc")
    assert child_seed(1, 23) != child_seed(12, 3)


def test_a_generator_draws_the_same_numbers_each_time_and_touches_no_other() -> None:
    np.random.seed(1)
    before = np.random.get_state()[1].copy()
    first = generator(13, "split").integers(0, 1000, 5).tolist()
    assert generator(13, "split").integers(0, 1000, 5).tolist() == first
    assert generator(13, "other").integers(0, 1000, 5).tolist() != first
    assert (np.random.get_state()[1] == before).all()


NUMBER = Estimate(0.5, 0.4, 0.6, 10, "wilson")
UNKNOWN = Estimate(None, None, None, 0, reason="no rows")
SCORES = SystemScores(
    "tuned", "the tuned", "tuned", {"accuracy": NUMBER}, (ClassScore("a", 3, NUMBER, UNKNOWN, NUMBER),), ((1, 2),)
)
RECORDS = [
    NUMBER,
    UNKNOWN,
    SCORES,
    Comparison("accuracy", "tuned", "base", NUMBER, None, "mcnemar-exact", 3, 1, "too few"),
    Results("classification", 10, ("a",), "accuracy", (SCORES,), (), Gap("m", NUMBER, NUMBER, UNKNOWN, "fits"), ("w",)),
    GateResult(Verdict.DONT_SHIP, (ConditionOutcome("c", Outcome.UNKNOWN, "f"),), ("w",)),
    StepReport(1, 0.1, 1.5, 2.5, 1e-4, 8, 100, 8, 0.25),
    EvaluationReport(1, 0.1, {"loss": 1.0}, best=True, seconds=0.5),
    Finding("overlength", "warning", "3 rows", 3, ("a.csv:1",), "cut them"),
]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: type(record).__name__)
def test_a_record_travels_through_json_and_back(record: object) -> None:
    text = json.dumps(to_data(record), allow_nan=False)
    assert from_data(type(record), json.loads(text), place="here") == record


@settings(deadline=None, max_examples=60)
@given(st.floats(allow_nan=False, allow_infinity=False), st.integers(0, 10**9), st.text())
def test_every_number_reads_back_to_the_same_bits(value: float, n: int, reason: str) -> None:
    record = replace(NUMBER, value=value, n=n, reason=reason)
    assert from_data(Estimate, json.loads(json.dumps(to_data(record))), place="here") == record


def test_data_that_is_no_such_record_is_refused_with_its_place_and_field() -> None:
    data = {**to_data(NUMBER), "n": "many"}
    with pytest.raises(RunError) as raised:
        from_data(Estimate, data, place="results.json")
    assert raised.value.problems[0].place == "results.json"
    assert raised.value.problems[0].given.startswith("n: ")
    with pytest.raises(RunError):
        from_data(Estimate, {"value": 1.0}, place="results.json")
