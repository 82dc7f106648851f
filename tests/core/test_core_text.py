"""Text of others on a terminal: nothing in it steers, and what is harmless stays as it is."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.text import ESCAPED, plain


@given(st.text(st.characters(categories=["C", "Z", "L"])))
def test_what_is_shown_steers_nothing_and_can_be_printed(text: str) -> None:
    shown = plain(text)
    assert not {unicodedata.category(c) for c in shown} & ESCAPED
    assert shown.encode("utf-8").decode("utf-8") == shown
    assert plain(shown) == shown


@given(st.text(st.characters(categories=["L", "N", "P", "S", "Zs"])))
def test_what_is_harmless_stays_as_it_is(text: str) -> None:
    assert plain(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("\x1b[31m", "\\x1b[31m"), ("a\nb\tc", "a\\nb\\tc"), ("\u202e\u2028", "\\u202e\\u2028"), ("\udc80", "\\udc80")],
)
def test_a_control_character_is_written_out(text: str, shown: str) -> None:
    assert plain(text) == shown
