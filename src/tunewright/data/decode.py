"""Bytes to text: UTF-8 and marked UTF-16 by themselves, anything else only when the recipe names it."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from tunewright.core.errors import DataError, Problem, RecipeError, did_you_mean
from tunewright.data.faults import counted

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
MAGIC = (
    (b"PAR1", "a Parquet file", "write `data.format: parquet`, or name it .parquet"),
    (b"PK\x03\x04", "a zip archive, as an Excel workbook is", "name a workbook .xlsx; unpack any other archive"),
    (b"\x1f\x8b", "a gzip archive", "name it .csv.gz, .jsonl.gz or the like, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old or locked Excel workbook", "save it as .xlsx without a password, or as CSV"),
    (b"SQLite format 3", "an SQLite database", "export the table as CSV"),
    (b"ARROW1", "an Arrow file", "write `data.format: arrow`, or name it .arrow"),
    (b"%PDF", "a PDF document", "write `data.format: pdf`, or name it .pdf"),
    (b"\x89PNG", "a PNG image", "name the data file itself"),
    (b"\xff\xd8\xff", "a JPEG image", "name the data file itself"),
    (b"GIF8", "a GIF image", "name the data file itself"),
)
SAMPLE_BYTES = 100_000
KNOWN = ("utf-8", "utf-16", "cp1252", "latin-1", "cp1250", "cp1251", "koi8-r", "gb18030", "shift_jis", "euc-kr", "big5")
SCRIPTS = (
    ("shift_jis", re.compile(r"[\u3040-\u30ff]"), 0.3),
    ("euc-kr", re.compile(r"[\uac00-\ud7a3]"), 0.9),
    ("cp1251", re.compile(r"[\u0430-\u044f]"), 0.6),
    ("koi8-r", re.compile(r"[\u0430-\u044f]"), 0.6),
    ("gb18030", re.compile(r"[\u4e00-\u9fff]"), 0.8),
)
"""Encoding, letters of its script, and the least share of these among the non-ASCII characters of a text; the last
fits nearly any bytes."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A file's text and the encoding it was read with."""

    text: str
    encoding: str


def decode(raw: bytes, *, name: str, encoding: str = "auto") -> Decoded:
    """The text of a file's bytes, without a byte order mark.

    Raises RecipeError for an unknown encoding; DataError, with the byte, the line and the likely encoding, for bytes
    that do not fit, and for files that are not text at all.
    """
    codec = _marked(raw) or "utf-8" if encoding == "auto" else _checked(encoding)
    wide = codec.replace("_", "-").startswith(("utf-16", "utf-32"))
    if not wide:
        _refuse_binary(raw, name)
    try:
        text = raw.decode(codec)
    except UnicodeDecodeError as fault:
        raise _undecodable(raw, fault, name, encoding) from fault
    if "\x00" in text:
        line = text.count("\n", 0, text.index("\x00")) + 1
        raise DataError(
            Problem(f"{name}:{line}", "is not text: it holds NUL characters", "a text file", "export again")
        )
    return Decoded(text.removeprefix("\ufeff"), "utf-8" if codec == "utf-8-sig" else codec)


def detect_encoding(raw: bytes) -> tuple[str, bool]:
    """The encoding of a file's bytes, and whether `auto` reads it: if not, it is a guess that a person must confirm.

    UTF-8 with a few broken places is UTF-8, which `decode` refuses with the first of them: another encoding would break
    all the others.
    """
    marked = _marked(raw)
    if marked is not None:
        return ("utf-8" if marked == "utf-8-sig" else marked), True
    if _looks_utf16(raw):
        return _utf16_without_mark(raw), False
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        broken, sound = _places(raw)
        return ("utf-8", True) if sound > broken else (likely_encoding(raw), False)
    return "utf-8", True


def _places(raw: bytes) -> tuple[int, int]:
    """How many places are no UTF-8, and how many non-ASCII characters are."""
    loose = raw.decode("utf-8", errors="replace")
    return loose.count("\ufffd"), len(re.findall(r"[^\x00-\x7f\ufffd]", loose))


def likely_encoding(raw: bytes) -> str:
    """The most likely encoding of bytes that are not UTF-8: a guess to tell people, never one to act on."""
    sample = raw[:SAMPLE_BYTES]
    if sum(byte > 0x7F for byte in sample) > 0.2 * len(sample):
        for codec, letters, least in SCRIPTS:
            if _share(sample, codec, letters) >= least:
                return codec
    return "latin-1" if re.search(rb"[\x81\x8d\x8f\x90\x9d]", raw) else "cp1252"


def _share(sample: bytes, codec: str, letters: re.Pattern[str]) -> float:
    """The share of these letters among the non-ASCII characters; each undecodable byte counts against it."""
    text = sample.decode(codec, errors="replace")
    foreign = sum(not character.isascii() for character in text)
    return (len(letters.findall(text)) - 5 * text.count("\ufffd")) / max(1, foreign)


def _marked(raw: bytes) -> str | None:
    return next((codec for mark, codec in MARKS if raw.startswith(mark)), None)


def _checked(encoding: str) -> str:
    try:
        b"a".decode(encoding, errors="ignore")  # no bytes at all would be decoded without a look at the name
    except (LookupError, UnicodeError) as fault:
        given = f"unknown encoding {encoding!r}{did_you_mean(encoding, KNOWN)}"
        expected = f"auto or a text encoding that Python knows, such as {', '.join(KNOWN)}"
        raise RecipeError(Problem("data.encoding", given, expected, "correct the name, or write auto")) from fault
    return encoding.lower()


def _refuse_binary(raw: bytes, name: str) -> None:
    for magic, kind, remedy in MAGIC:
        if raw.startswith(magic):
            raise DataError(Problem(name, f"is not text: it is {kind}", "CSV, TSV, JSON, JSONL or Parquet", remedy))
    at = raw.find(b"\x00")
    if at < 0:
        return
    line = raw.count(b"\n", 0, at) + 1
    if _looks_utf16(raw):
        codec = _utf16_without_mark(raw)
        given = f"holds NUL bytes from byte {at:,} (line {line:,}) on: it looks like UTF-16 without a mark"
        raise DataError(Problem(name, given, "UTF-8 text", f"write `data.encoding: {codec}`, or save it as UTF-8"))
    given = f"is not text: a NUL byte at byte {at:,} (line {line:,})"
    raise DataError(Problem(name, given, "a text file", "export the data again as text"))


def _looks_utf16(raw: bytes) -> bool:
    """Whether every second byte is mostly NUL and the others hardly ever are, as in UTF-16 of Latin letters."""
    sample = raw[:2000]
    few, many = sorted((sample[0::2].count(b"\x00"), sample[1::2].count(b"\x00")))
    return many > len(sample) / 4 and few < many / 10 and _marked(raw) is None


def _utf16_without_mark(raw: bytes) -> str:
    return "utf-16-le" if raw[1:2000:2].count(b"\x00") > raw[0:2000:2].count(b"\x00") else "utf-16-be"


def _undecodable(raw: bytes, fault: UnicodeDecodeError, name: str, encoding: str) -> DataError:
    line = raw.count(b"\n", 0, fault.start) + 1
    where = f"byte {fault.start:,} (0x{raw[fault.start]:02x}), line {line:,}"
    if encoding != "auto":
        given = f"is not {encoding}: {where} does not fit"
        return DataError(
            Problem(f"{name}:{line}", given, f"{encoding} text, as data.encoding says", "correct data.encoding")
        )
    broken, sound = _places(raw)
    if sound > broken:
        held = f"{counted(broken, 'place is', 'places are')} broken"
        given = f"is not valid UTF-8: {where}; {held} beside {counted(sound, 'sound non-ASCII character')}"
        remedy = f"repair {'this place' if broken == 1 else 'these places'}; the rest is UTF-8"
        return DataError(Problem(f"{name}:{line}", given, "UTF-8 text", remedy))
    likely = likely_encoding(raw)
    given = f"is not UTF-8: {where}; it looks like {likely}"
    remedy = f"write `data.encoding: {likely}` in the recipe, or save the file as UTF-8"
    return DataError(Problem(f"{name}:{line}", given, "UTF-8 text, or UTF-16 with a mark", remedy))
