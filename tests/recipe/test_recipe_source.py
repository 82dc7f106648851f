"""A recipe file is plain data: no tags, no anchors, no key twice, nothing deep or large; every fault has its line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from recipe_room import SMALLEST, loaded, only, refused

from tunewright.core.errors import RecipeError
from tunewright.recipe.load import load_recipe
from tunewright.recipe.source import MAX_BYTES, MAX_DEPTH, read_source

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        (SMALLEST + "name: !!python/object/apply:os.system [echo]\n", 4, "tag"),
        (SMALLEST + "name: !custom x\n", 4, "tag"),
        (SMALLEST + "seed: !!binary aGk=\n", 4, "tag"),
        (SMALLEST + "train: &a\n  epochs: 1.0\n", 4, "anchor"),
        ("model: &m starter/encoder\ndata: *m\n", 1, "anchor"),
        (SMALLEST + "train:\n  <<: {epochs: 1.0}\n", 5, ""),
        (SMALLEST + "seed: 1\nseed: 2\n", 5, "stands twice"),
        (SMALLEST + "train:\n  epochs: 1.0\n  epochs: 2.0\n", 6, "stands twice"),
        (SMALLEST + "? [a, b]\n: 1\n", 4, "not a word"),
        (SMALLEST + "train: {epochs: 1.0\n", 5, "not valid YAML"),
        (SMALLEST + "\tseed: 1\n", 4, "not valid YAML"),
        (SMALLEST + "train: " + "{a: " * (MAX_DEPTH + 2) + "1" + "}" * (MAX_DEPTH + 2), 4, "deep"),
        ("a: 1\n---\nb: 2\n", 1, ""),
    ],
)
def test_what_is_not_plain_data_is_refused_at_its_line(tmp_path: Path, text: str, line: int, word: str) -> None:
    problems = refused(tmp_path, text)
    assert word in str(problems[0])
    assert problems[0].source.startswith(str(tmp_path / "recipe.yaml"))
    if word:
        assert problems[0].source.endswith(f"line {line}")


def test_thousands_of_brackets_are_refused_and_break_nothing(tmp_path: Path) -> None:
    assert refused(tmp_path, SMALLEST + "name: " + "[" * 20_000)
    assert refused(tmp_path, SMALLEST + "name: " + "[" * 3_000 + "]" * 3_000)


def test_a_file_too_large_to_be_a_recipe_is_not_read(tmp_path: Path) -> None:
    assert "bytes" in only(refused(tmp_path, SMALLEST + "#" * MAX_BYTES)).given


@pytest.mark.parametrize(
    ("text", "word"), [("", "empty"), ("- a\n", "list"), ("just words\n", "str"), ("# c\n", "empty")]
)
def test_a_file_without_a_mapping_is_refused(tmp_path: Path, text: str, word: str) -> None:
    assert word in only(refused(tmp_path, text)).given


def test_a_path_that_is_no_readable_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="no such file"):
        load_recipe(tmp_path / "absent.yaml")
    with pytest.raises(RecipeError, match="not a file"):
        load_recipe(tmp_path)
    (tmp_path / "latin.yaml").write_bytes("name: café\n".encode("latin-1"))
    with pytest.raises(RecipeError, match="not UTF-8"):
        load_recipe(tmp_path / "latin.yaml")


def test_a_byte_order_mark_is_no_part_of_the_first_key(tmp_path: Path) -> None:
    assert loaded(tmp_path, "\ufeff" + SMALLEST).recipe.task == "classification"


def test_yaml_words_are_those_of_version_1_2(tmp_path: Path) -> None:
    """`no` and `on` are words, not truth values: a label called `no` stays one."""
    path = tmp_path / "r.yaml"
    path.write_text("a: no\nb: on\nc: true\nd: null\ne: 1e-3\nf: 012\ng: '5'\n")
    values = read_source(path).values
    assert (values["a"], values["b"], values["c"], values["d"], values["g"]) == ("no", "on", True, None, "5")
    assert values["e"] == pytest.approx(1e-3)


def test_every_key_has_its_line(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text("a: 1\n\nb:\n  # a comment\n  c:\n    - x\n    - d: 2\n")
    source = read_source(path)
    assert source.lines == {
        ("a",): 1,
        ("b",): 3,
        ("b", "c"): 5,
        ("b", "c", 0): 6,
        ("b", "c", 1): 7,
        ("b", "c", 1, "d"): 7,
    }
    assert source.where(("b", "c", 1, "d", "deeper")) == f"{path}, line 7"
    assert source.where(("z",)) == str(path)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("sms.csv", "text,label\nhello,a\n"),
        ("sms.jsonl", '{"text": "hello", "label": "a"}\n'),
        ("sms.json", '[{"text": "hello", "label": "a"}]'),
        ("sms.json", '{"rows": [{"text": "hello"}]}'),
        ("my sms.parquet", "PAR1\xff"),
    ],
)
def test_data_where_a_recipe_belongs_is_told_what_to_do_with_it(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_bytes(content.encode("latin-1"))
    with pytest.raises(RecipeError) as raised:
        load_recipe(tmp_path / name)
    problem = only(raised.value.problems)
    assert "is a data file" in problem.given
    assert "tunewright init " in problem.remedy
    assert name in problem.remedy


def test_a_recipe_may_be_written_as_json(tmp_path: Path) -> None:
    text = '{"model": "starter/encoder", "data": "t.csv", "task": "classification"}'
    assert loaded(tmp_path, text, name="recipe.json").recipe.data.train == "t.csv"


@pytest.mark.parametrize(
    ("held", "remedy"), [("recipe.yaml", "name the recipe in it"), ("train.csv", "init"), ("x.txt", "the recipe file")]
)
def test_a_folder_where_a_recipe_belongs_is_told_by_what_it_holds(tmp_path: Path, held: str, remedy: str) -> None:
    (tmp_path / held).write_text(SMALLEST, encoding="utf-8")
    with pytest.raises(RecipeError) as raised:
        load_recipe(tmp_path)
    assert remedy in only(raised.value.problems).remedy
