"""A run whose training rows are brought into balance and whose classes are weighed, from the recipe to the report."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import polars as pl
import pytest
from pipeline_room import built, folder

import tunewright
from tiny_room import LABELS, ticket_rows, tiny_recipe, write_recipe, write_tickets
from tunewright.data.store import read_dropped, read_profile, read_split

if TYPE_CHECKING:
    from pathlib import Path

OVERSAMPLED = "data.balance={kind: oversample, to: 0.5}"


def uneven(where: Path, base: Path) -> Path:
    """A project in which one label has three times the rows of each other one, and is not the first by name."""
    rows = ticket_rows(180)
    kept = [row for n, row in enumerate(rows) if row["label"] == LABELS[1] or n % 9 < 3]
    write_tickets(where / "tickets.csv", kept)
    recipe = tiny_recipe(base, epochs=1.0)
    recipe["data"] = {"train": "tickets.csv"}
    write_recipe(where, recipe)
    return where


@pytest.fixture(scope="module")
def project(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    where = uneven(tmp_path_factory.mktemp("uneven"), bert)
    tunewright.run(where / "recipe.yaml", [OVERSAMPLED])
    return where


def test_the_report_and_the_card_show_what_balancing_did(project: Path) -> None:
    profile = read_profile(folder(project) / "data")
    assert profile.copied > 0
    page = (folder(project) / "report" / "report.html").read_text(encoding="utf-8")
    table = page.partition("Training rows before and after balancing")[2].partition("</table>")[0]
    for label, (before, after) in profile.balanced.items():
        assert (
            f'<th scope="row" dir="auto">{label}</th><td class="num">{before}</td><td class="num">{after}</td>' in table
        )
    card = (folder(project) / "report" / "README.md").read_text(encoding="utf-8")
    assert f"Of these, {profile.copied} are copies of training rows, made to balance them." in card


def test_only_training_rows_are_copied(project: Path) -> None:
    data = folder(project) / "data"
    texts = {name: Counter(read_split(data, name)["input"]) for name in ("train", "validation", "test")}
    assert max(texts["train"].values()) > 1
    assert max(texts["validation"].values()) == max(texts["test"].values()) == 1
    assert not set(texts["train"]) & {*texts["validation"], *texts["test"]}
    assert read_dropped(data).filter(pl.col("rule") == "undersampled").height == 0


def test_always_the_largest_class_is_that_of_the_data_and_not_of_the_copies(project: Path) -> None:
    answers = pl.read_parquet(folder(project) / "baseline" / "majority.parquet")
    assert answers["predicted"].unique().to_list() == [LABELS[1]]


def test_other_weights_train_anew_and_touch_no_data(project: Path) -> None:
    again = built(project, OVERSAMPLED, "train.class_weights.kind=effective_number")
    assert "train" in again
    assert not {"prepare", "baseline"} & set(again)


def test_rows_that_leave_are_on_record_in_the_run(project: Path) -> None:
    tunewright.run(project / "recipe.yaml", ["data.balance={kind: undersample, to: 1.5}", "name=under"])
    data = project / "runs" / "under" / "data"
    left = read_dropped(data).filter(pl.col("rule") == "undersampled")
    assert left.height == read_profile(data).dropped["undersampled"] > 0
    assert set(left["target"]) == {LABELS[1]}
    assert not set(left["row_id"]) & set(read_split(data, "train")["row_id"])
