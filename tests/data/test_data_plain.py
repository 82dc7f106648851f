"""The ways that texts of ASCII take together give what each text would be given by itself."""

from __future__ import annotations

import re
import re._parser as patterns  # type: ignore[import-not-found]  # it tells how long a match can be
from typing import get_args

import ftfy
import polars as pl
import pytest
from data_room import law
from ftfy.badness import BADNESS_RE
from hypothesis import given
from hypothesis import strategies as st

from tunewright.data.clean_steps import at_rest, follow, steps_of
from tunewright.data.keys import content_key, content_keys
from tunewright.data.normalise import clean_rows
from tunewright.data.plain import ascii_words, is_ascii
from tunewright.data.repair import REACH, without_mojibake
from tunewright.data.rows import WORK_SCHEMA
from tunewright.data.shingles import MIN_CHARACTERS, comparable
from tunewright.recipe.clean import CleanSpec
from tunewright.recipe.recipe import TaskName

ODD = st.text(alphabet="aZ_9 .<>&;\t\n\r\x00\x0b\x0c\x1c\x1f\x7f\x85\xa0éÃ©â€™œ´ﬁßИ中\u200b\u2028", max_size=40)
TEXTS = st.one_of(ODD, st.text(max_size=60), st.text(alphabet=[chr(code) for code in range(128)], max_size=60))
EVERYTHING = CleanSpec.model_validate(
    {"mojibake": True, "html": True, "lower_case": True, "markdown": True, "placeholders": ["url", "email"]}
)
SPECS = {"as it is": CleanSpec(), "in capitals none": CleanSpec(lower_case=True), "everything": EVERYTHING}
CASES = [(task, name) for task in get_args(TaskName) for name in SPECS]


@pytest.mark.parametrize(("task", "name"), CASES)
@given(texts=st.lists(TEXTS, max_size=6))
@law(40)
def test_a_text_that_is_spared_is_one_that_no_step_changes(task: str, name: str, texts: list[str]) -> None:
    steps = steps_of(SPECS[name], task)
    held = pl.Series("text", texts, dtype=pl.String)
    for text, resting in zip(texts, at_rest(held, steps), strict=True):
        assert not resting or follow((text,), steps).texts == (text,)
    for step in steps:
        spared = step.spares(held) if step.spares is not None else [False] * len(texts)
        assert all(step.change(text) == text for text, own in zip(texts, spared, strict=True) if own)


@pytest.mark.parametrize("task", get_args(TaskName))
def test_plain_texts_are_spared_as_recipes_are_written(task: str) -> None:
    texts = pl.Series("text", ["Where is my parcel?", "two\nlines", "no blank at either end, (really)"])
    assert at_rest(texts, steps_of(CleanSpec(), task)).all()


@pytest.mark.parametrize(("task", "name"), CASES)
@given(rows=st.lists(st.tuples(st.one_of(st.none(), TEXTS), st.one_of(st.none(), TEXTS)), min_size=1, max_size=6))
@law(15)
def test_rows_are_cleaned_as_each_by_itself(task: str, name: str, rows: list[tuple[str | None, str | None]]) -> None:
    values = {name: ["x"] * len(rows) if kind == pl.String else [1] * len(rows) for name, kind in WORK_SCHEMA.items()}
    values |= {"input": [text for text, _ in rows], "target": [answer for _, answer in rows]}
    values |= {"messages": [None] * len(rows), "row_id": [str(number) for number in range(len(rows))]}
    frame = pl.DataFrame(values, schema=WORK_SCHEMA)
    whole = clean_rows(frame, SPECS[name], task)
    parts = [clean_rows(frame[number : number + 1], SPECS[name], task) for number in range(len(rows))]
    assert whole.rows.equals(pl.concat([part.rows for part in parts]))
    by = ["row_id", "rule"]
    assert whole.changes.sort(by).equals(pl.concat([part.changes for part in parts]).sort(by))


@given(texts=st.lists(TEXTS, max_size=8))
@law(200)
def test_keys_and_compared_words_are_those_of_any_text(texts: list[str]) -> None:
    held = pl.Series("text", [*texts, "<EMAIL_3> wrote", "<email_3>", "..", ""], dtype=pl.String)
    assert content_keys(held) == [content_key(text) for text in held]
    words = held.str.normalize("NFKC").str.to_lowercase().str.replace_all(r"\W+", " ").str.strip_chars(" ")
    for found, expected in zip(comparable(held), words, strict=True):
        assert found == (expected if len(expected) >= MIN_CHARACTERS else None)


@given(text=st.text(alphabet=[chr(code) for code in range(128)], max_size=60))
@law(200)
def test_words_of_ascii_are_those_that_the_pattern_finds(text: str) -> None:
    assert ascii_words(text).decode() == " ".join(re.findall(r"\w+", text.casefold()))
    assert is_ascii(pl.Series([text, f"{text}é"])).to_list() == [True, False]


BROKEN = st.text(alphabet="aZ .,Ãâ€™œ°¡«ВâÂ \xa0\x85\x93é“”’—ØÙà²√±≈‚Ä", max_size=60)


@given(text=st.one_of(BROKEN, TEXTS))
@law(400)
def test_a_text_is_repaired_as_ftfy_repairs_it(text: str) -> None:
    c1 = any("\x80" <= letter <= "\x9f" and letter != "\x85" for letter in text)
    assert without_mojibake(text) == ftfy.fix_encoding(text, ftfy.TextFixerConfig(fix_c1_controls=c1, explain=False))


def test_no_sign_of_broken_letters_is_longer_than_what_is_looked_at() -> None:
    assert patterns.parse(BADNESS_RE.pattern, BADNESS_RE.flags).getwidth()[1] <= REACH
    far = "plain words that go on and on " * 5
    assert without_mojibake(f"{far}caf\u00c3\u00a9{far}—") == f"{far}café{far}—"
    assert without_mojibake(f"—{far}it\u00e2\u20ac\u2122s{far}") == f"—{far}it’s{far}"
