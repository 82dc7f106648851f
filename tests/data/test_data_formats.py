"""Arrow files, workbooks, packed text, and the text of documents, as tables."""

from __future__ import annotations

import datetime
import gzip
import sys
from typing import TYPE_CHECKING

import polars as pl
import pytest
from data_room import prepared, tickets, write_csv, write_jsonl

from tunewright.core.errors import DataError, MissingPackage, RecipeError
from tunewright.data.read import RawTable, read_table
from tunewright.data.sniff import sniff
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

openpyxl = pytest.importorskip("openpyxl", reason="the extra xlsx is not installed")
docx = pytest.importorskip("docx", reason="the extra documents is not installed")
pypdf = pytest.importorskip("pypdf", reason="the extra documents is not installed")

PAGE = """<html><head><title>Title</title><style>p {}</style></head><body><nav>Menu</nav>
<h1>Late  parcels</h1><p>A parcel <b>may</b> be late.<script>track()</script> We are sorry.</p>
<!-- hidden --><ul><li>one<li>two</ul><table><tr><th>day<th>count<tr><td>Monday<td>3</table><footer>Imprint</footer>"""


def read(folder: Path, name: str, **keys: str) -> RawTable:
    return read_table(name, folder=folder, spec=DataSpec(train=name, **keys))


def book(folder: Path, rows: list[list[object]], *more: str) -> Path:
    """A workbook whose first sheet holds the rows, and empty sheets of these names behind it."""
    held = openpyxl.Workbook()
    for row in rows:
        held.active.append(row)
    for title in more:
        held.create_sheet(title).append(["other"])
        held[title].append(["row"])
    held.save(folder / "t.xlsx")
    return folder / "t.xlsx"


@pytest.mark.parametrize(
    ("name", "write"),
    [
        ("t.arrow", pl.DataFrame.write_ipc),
        ("t.feather", pl.DataFrame.write_ipc),
        ("t.arrow", pl.DataFrame.write_ipc_stream),
    ],
)
def test_an_arrow_file_holds_what_was_written(tmp_path: Path, name: str, write: Callable[..., object]) -> None:
    frame = pl.DataFrame(tickets(5))
    write(frame, tmp_path / name)
    table = read(tmp_path, name)
    assert table.format == "arrow"
    assert table.frame.drop("__line__").equals(frame)


def test_a_workbook_is_prepared_as_the_same_rows_in_csv_are(tmp_path: Path) -> None:
    rows = tickets(60)
    write_csv(tmp_path / "train.csv", rows)
    book(tmp_path, [["text", "label"], *([row["text"], row["label"]] for row in rows)])
    one, other = prepared(tmp_path, DataSpec(train="t.xlsx")), prepared(tmp_path)
    texts = [sorted(text for rows in held.splits.values() for text in rows["input"]) for held in (one, other)]
    assert len(texts[0]) == 60
    assert texts[0] == texts[1]


def test_cells_keep_their_types_and_rows_their_numbers(tmp_path: Path) -> None:
    when = datetime.datetime(2025, 3, 1, 12)  # a workbook knows no zones
    book(tmp_path, [["text", "n", "when", "flag"], [], ["a", 3.0, when, True], ["b"]])
    frame = read(tmp_path, "t.xlsx").frame
    assert frame.rows() == [(3, "a", 3, when, True), (4, "b", None, None, None)]


def test_the_sheet_is_taken_by_name_and_the_first_is_said_where_there_are_several(tmp_path: Path) -> None:
    book(tmp_path, [["text"], ["a"]], "Second", "Third")
    (said,) = read(tmp_path, "t.xlsx").remarks
    assert "'Sheet' is read, the first; others: Second, Third" in said.message
    second = read(tmp_path, "t.xlsx", sheet="Second")
    assert second.remarks == ()
    assert second.frame.columns == ["__line__", "other"]
    with pytest.raises(RecipeError, match="did you mean 'Second'"):
        read(tmp_path, "t.xlsx", sheet="Secnd")


def test_what_the_values_of_a_sheet_do_not_show_is_told(tmp_path: Path) -> None:
    path = book(tmp_path, [["text", "label"], ["a", "x"], ["b", None], ["c", "=A1"], ["d", "#REF!"]])
    held = openpyxl.load_workbook(path)
    held.active.merge_cells("B2:B3")
    held.save(path)
    told = {finding.kind: finding for finding in read(tmp_path, "t.xlsx").remarks}
    assert set(told) == {"merged_cell", "formula_without_value", "formula_error"}
    assert told["merged_cell"].rows == ("t.xlsx:2",)
    assert told["formula_error"].rows == ("t.xlsx:5",)


def test_a_row_longer_than_the_header_is_listed(tmp_path: Path) -> None:
    book(tmp_path, [["text", "label"], ["a", "x"], ["b", "y", "z"]])
    with pytest.raises(DataError, match=r"t\.xlsx:3: 3 cells, the header has 2"):
        read(tmp_path, "t.xlsx")


def test_a_sheet_asked_of_what_has_none_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", tickets(2))
    with pytest.raises(RecipeError, match="is no workbook"):
        read(tmp_path, "a.csv", sheet="One")


@pytest.mark.parametrize("ending", ["csv", "jsonl"])
def test_packed_text_is_read_as_the_text_is(tmp_path: Path, ending: str) -> None:
    (write_csv if ending == "csv" else write_jsonl)(tmp_path / f"a.{ending}", tickets(9))
    raw = (tmp_path / f"a.{ending}").read_bytes()
    (tmp_path / f"b.{ending}.gz").write_bytes(gzip.compress(raw[:40]) + gzip.compress(raw[40:]))
    plain, packed = read(tmp_path, f"a.{ending}"), read(tmp_path, f"b.{ending}.gz")
    assert packed.frame.equals(plain.frame)
    assert packed.format == ending


def test_a_page_gives_what_people_read_of_it(tmp_path: Path) -> None:
    (tmp_path / "p.html").write_text(PAGE)
    assert read(tmp_path, "p.html").frame["text"].to_list() == [
        "Late parcels",
        "A parcel may be late. We are sorry.",
        "one",
        "two",
        "day count",
        "Monday 3",
    ]


def test_the_main_part_of_a_page_is_its_text(tmp_path: Path) -> None:
    (tmp_path / "p.html").write_text("<body><p>around</p><main><p>inside</p></main> behind</body>")
    assert read(tmp_path, "p.html").frame["text"].to_list() == ["inside"]


def test_a_word_document_gives_its_paragraphs_and_the_rows_of_its_tables(tmp_path: Path) -> None:
    document = docx.Document()
    document.add_paragraph("First")
    table = document.add_table(1, 2)
    table.rows[0].cells[0].text, table.rows[0].cells[1].text = "left", "right"
    document.add_paragraph("")
    document.add_paragraph("Last")
    document.save(tmp_path / "d.docx")
    assert read(tmp_path, "d.docx").frame["text"].to_list() == ["First", "left\tright", "Last"]


def test_a_pdf_file_gives_its_pages_that_hold_text(tmp_path: Path) -> None:
    (tmp_path / "d.pdf").write_bytes(pdf_of("Hello parcels", "", "Good bye"))
    frame = read(tmp_path, "d.pdf").frame
    assert frame["text"].to_list() == ["Hello parcels", "Good bye"]
    assert frame["page"].to_list() == [1, 3]


def test_a_pdf_file_of_pictures_is_told_so(tmp_path: Path) -> None:
    (tmp_path / "d.pdf").write_bytes(pdf_of("", ""))
    with pytest.raises(DataError, match="2 pages and no text"):
        read(tmp_path, "d.pdf")


def test_a_folder_of_documents_is_learned_as_raw_text(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    for n in range(6):
        body = "".join(f"<p>Paragraph {m} of page {n} says something.</p>" for m in range(10))
        (tmp_path / "docs" / f"page{n}.html").write_text(f"<body>{body}</body>")
    found = sniff("docs", folder=tmp_path)
    assert found.task == "language_modelling"
    assert found.input is not None
    assert found.input.column == "text"
    assert found.group is not None
    assert found.group.column == "document_id"
    held = prepared(tmp_path, DataSpec(train="docs", group="document_id"), task="language_modelling")
    groups = [set(rows["group"]) for rows in held.splits.values()]
    assert sum(map(len, groups)) == len(set.union(*groups))


def test_a_document_has_no_labels(tmp_path: Path) -> None:
    (tmp_path / "p.html").write_text(PAGE)
    with pytest.raises(RecipeError, match="is raw text, which has no label"):
        prepared(tmp_path, DataSpec(train="p.html"))


@pytest.mark.parametrize(
    ("package", "name", "extra"),
    [("openpyxl", "t.xlsx", "xlsx"), ("docx", "d.docx", "documents"), ("pypdf", "d.pdf", "documents")],
)
def test_a_missing_package_is_named_with_the_extra_that_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, package: str, name: str, extra: str
) -> None:
    book(tmp_path, [["text"], ["a"]])
    docx.Document().save(tmp_path / "d.docx")
    (tmp_path / "d.pdf").write_bytes(pdf_of("a"))
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(MissingPackage) as raised:
        read(tmp_path, name)
    assert raised.value.exit_code == 2
    assert f"tunewright[{extra}]" in raised.value.problems[0].remedy


def pdf_of(*texts: str) -> bytes:
    """A PDF file of one page a text, as its standard writes it."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b""]
    kids = []
    for text in texts:
        stream = f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode() if text else b""
        objects.append(b"<</Length %d>>stream\n%b\nendstream" % (len(stream), stream))
        font = b"<</Font<</F1<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>>>>>"
        page = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 300 200]/Contents %d 0 R/Resources%b>>" % (len(objects), font)
        objects.append(page)
        kids.append(b"%d 0 R" % len(objects))
    objects[1] = b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(kids), b" ".join(kids))
    raw, starts = b"%PDF-1.4\n", []
    for number, held in enumerate(objects, start=1):
        starts.append(len(raw))
        raw += b"%d 0 obj%b endobj\n" % (number, held)
    table = b"".join(b"%010d 00000 n \n" % start for start in starts)
    tail = b"trailer<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(raw))
    return raw + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + tail
