"""`tunewright labels` as a person uses it: a list, decisions in it, a recipe that follows them, and a second list."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

import pytest
from cli_room import records, write_csv

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_room import Ran

WRONG = (3, 20, 41)
"""Numbers (from 0) of records whose labels are wrong."""


@pytest.fixture
def mislabelled(project: Path) -> Path:
    """The sound project with three wrong labels, and the working directory."""
    other = {"billing": "delivery", "delivery": "billing"}
    rows = [(text, other[label] if n in WRONG else label) for n, (text, label) in enumerate(records(60))]
    write_csv(project / "train.csv", rows)
    return project


def decided(path: Path, decisions: dict[int, str]) -> None:
    """The list with these decisions, by the line of the row."""
    with path.open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        row["decision"] = decisions.get(int(row["line"]), "")
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


def listed(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_list_is_reviewed_and_followed(mislabelled: Path, tunewright: Callable[..., Ran]) -> None:
    told = tunewright("labels", "recipe.yaml", "--all")
    assert told.code == 0
    assert "next: write keep, drop or a label into `decision`" in told.out
    path = mislabelled / "label_issues.csv"
    rows = {int(row["line"]): row for row in listed(path)}
    assert all(row["decision"] == "" for row in rows.values())
    wrong = [n + 2 for n in WRONG if n + 2 in rows]
    assert wrong, "all of them stand in the test"
    decided(path, {line: {"billing": "delivery", "delivery": "billing"}[rows[line]["label"]] for line in wrong})
    assert "before a review is followed, freeze the test: `tunewright prepare`" in told.out
    follow = "data.label_issues={kind: relabel, file: label_issues.csv}"
    refused = tunewright("prepare", "recipe.yaml", follow)
    assert refused.code == 3
    assert "data.label_issues=null" in refused.err
    assert tunewright("prepare", "recipe.yaml", follow, "data.label_issues=null").code == 0
    checked = tunewright("check", "recipe.yaml", follow, "--json").json
    (found,) = (finding for finding in checked["findings"] if finding["kind"] == "label_review")
    assert found["count"] == len(wrong)
    again = tunewright("labels", "recipe.yaml", follow, "--out", "second.csv", "--all")
    assert again.code == 0
    assert "freeze the test" not in again.out
    now = {int(row["line"]): row["label"] for row in listed(mislabelled / "second.csv")}
    assert all(now[line] != rows[line]["label"] for line in wrong if line in now)


def test_a_list_with_decisions_is_not_replaced(mislabelled: Path, tunewright: Callable[..., Ran]) -> None:
    tunewright("labels", "recipe.yaml")
    before = (mislabelled / "label_issues.csv").read_bytes()
    told = tunewright("labels", "recipe.yaml", "--all")
    assert told.code == 2
    assert "stands there already, perhaps with decisions" in told.err
    assert "--force" in told.err
    assert (mislabelled / "label_issues.csv").read_bytes() == before
    assert tunewright("labels", "recipe.yaml", "--force").code == 0


def test_a_stale_list_exits_3_with_its_lines(mislabelled: Path, tunewright: Callable[..., Ran]) -> None:
    tunewright("labels", "recipe.yaml", "--all")
    first = listed(mislabelled / "label_issues.csv")[0]
    decided(mislabelled / "label_issues.csv", {int(first["line"]): "drop"})
    rows = [(f"{text} indeed", label) for text, label in records(60)]
    write_csv(mislabelled / "train.csv", rows)
    own_test = "data.test=test.csv"
    write_csv(mislabelled / "test.csv", records(6, start=100))
    told = tunewright("prepare", "recipe.yaml", own_test, "data.label_issues={kind: drop, file: label_issues.csv}")
    assert told.code == 3
    assert f"train.csv:{first['line']} now says" in told.err
    assert "label_issues.csv:2" in told.err


def test_no_secret_of_a_text_reaches_the_terminal(mislabelled: Path, tunewright: Callable[..., Ran]) -> None:
    token = "ghp_" + "a1B2c3D4e5F6" * 3  # a made-up one
    rows = [(f"{text} {token}", label) for text, label in records(60)]
    torn = [(f"the same words {token}", label) for label in ("billing", "delivery")]
    write_csv(mislabelled / "train.csv", [*rows, *torn])
    write_csv(mislabelled / "test.csv", records(6, start=100))
    told = tunewright("labels", "recipe.yaml", "data.test=test.csv")
    assert "the same words <SECRET>" in told.out
    assert token not in told.said
