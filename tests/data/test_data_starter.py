"""The data room against the defects that were planted in the starter tickets."""

from __future__ import annotations

import json
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import pytest
from data_room import prepared

from tunewright.data.sniff import Sniffed, sniff
from tunewright.recipe.data import DataSpec

if TYPE_CHECKING:
    from tunewright.data.prepare import Prepared

FOLDER = Path(str(files("tunewright.starter") / "tickets"))


@pytest.fixture(scope="module")
def planted() -> dict[str, list[list[str]]]:
    defects = json.loads((FOLDER / "defects.json").read_text(encoding="utf-8"))["defects"]
    return {kind: [defect["rows"] for defect in found] for kind, found in defects.items()}


@pytest.fixture(scope="module")
def sniffed() -> Sniffed:
    return sniff(FOLDER / "tickets.csv")


@pytest.fixture(scope="module")
def tickets_prepared(sniffed: Sniffed, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    folder = tmp_path_factory.mktemp("tickets")
    spec = DataSpec(train=str(FOLDER / "tickets.csv"), id="id", label_map=dict(sniffed.label_map))
    return prepared(folder, spec, max_tokens=256)


def ids(found: Prepared, rule: str) -> list[str]:
    rows = found.dropped.filter(found.dropped["rule"] == rule)
    return sorted(json.loads(meta)["id"] for meta in rows["meta"])


def test_message_and_intent_are_chosen(sniffed: Sniffed) -> None:
    chosen = [p and p.column for p in (sniffed.input, sniffed.target, sniffed.group, sniffed.time, sniffed.id)]
    assert chosen == ["message", "intent", None, "created_at", "id"]
    assert sniffed.task == "classification"


def test_exactly_the_planted_label_variants_are_mapped(
    planted: dict[str, list[list[str]]], tickets_prepared: Prepared
) -> None:
    assert ids(tickets_prepared, "label_map") == sorted(row for rows in planted["label_variant"] for row in rows)
    assert len(tickets_prepared.profile.labels) == 10


def test_exactly_the_planted_missing_values_leave(
    planted: dict[str, list[list[str]]], tickets_prepared: Prepared
) -> None:
    assert ids(tickets_prepared, "missing_text") == sorted(row for rows in planted["missing_message"] for row in rows)
    assert ids(tickets_prepared, "missing_label") == sorted(row for rows in planted["missing_label"] for row in rows)


def test_exactly_the_planted_duplicates_leave(planted: dict[str, list[list[str]]], tickets_prepared: Prepared) -> None:
    assert ids(tickets_prepared, "exact_duplicate") == sorted(
        row for rows in planted["exact_duplicate"] for row in rows[1:]
    )


def flagged(found: Prepared, kind: str) -> set[str]:
    """The ids of the rows that a finding names, by their place in the file."""
    rows = pl.concat([*found.splits.values(), found.dropped.filter(pl.col("action") == "dropped")], how="diagonal")
    at = {f"{row['source']}:{row['line']}": json.loads(row["meta"])["id"] for row in rows.to_dicts()}
    (finding,) = [each for each in found.profile.findings if each.kind == kind]
    assert finding.count == len(finding.rows), "every row is named"
    return {at[place] for place in finding.rows}


@pytest.mark.parametrize("kind", ["personal_data", "secret"])
def test_planted_private_data_is_found(
    kind: str, planted: dict[str, list[list[str]]], tickets_prepared: Prepared
) -> None:
    """Names and addresses among it are found by their Eircodes alone."""
    there, found = {row for rows in planted[kind] for row in rows}, flagged(tickets_prepared, kind)
    recall, precision = len(there & found) / len(there), len(there & found) / len(found)
    print(f"{kind}: {len(there)} planted, {len(found)} found, recall {recall:.2f}, precision {precision:.2f}")
    assert recall >= 0.95
    assert precision >= 0.9
