from __future__ import annotations

import unicodedata

import pytest
from data_room import law
from hypothesis import given
from hypothesis import strategies as st

from tunewright.data.keys import content_key, row_id
from tunewright.data.missing import is_missing_label, is_missing_text
from tunewright.data.normalise import clean_text
from tunewright.recipe.clean import CleanSpec

TEXTS = st.text(st.characters(blacklist_categories=("Cs",)), max_size=40)
SPACED = st.text("ab \t\n\r\u00a0\u3000\u200b\x07\x0b\x85\ufeff", max_size=30)


@law(300)
@given(TEXTS | SPACED, st.booleans(), st.booleans())
def test_cleaning_twice_is_cleaning_once(text: str, whitespace: bool, control_characters: bool) -> None:
    spec = CleanSpec(whitespace=whitespace, control_characters=control_characters)
    once = clean_text(text, spec)
    assert clean_text(once, spec) == once


@law(300)
@given(TEXTS | SPACED)
def test_cleaning_keeps_every_letter_and_line_break_inside_the_text(text: str) -> None:
    def kept(value: str) -> list[str]:
        return [c for c in value.strip() if unicodedata.category(c)[0] in "LNPSM" or c in "\r\n"]

    bare = "".join(c for c in text if unicodedata.category(c) not in {"Cf", "Cc"} or c in "\t\r\n\x85")
    unrepaired = CleanSpec(mojibake=False, html=False, unicode="off")
    assert kept(clean_text(bare, unrepaired)) == kept(bare)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("  a \u00a0 b\t\tc ", "a b c"),
        ("a\n\n  b", "a\n\n b"),
        ("dol\u200blars\ufeff", "dollars"),
        ("ring\x07!", "ring!"),
        ("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"),
        ("👩\u200d👧", "👩\u200d👧"),
    ],
)
def test_cleaning_changes_blanks_and_invisible_characters_alone(text: str, clean: str) -> None:
    assert clean_text(text, CleanSpec()) == clean


def test_cleaning_that_is_off_changes_nothing() -> None:
    text = "  a \x07 <p>b</p> donâ€™t e\u0301 "
    off = CleanSpec(whitespace=False, control_characters=False, mojibake=False, html=False, unicode="off")
    assert clean_text(text, off) == text


@pytest.mark.parametrize(
    ("one", "other"),
    [("Hello, World!", "hello world"), ("ﬁne", "FINE"), ("a  b\n", "A-B"), ("Straße", "STRASSE"), ("é", "e\u0301")],
)
def test_texts_that_differ_in_case_signs_and_form_share_a_content_key(one: str, other: str) -> None:
    assert content_key(one) == content_key(other)


@pytest.mark.parametrize(
    ("one", "other"), [("a b", "ab"), ("not good", "good not"), ("😀", "😡"), ("??", "!!"), ("", "?")]
)
def test_different_texts_have_different_content_keys(one: str, other: str) -> None:
    assert content_key(one) != content_key(other)


def test_keys_are_32_hexadecimal_digits_and_stay_what_they_are() -> None:
    # A changed key would unfreeze every test that was ever locked.
    assert content_key("Hello, World!") == "b94d27b9934d3e08a52e52d7da7dabfa"
    assert row_id("tickets.csv", 1) == row_id("tickets.csv", 1) != row_id("tickets.csv", 2)
    assert len(row_id("a", 1)) == 32


@pytest.mark.parametrize("text", [None, "", " \n", "N/A", "null", " - ", "None", "\u200b\ufeff", "NaN"])
def test_texts_that_say_nothing_are_missing(text: str | None) -> None:
    assert is_missing_text(text)


@pytest.mark.parametrize("text", ["none of them", "no", "n", "0", "?", "null pointer"])
def test_short_texts_are_not_missing(text: str) -> None:
    assert not is_missing_text(text)


def test_a_class_may_be_called_none_but_not_null() -> None:
    assert not is_missing_label("none")
    assert not is_missing_label("-")
    assert all(is_missing_label(label) for label in (None, "", "  ", "N/A", "NaN", "null"))
