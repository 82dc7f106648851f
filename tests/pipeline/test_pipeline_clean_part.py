"""A run whose test texts stand within training rows says what is left of its scores without them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from pipeline_room import folder, run

from tiny_room import LABELS, ticket_rows, tiny_recipe, write_recipe, write_tickets

if TYPE_CHECKING:
    from pathlib import Path


def test_all_systems_are_scored_again_without_the_rows_that_training_rows_hold(tmp_path: Path, bert: Path) -> None:
    train = ticket_rows(80)
    test = [{"text": f"{row['text']} and ten more words", "label": row["label"]} for row in ticket_rows(30, seed=9)]
    quoted = [row["text"] for row in ticket_rows(4, seed=11, longest=12) if len(row["text"].split()) > 8]
    assert quoted
    for number, text in enumerate(quoted):
        test.append({"text": text, "label": LABELS[number % len(LABELS)]})
        other = " ".join(row["text"] for row in ticket_rows(4, seed=20 + number))
        train.append({"text": f"{other} {text} {other}", "label": LABELS[number % len(LABELS)]})
    write_tickets(tmp_path / "tickets.csv", train)
    write_tickets(tmp_path / "test.csv", test)
    recipe = tiny_recipe(bert)
    recipe["data"] = {"train": "tickets.csv", "test": "test.csv"}
    write_recipe(tmp_path, recipe)
    run(tmp_path)
    results = json.loads((folder(tmp_path) / "evaluation" / "results.json").read_text())
    part = results["clean_part"]
    assert (part["n"], part["left_out"], results["n"]) == (30, len(quoted), 30 + len(quoted))
    assert [system["name"] for system in part["systems"]] == [system["name"] for system in results["systems"]]
    assert all(system["metrics"]["accuracy"]["n"] == 30 for system in part["systems"])
    page = (folder(tmp_path) / "report" / "report.html").read_text()
    assert f"Without the {len(quoted)} of {30 + len(quoted)} test rows that stand in training rows" in page


def test_a_clean_test_is_scored_once(tmp_path: Path, bert: Path) -> None:
    write_tickets(tmp_path / "tickets.csv", ticket_rows(80))
    write_tickets(tmp_path / "test.csv", ticket_rows(40, seed=9))
    recipe = tiny_recipe(bert)
    recipe["data"] = {"train": "tickets.csv", "test": "test.csv"}
    write_recipe(tmp_path, recipe)
    run(tmp_path)
    assert json.loads((folder(tmp_path) / "evaluation" / "results.json").read_text())["clean_part"] is None
