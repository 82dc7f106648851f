"""The audit table: what `prepare` and the audit make of the defects planted in the starter tickets.

`python -m pytest tests/starter -s` prints it.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from audit_table import FINDINGS, FOLDER, NOT_YET, RULES, defects, scores, table

from tunewright.core.errors import MissingPackage
from tunewright.data.read import read_table
from tunewright.data.sniff import sniff
from tunewright.pipeline.context import Context
from tunewright.pipeline.prepare import prepared_rows
from tunewright.recipe.data import DataSpec
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from audit_table import Score

RECALL, PRECISION = 0.95, 0.9
RECALL_OF = {"typo": 0.8}
"""Of words that mean something else when misspelt, such as `were` for `where`, nobody can tell by the word alone."""


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> list[Score]:
    """The scores of the starter recipe's settings, its label map replaced by the one that a first look proposes."""
    folder = tmp_path_factory.mktemp("tickets")
    shutil.copy(FOLDER / "tickets.csv", folder)
    proposed = sniff("tickets.csv", folder=folder).label_map
    pairs = "".join(f"    {variant!r}: {label}\n" for variant, label in proposed.items())
    (folder / "recipe.yaml").write_text(
        "model: starter/encoder\ntask: classification\ndata:\n  train: tickets.csv\n  input: message\n"
        f"  target: intent\n  id: id\n  contradictions: drop\n  label_map:\n{pairs}",
        encoding="utf-8",
    )
    try:
        prepared = prepared_rows(Context(load_recipe(folder / "recipe.yaml")))
    except MissingPackage:
        pytest.skip("the extra `starter` is not installed: without its tokenizer no row is known to be overlong")
    frame = read_table("tickets.csv", folder=folder, spec=DataSpec(train="tickets.csv")).frame
    ids = {f"tickets.csv:{line}": name for line, name in frame.select("__line__", "id").iter_rows()}
    found = scores(prepared, ids)
    print(f"\n{table(found)}")
    return found


@pytest.mark.parametrize("kind", [*RULES, *FINDINGS])
def test_planted_defects_are_found_and_little_else(kind: str, audited: list[Score]) -> None:
    score = next(score for score in audited if score.kind == kind)
    missed, surplus = sorted(score.planted - score.found), sorted(score.found - score.planted)
    assert score.recall >= RECALL_OF.get(kind, RECALL), f"missed: {missed}"
    assert score.precision is not None
    assert score.precision >= PRECISION, f"found beside them: {surplus}"


def test_every_planted_kind_is_scored_or_listed_as_not_yet_covered() -> None:
    assert {*RULES, *FINDINGS, *NOT_YET} - {"contradiction (near-equal)"} == set(defects())


def test_the_table_lists_the_kinds_without_a_rule(audited: list[Score]) -> None:
    lines = table(audited).splitlines()
    assert [line.partition("  ")[0] for line in lines if line.endswith("not yet covered")] == list(NOT_YET)
    assert len(lines) == 1 + len(RULES) + len(FINDINGS) + len(NOT_YET)
