"""From a recipe to a list of doubtful labels and back: flipped labels stand at its top, and a review is followed."""

from __future__ import annotations

import csv
import json
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
import pytest

from tiny_room import LABELS, ticket_rows, tiny_recipe, write_recipe, write_tickets
from tunewright.core.errors import RecipeError
from tunewright.data.lock import write_lock
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.context import Context
from tunewright.pipeline.label_issues import WORDS, rank_label_issues, require_free, write_issues
from tunewright.pipeline.prepare import prepared_rows
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.pipeline.label_issues import LabelIssues

FLIPPED = (5, 40, 77, 101, 130, 163)
"""Numbers (from 0) of the tickets whose labels are wrong."""


def wrong(label: str) -> str:
    return LABELS[(LABELS.index(label) + 1) % len(LABELS)]


def project(folder: Path, base: Path | str) -> Path:
    """Two hundred tickets, six of them mislabelled, and a recipe; returns the recipe."""
    rows = ticket_rows(200, longest=8)
    flipped = [{**row, "label": wrong(row["label"])} if n in FLIPPED else row for n, row in enumerate(rows)]
    write_tickets(folder / "tickets.csv", flipped)
    return write_recipe(folder, tiny_recipe(base))


def ranked(recipe: Path, *overrides: str) -> LabelIssues:
    return rank_label_issues(Context(load_recipe(recipe, overrides)))


@pytest.fixture(scope="module")
def words_only(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, LabelIssues]:
    """A project whose base is not on this machine, and its ranking, by words."""
    recipe = project(tmp_path_factory.mktemp("words"), "someone/not-here")
    return recipe, ranked(recipe)


def test_flipped_labels_stand_at_the_top_with_the_right_one_suggested(words_only: tuple[Path, LabelIssues]) -> None:
    _, found = words_only
    assert found.method == WORDS
    planted = {n + 2 for n in FLIPPED} & set(found.rows["line"])  # the others are of the test
    top = found.rows.head(len(planted))
    assert set(top["line"]) == planted
    truth = {n + 2: row["label"] for n, row in enumerate(ticket_rows(200, longest=8))}
    assert [truth[line] for line in top["line"]] == top["suggested"].to_list()
    assert top["in_doubt"].all()
    assert found.rows["rank"].to_list() == list(range(1, found.rows.height + 1))
    assert found.rows["label_probability"].is_sorted()


def test_every_row_outside_the_test_is_ranked_once_and_the_test_apart(words_only: tuple[Path, LabelIssues]) -> None:
    recipe, found = words_only
    splits = prepared_rows(Context(load_recipe(recipe)), _unmeasured()).splits
    assert set(found.rows["row_id"]) == {*splits["train"]["row_id"], *splits["validation"]["row_id"]}
    assert found.rows["row_id"].is_unique().all()
    assert set(found.test["row_id"]) == set(splits["test"]["row_id"])
    assert "decision" not in found.test.columns


def test_a_test_that_is_carved_and_not_frozen_yet_is_to_be_frozen(tmp_path: Path) -> None:
    context = Context(load_recipe(project(tmp_path, "someone/not-here")))
    assert rank_label_issues(context).to_freeze
    write_lock(context.lock_path, prepared_rows(context, _unmeasured()).lock)
    assert not rank_label_issues(context).to_freeze
    write_tickets(tmp_path / "test.csv", ticket_rows(20, seed=5))
    assert not ranked(project(tmp_path, "someone/not-here"), "data.test=test.csv", "split.refreeze=a file").to_freeze


def test_the_order_of_the_file_plays_no_part(words_only: tuple[Path, LabelIssues], tmp_path: Path) -> None:
    recipe, found = words_only
    rows = list(csv.DictReader((recipe.parent / "tickets.csv").open(encoding="utf-8")))
    order = np.random.default_rng(4).permutation(len(rows))
    write_tickets(tmp_path / "tickets.csv", [rows[n] for n in order])
    again = ranked(write_recipe(tmp_path, tiny_recipe("someone/not-here")))
    assert dict(zip(again.rows["text"], again.rows["label"], strict=True)) == dict(
        zip(found.rows["text"], found.rows["label"], strict=True)
    )
    assert again.to_review.head(4)["text"].to_list() == found.to_review.head(4)["text"].to_list()


def test_a_reviewed_list_is_followed_by_prepare(words_only: tuple[Path, LabelIssues], tmp_path: Path) -> None:
    _, found = words_only
    recipe = project(tmp_path, "someone/not-here")
    before = Context(load_recipe(recipe))
    write_lock(before.lock_path, prepared_rows(before, _unmeasured()).lock)
    review = found.to_review.with_columns(
        pl.when(pl.col("rank") <= 2)
        .then("suggested")
        .when(pl.col("rank") == 3)
        .then(pl.lit("drop"))
        .otherwise(pl.lit(""))
        .alias("decision")
    )
    write_issues(tmp_path / "reviewed.csv", review)
    ruled = f"data={json.dumps({'train': 'tickets.csv', 'label_issues': {'kind': 'relabel', 'file': 'reviewed.csv'}})}"
    prepared = prepared_rows(Context(load_recipe(recipe, [ruled])), _unmeasured())
    now = pl.concat(list(prepared.splits.values()))
    labels = dict(zip(now["row_id"], now["target"], strict=True))
    first, second, third = review.head(3).to_dicts()
    assert labels[first["row_id"]] == first["suggested"]
    assert labels[second["row_id"]] == second["suggested"]
    assert third["row_id"] not in labels
    assert set(prepared.splits["test"]["row_id"]) == set(found.test["row_id"])
    assert prepared.profile.dropped == {"label_review": 1}
    assert prepared.profile.changed == {"label_review": 2}


def test_a_base_that_is_here_is_asked_for_its_embeddings(bert: Path, tmp_path: Path) -> None:
    found = ranked(project(tmp_path, bert))
    assert found.method == f"embeddings of {bert} + logistic regression"
    assert found.judged == found.rows.height


def test_contradictions_are_named_beside_the_rows(tmp_path: Path) -> None:
    rows = ticket_rows(90, longest=8)
    rows += [{"text": rows[0]["text"].upper(), "label": wrong(rows[0]["label"])}]
    write_tickets(tmp_path / "tickets.csv", rows)
    found = ranked(write_recipe(tmp_path, tiny_recipe("someone/not-here")))
    both = pl.concat([found.rows.select("line", "conflicts", "text"), found.test.select("line", "conflicts", "text")])
    torn = {row["line"]: row["conflicts"] for row in both.to_dicts() if row["conflicts"]}
    assert torn == {2: f"tickets.csv:92 {wrong(rows[0]['label'])!r}", 92: f"tickets.csv:2 {rows[0]['label']!r}"}


def test_a_label_that_one_row_alone_bears_is_not_judged(tmp_path: Path) -> None:
    rows = [*ticket_rows(60, longest=8), {"text": "one of its kind", "label": "rare"}]
    write_tickets(tmp_path / "tickets.csv", rows)
    found = ranked(write_recipe(tmp_path, tiny_recipe("someone/not-here")))
    last = found.rows.row(-1, named=True)
    assert (last["label"], last["label_probability"], last["suggested"], last["in_doubt"]) == (
        "rare",
        None,
        None,
        False,
    )
    assert found.judged == found.rows.height - 1
    assert "rare" not in found.to_review["label"]


def test_balance_does_not_change_what_is_listed(words_only: tuple[Path, LabelIssues]) -> None:
    recipe, found = words_only
    for override in ("balance.kind=oversample", "balance.kind=undersample"):
        again = ranked(recipe, f"data.{override}")
        assert again.rows["row_id"].to_list() == found.rows["row_id"].to_list()


def test_a_list_that_stands_there_is_not_replaced_unasked(words_only: tuple[Path, LabelIssues], tmp_path: Path) -> None:
    _, found = words_only
    path = tmp_path / "label_issues.csv"
    write_issues(path, found.to_review)
    assert path.read_bytes().startswith(b"\xef\xbb\xbfrank,source,line,")
    with pytest.raises(RecipeError, match="stands there already, perhaps with decisions"):
        require_free(path, force=False)
    require_free(path, force=True)
    write_issues(path, found.rows)
    assert pl.read_csv(path).height == found.rows.height


def test_a_task_without_labels_is_refused(tmp_path: Path) -> None:
    recipe = write_recipe(tmp_path, {**tiny_recipe("someone/not-here"), "task": "text_to_text"})
    with pytest.raises(RecipeError, match="whose rows bear no labels"):
        ranked(recipe)


def test_check_warns_of_weights_and_balance_that_do_nothing(bert: Path, tmp_path: Path) -> None:
    recipe = project(tmp_path, bert)
    checked = check_recipe(recipe, ["train.class_weights.kind=inverse", "data.balance.kind=oversample"])
    kinds = [finding.kind for finding in checked.findings if finding.severity == "warning"]
    assert kinds.count("class_weights") == 2
    assert "balance_needless" in kinds
    assert any(line.startswith("class weights: inverse, from ") for line in checked.plan)


def _unmeasured() -> object:
    from tunewright.pipeline.unmeasured import Unmeasured  # noqa: PLC0415  # nothing heavy before a test asks for it

    return Unmeasured()
