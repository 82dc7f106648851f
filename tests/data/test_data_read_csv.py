from __future__ import annotations

import csv
import io
import time
from typing import TYPE_CHECKING

import pytest
from data_room import law, write_csv
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.errors import DataError
from tunewright.data.csv_table import read_csv, sniff_delimiter
from tunewright.data.frame import LINE
from tunewright.data.read import read_table
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from pathlib import Path

CELLS = st.text(st.characters(blacklist_categories=("Cs",), blacklist_characters="\x00\r"), max_size=8)


@law()
@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), st.sampled_from(",;\t|"))
def test_what_the_csv_module_writes_is_read_back_cell_by_cell(rows: list[tuple[str, str]], delimiter: str) -> None:
    stream = io.StringIO(newline="")
    csv.writer(stream, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows([("a", "b"), *rows])
    frame = read_csv(stream.getvalue(), name="t.csv", delimiter=delimiter)
    assert list(frame.select("a", "b").iter_rows()) == rows


def test_a_record_bears_the_line_where_it_begins() -> None:
    text = 'text,label\n"one\ntwo\nthree",a\nfour,b\n\n"five\n",c\n'
    assert read_csv(text, name="t.csv")[LINE].to_list() == [2, 5, 7]


def test_line_breaks_of_other_systems_are_counted_alike() -> None:
    assert read_csv('text,label\r\n"a\r\nb",x\r\nc,y\r\n', name="t.csv")[LINE].to_list() == [2, 4]


def test_every_ragged_row_is_listed_by_line_in_one_pass() -> None:
    with pytest.raises(DataError) as caught:
        read_csv("text,label\na\nb,x\nc,y,z\n", name="t.csv")
    assert [problem.place for problem in caught.value.problems] == ["t.csv", "t.csv:2", "t.csv:4"]
    assert "1 cell, the header has 2" in str(caught.value)
    assert "2 records of 3" in str(caught.value)


def test_faults_of_one_kind_are_shown_once_and_all_are_counted() -> None:
    with pytest.raises(DataError) as caught:
        read_csv("text,label\n" + "lonely\n" * 57, name="t.csv")
    head, *shown = caught.value.problems
    assert "57 records" in head.given
    assert [problem.place for problem in shown] == ["t.csv:2", "t.csv:3", "t.csv:4", "t.csv"]
    assert shown[-1].given == "54 others of this kind: line 5, 6, 7, 8, 9, 10, 11, 12 and 46 more"


def test_a_quotation_mark_that_is_never_closed_is_refused_at_its_line() -> None:
    with pytest.raises(DataError) as caught:
        read_csv('text,label\na,b\n"c,d\ne,f\n', name="t.csv")
    assert caught.value.problems[0].place == "t.csv:3"
    assert "never closed" in str(caught.value)


def test_a_cell_beyond_the_limit_is_refused_clearly() -> None:
    with pytest.raises(DataError, match="longer than 131,072 characters"):
        read_csv(f"text,label\n{'x' * 140_000},a\n", name="t.csv")


def test_a_tsv_with_unpaired_quotation_marks_is_read_without_quoting() -> None:
    frame = read_csv('text\tlabel\n"quite so\ta\nhe said "no"\tb\n', name="t.tsv", delimiter="\t")
    assert frame["text"].to_list() == ['"quite so', 'he said "no"']


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_under_which_rows_are_even(delimiter: str) -> None:
    text = f"text{delimiter}label\n" + f"one, two; three | four x{delimiter}a\n".replace(delimiter + " ", " ") * 3
    assert sniff_delimiter(text) == delimiter


def test_a_spreadsheets_separator_line_is_obeyed_and_counted() -> None:
    frame = read_csv("sep=;\ntext;label\na,b;c\n", name="t.csv")
    assert frame.row(0) == (3, "a,b", "c")


def test_unnamed_columns_are_named_by_position_and_repeated_names_refused() -> None:
    assert read_csv("v1,,\na,b,c\n", name="t.csv").columns == [LINE, "v1", "column_2", "column_3"]
    with pytest.raises(DataError, match="'text' more than once"):
        read_csv("text,text\na,b\n", name="t.csv")
    with pytest.raises(DataError, match="__line__"):
        read_csv("text,__line__\na,b\n", name="t.csv")


def test_cells_stay_strings_as_written(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", [{"text": "007", "label": "1.50"}, {"text": "", "label": "NaN"}])
    table = read_table("t.csv", folder=tmp_path, spec=DataSpec(train="t.csv"))
    assert list(table.frame.iter_rows()) == [(2, "007", "1.50"), (3, "", "NaN")]


@pytest.mark.parametrize("content", ["", "\n\n", "text,label\n", "\ufeff"])
def test_a_file_without_records_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match=r"is empty|holds no records"):
        read_table("t.csv", folder=tmp_path, spec=DataSpec(train="t.csv"))


def test_a_csv_that_holds_json_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('{"text": "a", "label": "b"}\n{"text": "c", "label": "d"}\n')
    with pytest.raises(DataError, match=r"is named .csv and holds JSONL") as caught:
        read_table("t.csv", folder=tmp_path, spec=DataSpec(train="t.csv"))
    assert "data.format: jsonl" in caught.value.problems[0].remedy


def test_a_missing_file_names_its_neighbours(tmp_path: Path) -> None:
    (tmp_path / "tickets.csv").write_text("text,label\na,b\n")
    with pytest.raises(DataError, match=r"did you mean 'tickets.csv'"):
        read_table("tikets.csv", folder=tmp_path, spec=DataSpec(train="x"))


def test_a_hundred_thousand_rows_are_read_in_seconds(tmp_path: Path) -> None:
    write_csv(tmp_path / "t.csv", ({"text": f"text {n}, quoted", "label": f"l{n % 9}"} for n in range(100_000)))
    start = time.perf_counter()
    table = read_table("t.csv", folder=tmp_path, spec=DataSpec(train="t.csv"))
    assert table.frame.height == 100_000
    assert time.perf_counter() - start < 10  # about 0.3 s on an idle machine; the bound only catches quadratic work
