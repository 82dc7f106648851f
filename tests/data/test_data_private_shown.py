"""What is shown to people holds no secret, keeps its form, and names stay apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError, Problem
from tunewright.core.rows import Finding
from tunewright.data.private.shown import shielded, shielded_errors, shielded_texts
from tunewright.data.private.versions import finder_versions
from tunewright.recipe.privacy import PrivacySpec

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

KEYS = ("AKIA7Q2M4XKD9PW3ZB6T", "AKIA1111AAAA2222BBBB", "ghp_A7F3C9E2A7F3C9E2A7F3C9E2A7F3C9E2")
PLAIN = st.text(alphabet="abc \n'", max_size=12)


@dataclass(frozen=True, slots=True)
class Told:
    names: tuple[str, ...]
    counts: Mapping[str, int]
    inner: tuple[Finding, ...] = ()
    figure: float | None = None


@given(PLAIN, st.lists(st.tuples(PLAIN, st.sampled_from(KEYS)), max_size=5))
def test_secrets_leave_however_deep_and_the_rest_stays(word: str, held: list[tuple[str, str]]) -> None:
    names = tuple(f"{before} {key} {word}" for before, key in held)
    given_record = Told(
        names, dict.fromkeys(names, 3), (Finding("kind", "note", word, 1, remedy=" ".join(names)),), 0.5
    )
    told = shielded(given_record)
    assert not [key for key in KEYS if key in str(told)]
    assert (len(told.names), told.figure, told.inner[0].message) == (len(names), 0.5, word)
    assert set(told.names) == set(told.counts)
    assert len(set(told.names)) == len(set(names))
    assert shielded(told) is told


def test_one_secret_has_no_number_and_several_have() -> None:
    assert shielded((f"a {KEYS[0]}", f"b {KEYS[0]}")) == ("a <SECRET>", "b <SECRET>")
    assert sorted(shielded(list(KEYS))) == ["<SECRET_1>", "<SECRET_2>", "<SECRET_3>"]


def test_an_error_keeps_its_kind_and_place() -> None:
    with pytest.raises(DataError) as caught, shielded_errors():
        raise DataError(Problem("a.csv:3", f"time '{KEYS[0]}'", "a date"))
    assert caught.value.problems == (Problem("a.csv:3", "time '<SECRET>'", "a date"),)
    assert KEYS[0] not in repr(caught.value)


def test_texts_stay_whole_and_missing_ones_missing() -> None:
    long = "word " * 5000
    texts = shielded_texts(pl.Series("input", [f"{long}{KEYS[2]}", None, long]))
    assert texts.to_list() == [f"{long}<SECRET>", None, long]


def test_what_looks_for_names_is_declared_by_its_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A language model is a package that names itself in a group of entry points, as spaCy's do."""
    for name, version in (("en_core_web_sm", "3.7.1"), ("de_core_news_sm", "3.8.0")):
        told = tmp_path / f"{name}-{version}.dist-info"
        told.mkdir()
        (told / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n", encoding="utf-8")
        (told / "entry_points.txt").write_text(f"[spacy_models]\n{name} = {name}\n", encoding="utf-8")
    before = finder_versions(PrivacySpec(names="presidio"))
    monkeypatch.syspath_prepend(str(tmp_path))
    assert list(finder_versions(PrivacySpec())) == ["phonenumbers"]
    found = finder_versions(PrivacySpec(names="presidio"))
    assert set(found) >= {"phonenumbers", "presidio-analyzer", "spacy"}
    assert found["phonenumbers"]
    if not [name for name in before if name.startswith("en_")]:
        assert found["en_core_web_sm"] == "3.7.1"
    assert "de_core_news_sm" not in found
