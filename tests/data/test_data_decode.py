from __future__ import annotations

import pytest

from tunewright.core.errors import DataError, RecipeError
from tunewright.data.decode import decode, detect_encoding

TEXT = "text,label\nCafé à la carte,food\n"


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_unicode_is_read_by_itself_and_loses_its_mark(codec: str) -> None:
    assert decode(TEXT.encode(codec), name="a.csv").text == TEXT


@pytest.mark.parametrize("codec", ["cp1252", "latin-1", "utf-16-le", "cp1251", "shift_jis", "gb18030"])
def test_a_named_encoding_is_used_as_it_is_named(codec: str) -> None:
    text = TEXT if codec not in {"cp1251", "shift_jis", "gb18030"} else "text,label\nhello,a\n"
    assert decode(text.encode(codec), name="a.csv", encoding=codec).text == text


def test_a_legacy_encoding_is_refused_with_byte_line_and_remedy() -> None:
    raw = TEXT.encode("cp1252")
    with pytest.raises(DataError) as caught:
        decode(raw, name="a.csv")
    problem = caught.value.problems[0]
    assert problem.place == "a.csv:2"
    assert f"byte {raw.index(0xE9)} (0xe9)" in problem.given
    assert "data.encoding: cp1252" in problem.remedy


def test_a_broken_byte_among_sound_utf8_is_not_called_cp1252() -> None:
    raw = ("é" * 50 + "\n").encode() + b"\xe9\n"
    assert detect_encoding(raw) == ("utf-8", True)
    with pytest.raises(DataError) as caught:
        decode(raw, name="a.csv")
    assert "1 place is broken beside 50 sound" in str(caught.value)
    assert "cp1252" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Здравствуйте, где мой заказ", "cp1251"),
        ("こんにちは、注文はどこですか", "shift_jis"),
        ("너무 늦게 왔어요 환불해 주세요", "euc-kr"),
    ],
)
def test_the_likely_encoding_is_guessed_by_script(text: str, codec: str) -> None:
    assert detect_encoding((text * 5).encode(codec)) == (codec, False)


def test_an_unknown_encoding_is_an_error_of_the_recipe_with_a_near_name() -> None:
    with pytest.raises(RecipeError, match="did you mean 'cp1252'"):
        decode(b"a", name="a.csv", encoding="cp1253x")
    with pytest.raises(RecipeError):
        decode(b"a", name="a.csv", encoding="base64")


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (b"a,b\n1,\x00\x01\n", "NUL byte at byte 6 (line 2)"),
        (b"PK\x03\x04rest", "Excel"),
        (b"\x1f\x8brest", "gzip"),
        (b"SQLite format 3\x00", "SQLite"),
    ],
)
def test_what_is_not_text_is_refused_by_name(raw: bytes, words: str) -> None:
    with pytest.raises(DataError) as caught:
        decode(raw, name="a.csv")
    assert words in str(caught.value)
    assert "is not text" in str(caught.value)


def test_utf16_without_a_mark_is_recognised_and_not_read_silently() -> None:
    with pytest.raises(DataError, match=r"data.encoding: utf-16-be"):
        decode(TEXT.encode("utf-16-be"), name="a.csv")
    assert detect_encoding(TEXT.encode("utf-16-le")) == ("utf-16-le", False)


def test_bytes_that_do_not_fit_the_named_encoding_are_refused_with_their_line() -> None:
    with pytest.raises(DataError, match=r"a.csv:2"):
        decode(b"ok\n\xe9\n", name="a.csv", encoding="ascii")
