"""The starter tickets and the list of their planted defects agree, and so does what their page says of them."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest
from audit_table import FOLDER, defects, tickets

if TYPE_CHECKING:
    from collections.abc import Mapping

BY_ID: Mapping[str, Mapping[str, str]] = {row["id"]: row for row in tickets()}


def content(message: str) -> str:
    """The content text as defects.json defines it: NFKC, casefold, the words joined by one space."""
    return " ".join(re.findall(r"\w+", unicodedata.normalize("NFKC", message).casefold()))


def entries(kind: str) -> list[dict[str, Any]]:
    return defects()[kind]


def messages(entry: Mapping[str, Any]) -> list[str]:
    return [BY_ID[row]["message"] for row in entry["rows"]]


def test_ids_are_unique_and_in_the_order_of_the_file() -> None:
    assert [row["id"] for row in tickets()] == [f"T{number:04}" for number in range(1, 500)]


def test_every_defect_names_rows_that_exist() -> None:
    named = [row for found in defects().values() for entry in found for row in entry["rows"]]
    assert set(named) <= set(BY_ID)
    assert all(entry["rows"] for found in defects().values() for entry in found)


def test_the_page_counts_the_defects_as_the_list_does() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8").partition("## Planted defects")[2]
    told = {kind: int(count) for kind, count in re.findall(r"`(\w+)` \| (\d+)", page)}
    assert told == {kind: len(found) for kind, found in defects().items()}


def test_the_page_counts_the_labels_as_the_file_does() -> None:
    page = (FOLDER / "README.md").read_text(encoding="utf-8")
    told = {label: int(count) for label, count in re.findall(r"\| `(\w+)` \| (\d+) \| [a-z]", page)}
    variants = {entry["rows"][0]: entry["canonical"] for entry in entries("label_variant")}
    without = {entry["rows"][0] for entry in entries("missing_label")}
    counts = Counter(variants.get(row, BY_ID[row]["intent"]) for row in BY_ID if row not in without)
    assert told == dict(counts)


def test_exact_duplicates_are_equal_in_content_and_nothing_else_is() -> None:
    groups: dict[str, list[str]] = {}
    for row, ticket in BY_ID.items():
        groups.setdefault(content(ticket["message"]), []).append(row)
    equal = {tuple(rows) for text, rows in groups.items() if len(rows) > 1 and text}
    listed = {tuple(entry["rows"]) for entry in entries("exact_duplicate")}
    contradicting = {tuple(sorted(e["rows"])) for e in entries("contradiction") if e["note"].startswith("equal text")}
    missing = {row for entry in entries("missing_message") for row in entry["rows"]}
    assert {rows for rows in equal if not set(rows) <= missing} == listed | contradicting


def test_contradictions_bear_the_labels_that_the_list_gives() -> None:
    for entry in entries("contradiction"):
        right, wrong = BY_ID[entry["right"]], BY_ID[entry["wrong"]]
        assert right["intent"] == entry["right_label"] != wrong["intent"]
        assert wrong["intent"] in entry["note"]


def test_label_variants_are_other_spellings_of_a_label_of_the_file() -> None:
    labels = {row["intent"] for row in tickets()}
    for entry in entries("label_variant"):
        (row,) = entry["rows"]
        assert BY_ID[row]["intent"] != entry["canonical"]
        assert entry["canonical"] in labels


def test_missing_values_are_missing() -> None:
    void = {"", "n/a", "null", "-", "none", "nan"}
    for kind, column in (("missing_message", "message"), ("missing_label", "intent"), ("missing_reply", "reply")):
        assert all(BY_ID[row][column].strip().casefold() in void for entry in entries(kind) for row in entry["rows"])


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("whitespace", r"^\s|\s$|[ \t\n]{2,}"),
        ("control_character", r"[\u0000-\u0008\u000b-\u001f\u00a0\u200b-\u200f\ufeff]"),
        ("html", r"&\w+;|&#\d+;|</?\w+"),
        ("mojibake", r"[ÃâÂ]"),
    ],
)
def test_a_planted_fault_of_characters_stands_in_the_message(kind: str, pattern: str) -> None:
    assert [e for e in entries(kind) if not re.search(pattern, messages(e)[0])] == []


def test_lengths_are_as_the_list_says() -> None:
    assert all(len(messages(entry)[0].split()) > 500 for entry in entries("overlong"))
    assert all(len(messages(entry)[0].split()) <= 2 for entry in entries("short"))


def test_rows_of_the_other_region_and_of_odd_dates_are_all_listed() -> None:
    lisbon = {row for row, ticket in BY_ID.items() if ticket["region"] == "Lisbon"}
    dated = {row for row, ticket in BY_ID.items() if re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d", ticket["created_at"])}
    assert lisbon == {row for entry in entries("other_region") for row in entry["rows"]}
    assert dated == {row for entry in entries("date_format") for row in entry["rows"]}
