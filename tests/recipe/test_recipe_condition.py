from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunewright.recipe.condition import (
    COMPARISONS,
    ConditionError,
    Either,
    Every,
    Not,
    Test,
    columns_in,
    parse_condition,
)
from tunewright.recipe.data import DataSpec


def test_and_binds_closer_than_or_and_brackets_closer_than_both() -> None:
    found = parse_condition('region == "Atlanta" and (channel != "phone" or stars >= 3) or not ok is missing')
    assert isinstance(found, Either)
    first, last = found.parts
    assert isinstance(first, Every)
    assert first.parts[0] == Test("region", "==", ("Atlanta",), 1)
    assert first.parts[1] == Either((Test("channel", "!=", ("phone",), 26), Test("stars", ">=", (3.0,), 48)))
    assert isinstance(last, Not)


@pytest.mark.parametrize(
    ("text", "test"),
    [
        ("a in ['x', \"y\", -1.5, true]", Test("a", "in", ("x", "y", -1.5, True), 1)),
        ("`created at` contains 'it''s'"[:-4] + "'", Test("created at", "contains", ("it",), 1)),
        ("größe < 3", Test("größe", "<", (3.0,), 1)),
        ("a is missing", Test("a", "missing", (), 1)),
    ],
)
def test_each_form_of_a_test_is_read(text: str, test: Test) -> None:
    assert parse_condition(text) == test


@pytest.mark.parametrize("text", ["a not in ['x']", "a is not missing", "a not contains 'x'"])
def test_not_turns_a_test_round(text: str) -> None:
    assert isinstance(parse_condition(text), Not)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at character 1: the end, expected the name of a column"),
        ("region = 'x'", "at character 8: '=' \\(equality is written ==\\)"),
        ("region == Cork", "at character 11: 'Cork', expected .*write \"Cork\" for a text"),
        ("a == 1 b == 2", "at character 8: 'b', expected 'and', 'or' or the end"),
        ("(a == 1", "at character 8: the end, expected '\\)'"),
        ("a.b == 1", "at character 2: '.b'"),
        ("a == 1; import os", "at character 7: ';'"),
        ("__import__('os')", "at character 11: '\\(', expected one of: =="),
        ("a in []", "expected a text"),
        ("a contains 3", "a text in quotation marks"),
        ('a contains ""', "at character 12: '', expected .*every text contains the empty one"),
        ("a == 3x", "at character 6: '3x'"),
        ("a == 'open", "at character 6"),
        ("not " * 40 + "a is missing", "at most 32"),
        ("(" * 40 + "a is missing" + ")" * 40, "at most 32"),
        ("a is missing or " * 200 + "a is missing", "expected at most 2,000"),
        ("a in [" + "1," * 600 + "1]", "at most 500 values"),
    ],
)
def test_what_is_no_condition_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConditionError, match=message):
        parse_condition(text)


@settings(max_examples=300)
@given(st.text("ab'\"`()[],=!<>. 12andorotinis", max_size=60) | st.text(max_size=40))
def test_any_text_is_a_condition_or_refused(text: str) -> None:
    with contextlib.suppress(ConditionError):
        found = parse_condition(text)
        assert all(test.operator in {*COMPARISONS, "in", "contains", "missing"} for test in columns_in(found))


def test_a_recipe_with_a_broken_condition_is_refused() -> None:
    with pytest.raises(ValueError, match="at character 3"):
        DataSpec(train="a.csv", keep_if="a ~ 3")
