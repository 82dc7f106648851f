"""The text of web pages, Word documents and PDF files, to be learned as it is: one record a paragraph or page.

Only what people read is kept: no scripts, styles, comments, menus or forms, and nothing is fetched.
"""

from __future__ import annotations

import io
import logging
import re
import zipfile
from typing import TYPE_CHECKING, Any

from lxml import etree

from tunewright.core.errors import DataError, Problem
from tunewright.core.optional import import_optional
from tunewright.data.archives import checked_zip
from tunewright.data.faults import counted
from tunewright.data.frame import frame_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

TEXT, PAGE, PARAGRAPH = "text", "page", "paragraph"
EXTRA = "documents"
MOST_PAGES = 20_000
_UNREAD = "script style noscript template head nav footer aside form svg math iframe object select button dialog"
UNREAD = frozenset(_UNREAD.split(" "))
"""Elements that hold no text of the page: code, menus, what stands around the text, and what is filled in."""
_BLOCKS = (
    "p div section article main header h1 h2 h3 h4 h5 h6 ul ol li dl dt dd table tr blockquote pre figure figcaption "
    "caption hr address details summary body html"
)
BLOCKS = frozenset(_BLOCKS.split(" "))
"""Elements that end the paragraph before them."""
CELLS = frozenset({"td", "th"})


def read_html(text: str, *, name: str) -> pl.DataFrame:
    """A frame of the paragraphs of a page: of its `main` or only `article` where it has one, else of its body."""
    parser = etree.HTMLParser(encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(text.encode(), parser)
    except (etree.LxmlError, ValueError) as fault:
        raise _unreadable(name, "HTML", fault) from fault
    if root is None:
        raise _textless(name, "HTML")
    return _paragraphs(list(_html_paragraphs(_main(root))), name, "HTML")


def _main(root: Any) -> Any:
    for tag in ("main", "article"):
        found = list(root.iter(tag))
        if len(found) == 1:
            return found[0]
    return root


def _html_paragraphs(root: Any) -> Iterator[str]:
    held: list[str] = []
    unread = 0
    for event, element in etree.iterwalk(root, events=("start", "end")):
        tag = element.tag
        unread += (1 if event == "start" else -1) if tag in UNREAD else 0
        if tag in BLOCKS:
            yield _joined(held)
            held = []
        if tag in CELLS or tag == "br":
            held.append("\t" if tag in CELLS and event == "end" else " ")
        text = element.text if event == "start" else element.tail if element is not root else None
        if text and not unread:
            held.append(text)
    yield _joined(held)


def _joined(held: Sequence[str]) -> str:
    return re.sub(r"[ \t\r\n\f]+", " ", "".join(held)).strip()


def read_docx(raw: bytes, *, name: str) -> pl.DataFrame:
    """A frame of the paragraphs of a Word document and the rows of its tables, in their order.

    Raises MissingPackage without the extra `documents`, DataError for a broken file and for one without text.
    """
    docx = import_optional("docx", extra=EXTRA, purpose=f"reading {name}")
    checked_zip(raw, name, "Word document")
    try:
        document = docx.Document(io.BytesIO(raw))
        found = list(_docx_paragraphs(document))
    except (*ODD, zipfile.BadZipFile, etree.LxmlError) as fault:
        raise _unreadable(name, "a Word document", fault) from fault
    return _paragraphs(found, name, "Word document")


def _docx_paragraphs(document: Any) -> Iterator[str]:
    for block in document.iter_inner_content():
        if hasattr(block, "rows"):
            yield from ("\t".join(cell.text.strip() for cell in row.cells) for row in block.rows)
        else:
            yield block.text


def read_pdf(raw: bytes, *, name: str) -> pl.DataFrame:
    """A frame of the pages of a PDF file that hold text, in the order of the file.

    Raises MissingPackage without the extra `documents`; DataError for a broken or locked file, one of too many pages,
    and one whose pages are pictures.
    """
    pypdf = import_optional("pypdf", extra=EXTRA, purpose=f"reading {name}")
    quiet = logging.getLogger("pypdf")
    level = quiet.level
    quiet.setLevel(logging.CRITICAL)  # what it mends in passing is of no use to anybody; what it cannot is raised
    try:
        reader = pypdf.PdfReader(io.BytesIO(raw))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DataError(Problem(name, "is locked with a password", "a PDF file that opens", "save it unlocked"))
        pages = len(reader.pages)
        if pages > MOST_PAGES:
            raise DataError(Problem(name, f"has {pages:,} pages", f"at most {MOST_PAGES:,}", "split it"))
        texts = [(number, page.extract_text().strip()) for number, page in enumerate(reader.pages, start=1)]
    except (*ODD, pypdf.errors.PyPdfError) as fault:
        raise _unreadable(name, "a PDF file", fault) from fault
    finally:
        quiet.setLevel(level)
    held = [(number, text) for number, text in texts if text]
    if not held:
        given = f"has {counted(pages, 'page')} and no text: they are pictures"
        raise DataError(Problem(name, given, "a PDF file with text", "recognise its text (OCR) and save that"))
    numbers = [number for number, _ in held]
    return frame_of({TEXT: [text for _, text in held], PAGE: numbers}, numbers)


ODD = (ValueError, KeyError, TypeError, AttributeError, IndexError, OSError, RecursionError, NotImplementedError)
"""What readers of documents raise for files that are not what they say, beside errors of their own."""


def _paragraphs(texts: Sequence[str], name: str, kind: str) -> pl.DataFrame:
    held = [text for text in texts if text.strip()]
    if not held:
        raise _textless(name, kind)
    return frame_of({TEXT: held}, range(1, len(held) + 1))


def _textless(name: str, kind: str) -> DataError:
    return DataError(Problem(name, f"is {kind} without text", "text to learn", "name another file"))


def _unreadable(name: str, kind: str, fault: BaseException) -> DataError:
    reason = str(fault).partition("\n")[0] or type(fault).__name__
    given = f"cannot be read as {kind}: {reason}"
    return DataError(Problem(name, given, "a whole file", "open it in the program that made it, and save it again"))
