"""A folder with one file a class, or one folder a class, is labelled data; other folders of texts are not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tunewright.core.errors import DataError
from tunewright.data.read import read_table
from tunewright.data.sniff import sniff
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

LINES = [f"a review of {n} words that was written in a hurry" for n in range(40)]


def laid_out(folder: Path, files: dict[str, str], encoding: str = "utf-8") -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding=encoding)
    return folder


def test_files_whose_names_differ_in_one_word_are_classes_of_a_text_a_line(tmp_path: Path) -> None:
    files = {"rt.pos.txt": "\n".join(LINES) + "\n\n", "rt.neg.txt": "bad\r\nworse\x0csame line\n", "README.txt": "x"}
    laid_out(tmp_path, files)
    found = sniff(tmp_path)
    assert (found.task, found.input.column, found.target.column) == ("classification", "text", "label")
    assert found.labels == {"pos": 40, "neg": 2}
    table = read_table(str(tmp_path), folder=tmp_path, spec=DataSpec(train=str(tmp_path)))
    assert table.frame["text"].to_list()[:2] == ["bad", "worse\x0csame line"]
    assert table.frame["__line__"].to_list() == list(range(1, 43))
    (told,) = [finding for finding in found.findings if finding.kind == "class_files"]
    assert "'neg' from rt.neg.txt" in told.message


def test_folders_of_texts_are_classes_of_a_text_a_file(tmp_path: Path) -> None:
    laid_out(tmp_path, {f"{label}/{n}.txt": f"{label}\n\n{n}" for label in ("ham", "spam") for n in range(3)})
    found = sniff(tmp_path)
    assert found.rows == 6
    read = read_table(str(tmp_path), folder=tmp_path, spec=DataSpec(train=str(tmp_path)))
    assert read.frame["text"][0] == "ham\n\n0"
    assert read.frame["label"].to_list() == ["ham"] * 3 + ["spam"] * 3


@pytest.mark.parametrize(
    "files",
    [
        {"chapter-1.txt": "a\nb\n", "chapter-2.txt": "c\nd\n"},
        {"alice.txt": "One line.\n\nAnother.\n\nA third.\n", "emma.txt": "One line.\n\nAnother.\n"},
        {"pos.one.txt": "a\n", "neg.two.txt": "b\n"},
        {"only.txt": "a\nb\n"},
        {"a/b/pos.txt": "a\n", "a/b/neg.txt": "b\n"},
    ],
    ids=["numbers", "prose", "two words differ", "one file", "deep"],
)
def test_other_folders_of_texts_are_refused_as_before(tmp_path: Path, files: dict[str, str]) -> None:
    with pytest.raises(DataError, match="without data files"):
        sniff(laid_out(tmp_path, files))


def test_names_of_splits_and_tables_go_before_classes(tmp_path: Path) -> None:
    both = laid_out(tmp_path / "splits", {"train.txt": "a b c\n" * 900, "test.txt": "d e f\n" * 900})
    assert sniff(both).task == "language_modelling"
    table = "text,label\n" + "".join(f"{line},{n % 2}\n" for n, line in enumerate(LINES))
    assert sniff(laid_out(tmp_path / "table", {"data.csv": table, "pos.txt": "a\n", "neg.txt": "b\n"})).rows == 40


def test_the_encoding_of_all_files_is_told_and_named_in_the_recipe(tmp_path: Path) -> None:
    laid_out(tmp_path, {"pos.txt": "plain\n" * 30, "neg.txt": "un cliché\n" * 30}, encoding="cp1252")
    found = sniff(tmp_path)
    assert (found.encoding, found.write_encoding) == ("cp1252", True)
    assert "guessed_encoding" in {finding.kind for finding in found.findings}
    with pytest.raises(DataError, match=r"neg\.txt"):
        read_table(str(tmp_path), folder=tmp_path, spec=DataSpec(train=str(tmp_path)))
