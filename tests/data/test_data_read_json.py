from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from data_room import write_jsonl

from tunewright.core.errors import DataError
from tunewright.data.frame import LINE
from tunewright.data.json_document import read_json
from tunewright.data.json_table import read_jsonl
from tunewright.data.read import read_table
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path


def test_a_broken_line_is_reported_by_its_number() -> None:
    lines = [json.dumps({"text": f"t{n}", "label": "a"}) for n in range(5000)]
    lines[4710] = lines[4710][:-3]
    with pytest.raises(DataError) as caught:
        read_jsonl("\n".join(lines), name="x.jsonl")
    assert [problem.place for problem in caught.value.problems] == ["x.jsonl:4711"]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{“text”: “hi”}", "typographic quotation mark “"),
        ('{"text": “hi”}', "typographic quotation mark “"),
        ('{"text": "hi",}', "a comma before the closing }"),
        ('{"text": ["hi",]}', "a comma before the closing ]"),
        ("{'text': 'hi'}", "a single quotation mark"),
        ('{"text": None}', "None is Python"),
        ('{"text": nan}', "nan is Python"),
        ('{"text": "hi"', "cut off"),
        ('{"text": "hi', "cut off"),
        ('{"text": "a\tb"}', "a raw line break or tab"),
        ('{"text": "a\\qb"}', "a backslash that escapes nothing"),
        ('{"text": "hi"} {"text": "ho"}', "more text after the end"),
        ('["hi", "a"]', "holds an array, not an object"),
        ("3", "holds a number, not an object"),
        ('{"text": "a", "text": "b"}', "the key 'text' stands twice"),
        ('{"text": "\\ud83d"}', "half of a surrogate pair"),
    ],
)
def test_what_is_wrong_with_a_line_is_said(line: str, words: str) -> None:
    with pytest.raises(DataError) as caught:
        read_jsonl(f'{{"text": "fine"}}\n\n{line}\n', name="x.jsonl")
    assert words in str(caught.value)
    assert caught.value.problems[0].place == "x.jsonl:3"


def test_every_broken_line_is_listed_in_order() -> None:
    text = '{"a": 1}\nbad\n{"a": 2}\n[]\n{"a" 3}\n'
    with pytest.raises(DataError) as caught:
        read_jsonl(text, name="x.jsonl")
    assert [p.place for p in caught.value.problems] == ["x.jsonl", "x.jsonl:2", "x.jsonl:4", "x.jsonl:5"]
    assert "3 records of 5" in caught.value.problems[0].given


def test_typographic_quotation_marks_inside_a_text_are_fine() -> None:
    assert read_jsonl('{"text": "she said “no”"}', name="x.jsonl")["text"].to_list() == ["she said “no”"]


def test_a_line_separator_inside_a_text_ends_no_line() -> None:
    frame = read_jsonl('{"text": "a\u2028b"}\n{"text": "c"}\n', name="x.jsonl")
    assert frame[LINE].to_list() == [1, 2]


@pytest.mark.parametrize(
    "document",
    [
        [{"text": "a", "label": 1}, {"text": "b", "label": 2}],
        {"text": ["a", "b"], "label": [1, 2]},
        {"data": [{"text": "a", "label": 1}, {"text": "b", "label": 2}]},
        {"version": "1.0", "notes": [], "data": [{"text": "a", "label": 1}, {"text": "b", "label": 2}]},
    ],
)
def test_each_shape_of_json_gives_the_same_records(document: object) -> None:
    frame = read_json(json.dumps(document), name="x.json")
    assert list(frame.select("text", "label").iter_rows()) == [("a", 1), ("b", 2)]


def test_records_of_an_array_bear_the_line_where_they_begin() -> None:
    document = [{"text": "[x]", "label": 1}, {"text": "y\nz", "label": 2}, {"text": "w", "label": 3}]
    assert read_json(json.dumps(document, indent=2), name="x.json")[LINE].to_list() == [2, 6, 10]
    nested = json.dumps({"about": {"data": "["}, "data": document}, indent=1)
    lines = nested.split("\n")
    expected = [n for n, line in enumerate(lines, start=1) if line == "  {"]
    assert read_json(nested, name="x.json")[LINE].to_list() == expected


def test_a_syntax_error_is_reported_by_line_and_column() -> None:
    with pytest.raises(DataError) as caught:
        read_json('[\n {"text": "a"},\n {"text" "b"}\n]', name="x.json")
    assert caught.value.problems[0].place == "x.json:3"
    assert "line 3, column 10" in caught.value.problems[0].given


@pytest.mark.parametrize("document", ['{"text": "a"}', "3", '{"a": [1, 2], "b": [1]}', "[1, 2]"])
def test_what_holds_no_records_is_refused(document: str) -> None:
    with pytest.raises(DataError):
        read_json(document, name="x.json")


def test_values_keep_their_types_even_when_they_are_mixed() -> None:
    frame = read_jsonl('{"a": 1}\n{"a": "x"}\n{"a": [2]}\n{"b": true}\n', name="x.jsonl")
    assert frame["a"].to_list() == [1, "x", [2], None]
    assert frame["b"].to_list() == [None, None, None, True]


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.json", '{"text": "a", "label": "b"}\n{"text": "c", "label": "d"}\n', "jsonl"),
        ("a.json", '[{"text": "a", "label": "b"}]', "json"),
        ("a.data", '[{"text": "a", "label": "b"}]', "json"),
        ("a.data", '{"text": "a", "label": "b"}\n', "jsonl"),
        ("a.txt", "text\tlabel\na\tb\n", "tsv"),
        ("a", "text;label\na;b\n", "csv"),
    ],
)
def test_the_format_goes_by_ending_and_content(tmp_path: Path, name: str, content: str, kind: str) -> None:
    (tmp_path / name).write_text(content)
    table = read_table(name, folder=tmp_path, spec=DataSpec(train=name))
    assert table.format == kind
    assert table.frame["text"][0] == "a"


def test_a_jsonl_that_holds_one_array_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('[\n{"text": "a"}\n]')
    with pytest.raises(DataError, match=r"data.format: json"):
        read_table("a.jsonl", folder=tmp_path, spec=DataSpec(train="a.jsonl"))


def test_plain_text_is_refused_as_having_no_columns(tmp_path: Path) -> None:
    (tmp_path / "a.log").write_text("a line, with a comma\nand one without\nand, again, two\n")
    with pytest.raises(DataError, match="plain text without columns"):
        read_table("a.log", folder=tmp_path, spec=DataSpec(train="a.log"))


def test_the_same_bytes_have_the_same_hash(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", [{"text": "a"}])
    write_jsonl(tmp_path / "b.jsonl", [{"text": "a"}])
    spec = DataSpec(train="a.jsonl")
    hashes = {read_table(name, folder=tmp_path, spec=spec).sha256 for name in ("a.jsonl", "b.jsonl")}
    assert len(hashes) == 1


@pytest.mark.parametrize("levels", [120, 400, 100_000])
def test_a_record_nested_too_deeply_is_listed_by_line(tmp_path: Path, levels: int) -> None:
    deep = '{"text": "b", "label": "y", "more": ' + "[" * levels + "]" * levels + "}"
    fine = '{"text": "a", "label": "x", "more": ' + "[" * 20 + "]" * 20 + "}"
    (tmp_path / "a.jsonl").write_text("\n".join([deep, fine, deep]))
    with pytest.raises(DataError, match="nested more than") as caught:
        read_table("a.jsonl", folder=tmp_path, spec=DataSpec(train="a.jsonl"))
    assert [problem.place for problem in caught.value.problems[1:]] == ["a.jsonl:1", "a.jsonl:3"]
    with pytest.raises(DataError, match=r"a\.jsonl:1: nested more than"):
        read_jsonl(deep, name="a.jsonl")
    with pytest.raises(DataError, match="nested"):
        read_json(f"[{fine}, {deep}]", name="a.json")


def test_a_wide_record_is_not_called_deep() -> None:
    wide = {"text": "a", "label": "b", "many": [[n] for n in range(500)]}
    assert read_jsonl(json.dumps(wide), name="a.jsonl").height == 1


@pytest.mark.parametrize("line", ["garbage", '{"text": }', '{"text" "a"}', '{"text": "\\ud83d"}', "[1]", '{"a": 1'])
def test_whatever_is_wrong_with_a_line_there_is_something_to_do(line: str) -> None:
    with pytest.raises(DataError) as alone:
        read_jsonl(f'{{"text": "a"}}\n{line}\n', name="t.jsonl")
    (problem,) = alone.value.problems
    assert problem.place == "t.jsonl:2"
    assert problem.expected
    assert problem.remedy
    with pytest.raises(DataError) as several:
        read_jsonl(f"{line}\n{line}\n", name="t.jsonl")
    assert several.value.problems[0].remedy


@pytest.mark.parametrize("text", ["[1, oops]", '[{"a": 1} {"a": 2}]'])
def test_a_broken_document_comes_with_something_to_do(text: str) -> None:
    with pytest.raises(DataError) as raised:
        read_json(text, name="t.json")
    assert raised.value.problems[0].remedy
