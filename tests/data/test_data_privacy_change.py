from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from data_room import prepared, tickets, write_csv, write_jsonl

from tunewright.core.errors import DataError
from tunewright.data.lock import read_lock, write_lock
from tunewright.recipe.data import DataSpec
from tunewright.recipe.privacy import PrivacySpec

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.data.prepare import Prepared

TOKEN = "ghp_A7F3C9E2A7F3C9E2A7F3C9E2A7F3C9E"
POLICIES: dict[str, dict[str, Any]] = {
    "flag": {},
    "mask": {"default": "mask"},
    "secret": {"secret": "mask"},
    "other countries": {"phone": "mask", "regions": ["DE"]},
    "drop": {"email": "drop"},
    "ignore": {"default": "ignore"},
}
CHANGES = list(itertools.permutations(("flag", "mask", "secret", "drop"), 2))
CHANGES += [("ignore", "other countries"), ("other countries", "mask")]


def private_rows(count: int = 60) -> list[dict[str, str]]:
    """Tickets of which each holds something private; some are equal but for it."""
    rows = tickets(count)
    for number, row in enumerate(rows):
        values = (f"u{number}@example.org", f"key {TOKEN}{number % 10}", "call 01 555 0119")
        row["text"] = f"{row['text'] if number % 4 else 'the same about ' + row['label']} {values[number % 3]} please"
    return rows


def made(folder: Path, policy: str, **spec: Any) -> Prepared:
    privacy = PrivacySpec.model_validate(POLICIES[policy])
    task = spec.pop("task", "classification")
    given = DataSpec.model_validate({"train": "train.csv", "near_duplicates": None, "privacy": privacy} | spec)
    return prepared(folder, given, task=task)


def frozen(folder: Path, policy: str, **spec: Any) -> Prepared:
    found = made(folder, policy, **spec)
    write_lock(folder / "tunewright.lock", found.lock)
    return found


def lines(found: Prepared) -> set[int]:
    return set(found.splits["test"]["line"])


@pytest.mark.parametrize(("before", "after"), CHANGES)
def test_another_policy_on_private_data_does_not_change_the_frozen_test(
    tmp_path: Path, before: str, after: str
) -> None:
    """Of rows that masks make equal one stays in the test; nothing else leaves it, and nothing joins it."""
    write_csv(tmp_path / "train.csv", private_rows())
    first = frozen(tmp_path, before)
    second = frozen(tmp_path, after)
    gone = second.dropped.filter(pl.col("rule").is_in(["personal_data", "exact_duplicate"]))
    assert lines(second) <= lines(first) | set(first.dropped["line"]) | equal_under_masks(second, first)
    assert lines(first) - lines(second) <= set(gone["line"]) | equal_under_masks(second, first)
    assert second.lock == first.lock
    assert frozen(tmp_path, before).splits["test"].equals(first.splits["test"]), "the way back is open"


def equal_under_masks(found: Prepared, other: Prepared) -> set[int]:
    """Lines of the texts `the same about …`, of which any may stand for those that are equal to it."""
    frames = [*found.splits.values(), *other.splits.values(), found.dropped, other.dropped]
    texts = pl.concat([frame.select("line", "input") for frame in frames])
    return set(texts.filter(pl.col("input").str.starts_with("the same about"))["line"])


@pytest.mark.parametrize(("before", "after"), [("flag", "mask"), ("mask", "drop"), ("secret", "flag")])
def test_an_own_test_file_stays_as_it_is_under_any_policy(tmp_path: Path, before: str, after: str) -> None:
    write_csv(tmp_path / "train.csv", tickets(30, start=500))
    write_csv(tmp_path / "test.csv", private_rows(24))
    first = frozen(tmp_path, before, test="test.csv")
    second = frozen(tmp_path, after, test="test.csv")
    assert second.splits["test"]["input"].equals(first.splits["test"]["input"])


@pytest.mark.parametrize(("before", "after"), [("flag", "mask"), ("mask", "flag"), ("mask", "drop")])
def test_masked_answers_do_not_change_the_frozen_test(tmp_path: Path, before: str, after: str) -> None:
    rows = [{"q": f"question {n}", "a": f"ask u{n}@example.org or {TOKEN}{n % 10}"} for n in range(20)]
    write_jsonl(tmp_path / "train.jsonl", rows)
    of_texts = {"train": "train.jsonl", "input": "q", "target": "a", "task": "generation"}
    if after == "drop":
        rows += [{"q": f"free {n}", "a": f"nothing {n}"} for n in range(20)]
        write_jsonl(tmp_path / "train.jsonl", rows)
    first = frozen(tmp_path, before, **of_texts)
    second = frozen(tmp_path, after, **of_texts)
    gone = set(second.dropped.filter(pl.col("rule") == "personal_data")["line"])
    assert lines(second) == lines(first) - gone


def test_rows_that_the_policy_drops_leave_the_frozen_test_with_a_reason_and_stay_in_the_lock(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", private_rows())
    first = frozen(tmp_path, "flag")
    second = frozen(tmp_path, "drop")
    gone = set(second.dropped.filter(pl.col("rule") == "personal_data")["line"]) & lines(first)
    (finding,) = [f for f in second.profile.findings if f.kind == "frozen_test_dropped"]
    assert finding.count == len(gone) > 0
    assert "data.privacy drops" in finding.message
    assert "split.refreeze" in finding.remedy
    assert second.lock == first.lock


@pytest.mark.parametrize("after", ["mask", "drop"])
def test_a_row_that_is_taken_away_is_missed_under_another_policy_too(tmp_path: Path, after: str) -> None:
    write_csv(tmp_path / "train.csv", private_rows())
    first = frozen(tmp_path, "flag")
    victim = first.splits["test"].filter(~pl.col("input").str.contains("same|@"))["line"][0]
    rows = private_rows()
    del rows[victim - 2]
    write_csv(tmp_path / "train.csv", rows)
    with pytest.raises(DataError, match="1 is gone"):
        made(tmp_path, after)


def test_a_lock_that_was_written_before_masks_were_kept_is_honoured(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", private_rows())
    first = frozen(tmp_path, "mask")
    path = tmp_path / "tunewright.lock"
    old = json.loads(path.read_text())
    for test in old["tests"].values():
        del test["masks"]
    path.write_text(json.dumps(old))
    assert read_lock(path).tests["train.csv"].masks is None
    assert lines(made(tmp_path, "mask")) == lines(first)


def test_a_lock_of_masks_that_do_not_exist_is_refused(tmp_path: Path) -> None:
    write_csv(tmp_path / "train.csv", private_rows())
    frozen(tmp_path, "secret")
    path = tmp_path / "tunewright.lock"
    path.write_text(path.read_text().replace('"secret"', '"sekret"'))
    with pytest.raises(DataError, match="is JSON, and no lock"):
        read_lock(path)
