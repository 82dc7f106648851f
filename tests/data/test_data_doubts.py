"""What a person should look at in a data file is told by the first look and by the preparation alike."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from data_room import prepared, tickets, write_csv

from tunewright.data.sniff import sniff
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.core.rows import Finding

CAFE = "text,label\n" + "".join(f"le café numéro {n} est fermé,{'ab'[n % 2]}\n" for n in range(30))
HEADERLESS = "".join(f"message number {n} about words,{'ab'[n % 2]}\n" for n in range(30))
LATIN = "text,label\n" + "".join(f"don\x92t do number {n} to me,{'ab'[n % 2]}\n" for n in range(30))
LOST = "text,label\n" + "".join(f"a caf\ufffd number {n} is here,{'ab'[n % 2]}\n" for n in range(30))


def told(findings: tuple[Finding, ...], kind: str) -> list[Finding]:
    return [finding for finding in findings if finding.kind == kind]


@pytest.mark.parametrize(
    ("content", "encoding", "spec", "kind"),
    [
        (CAFE, "cp1252", {"encoding": "cp1252"}, "guessed_encoding"),
        (HEADERLESS, "utf-8", {"input": "message number 0 about words", "target": "a"}, "headerless"),
        (LATIN, "utf-8", {}, "c1_character"),
        (LOST, "utf-8", {}, "lost_character"),
    ],
)
def test_preparing_tells_of_a_file_what_the_first_look_told(
    tmp_path: Path, content: str, encoding: str, spec: dict[str, str], kind: str
) -> None:
    (tmp_path / "train.csv").write_bytes(content.encode(encoding))
    (first,) = told(sniff("train.csv", folder=tmp_path).findings, kind)
    (again,) = told(prepared(tmp_path, DataSpec(train="train.csv", **spec)).profile.findings, kind)
    assert first == again
    assert (first.severity, bool(first.remedy)) == ("warning", True)
    assert first.rows[0].startswith("train.csv:")


def test_a_guessed_encoding_shows_words_to_look_at(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes(CAFE.encode("cp1252"))
    (found,) = told(sniff(tmp_path / "t.csv").findings, "guessed_encoding")
    assert "'café', 'numéro', 'fermé'" in found.message
    assert found.count == 30


def test_plain_files_and_unicode_files_raise_no_doubt(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    assert prepared(tmp_path, DataSpec(train="train.csv", encoding="latin-1")).profile.findings == ()
    (tmp_path / "u.csv").write_text(CAFE, encoding="utf-8")
    assert sniff(tmp_path / "u.csv").findings == ()
    assert told(prepared(tmp_path, DataSpec(train="u.csv", encoding="UTF8")).profile.findings, "guessed_encoding") == []


def test_a_label_anywhere_in_its_column_gives_a_missing_header_away(tmp_path: Path) -> None:
    labels = [f"label{n % 9}" for n in range(90)]
    lines = [f"message number {n} about words,{label}\n" for n, label in enumerate(labels, start=1)]
    (tmp_path / "t.csv").write_text("the first message of all,label8\n" + "".join(lines), encoding="utf-8")
    (found,) = told(sniff(tmp_path / "t.csv").findings, "headerless")
    assert "'label8' is also a value of its column" in found.message


def test_each_file_of_a_recipe_is_looked_at(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", tickets(40))
    (tmp_path / "test.csv").write_text(LATIN.replace(",a", ",refund").replace(",b", ",delivery"), encoding="utf-8")
    (found,) = told(prepared(tmp_path, DataSpec(train="train.csv", test="test.csv")).profile.findings, "c1_character")
    assert found.rows[0] == "test.csv:2"


def test_a_folder_is_understood_by_its_files_names(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    for number, name in enumerate(("train.csv", "dev.csv", "test.csv", "notes.csv")):
        write_csv(folder / name, tickets(40, start=100 * number))
    found = sniff(folder)
    assert [(part.split, part.files, part.rows) for part in found.parts] == [
        ("train", ("train.csv",), 40),
        ("validation", ("dev.csv",), 40),
        ("test", ("test.csv",), 40),
    ]
    (unused,) = told(found.findings, "unused_file")
    assert "notes.csv" in unused.message
    (again,) = told(prepared(tmp_path, DataSpec(train="data")).profile.findings, "unused_file")
    assert "notes.csv" in again.message


def test_a_folder_with_a_test_file_alone_is_not_trained_and_tested_on_it(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    write_csv(folder / "test.csv", tickets(40))
    assert sniff(folder).parts[0].split == "train"
    splits = prepared(tmp_path, DataSpec(train="data")).splits
    assert set(splits["train"]["content_key"]).isdisjoint(splits["test"]["content_key"])
    assert splits["train"].height < 40


def test_a_key_that_is_misspelt_in_one_record_is_told_with_the_name_it_is_like(tmp_path: Path) -> None:
    rows = [{"prompt": f"what is {n}?", "compltion" if n == 7 else "completion": f"it is {n}"} for n in range(30)]
    (tmp_path / "train.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    (said,) = told(sniff("train.jsonl", folder=tmp_path).findings, "empty_column")
    assert said.message.endswith("are empty in compltion (did you mean 'completion'?)")
