"""What a test can show is told before training, from its number of rows."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tunewright.data.sniff import sniff
from tunewright.evaluation.power import minimum_detectable_difference
from tunewright.pipeline.outlook import COARSE, DISAGREEING, power_findings, sniffed_findings
from tunewright.pipeline.text_outlook import small_test

if TYPE_CHECKING:
    from pathlib import Path


def kinds(labels: dict[str, int]) -> list[str]:
    return [finding.kind for finding in power_findings(labels)]


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        ({"a": 200, "b": 200}, []),
        ({"a": 40, "b": 40}, ["small_test"]),
        ({"a": 6, "b": 6}, ["small_test", "small_test_class"]),
        ({"a": 400, "b": 9}, ["small_test_class"]),
        ({"a": 1}, ["small_test"]),
    ],
)
def test_a_small_test_and_small_classes_in_it_are_warned_of(labels: dict[str, int], expected: list[str]) -> None:
    assert kinds(labels) == expected


def test_a_test_of_texts_is_as_large_as_its_clusters() -> None:
    (found,) = small_test(400, 40)
    assert found.count == 40
    assert "the test holds 400 rows in 40 clusters of one prompt" in found.message
    (apart,) = small_test(40, 40)
    assert apart.message.partition(": ")[2] == found.message.partition(": ")[2], "40 observations show as much"
    assert not list(small_test(400, 400))


def test_the_rows_that_are_asked_for_are_the_fewest_that_show_the_difference() -> None:
    (found,) = power_findings({"a": 40, "b": 40})
    asked = next(int(word) for word in found.remedy.split() if word.isdigit())
    enough, fewer = (minimum_detectable_difference(rows, DISAGREEING) for rows in (asked, asked - 1))
    assert enough is not None
    assert fewer is not None
    assert enough <= COARSE < fewer
    assert kinds({"a": asked // 2, "b": asked - asked // 2}) == []


def test_the_warning_holds_the_rows_the_smallest_class_and_the_difference() -> None:
    (found,) = power_findings({"ham": 60, "spam": 20})
    assert "80 rows, 20 of the smallest class 'spam'" in found.message
    difference = minimum_detectable_difference(80, DISAGREEING)
    assert difference is not None
    assert f"a difference of {difference * 100:.0f} points" in found.message


def test_a_file_of_three_rows_is_warned_of_with_its_numbers(tmp_path: Path) -> None:
    content = "text,label\nhello there you,a\nbye bye you,b\nso what now,a\n"
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    rare, test, _ = sniffed_findings(sniff(tmp_path / "t.csv"), test_share=0.2)
    assert "3 rows with a label" in rare.message
    assert "'a' 2, 'b' 1" in rare.message
    assert "about 2 rows" in test.message


def test_a_spelling_variant_that_the_recipe_maps_is_no_rare_label(tmp_path: Path) -> None:
    rows = [{"text": f"a message of number {n}", "label": ["refund", "delivery"][n % 2]} for n in range(400)]
    rows[0]["label"] = "Refund "
    lines = ["text,label", *(f"{row['text']},{row['label']}" for row in rows)]
    (tmp_path / "t.csv").write_text("\n".join(lines) + "\n")
    found = sniff(tmp_path / "t.csv")
    assert found.label_map == {"Refund ": "refund"}
    assert "Refund " not in str(sniffed_findings(found, test_share=0.2))
    assert "'Refund ' 1" in str(sniffed_findings(replace(found, label_map={}), test_share=0.2))
