"""The parts of the test rows that `evaluation.slices` names by columns of the data."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from tunewright.core.errors import Problem, RecipeError, did_you_mean
from tunewright.evaluation.slices import parts_by

if TYPE_CHECKING:
    import polars as pl

    from tunewright.evaluation.slices import Part
    from tunewright.recipe.recipe import Recipe


def slices_of(recipe: Recipe, test: pl.DataFrame) -> tuple[Part, ...]:
    """The parts, column by column. Raises RecipeError for a column that the rows do not have."""
    if not recipe.evaluation.slices:
        return ()
    metas = [json.loads(meta) for meta in test["meta"]]
    group = recipe.data.group
    known = [*dict.fromkeys(name for meta in metas for name in meta), *([group] if group is not None else [])]
    found: list[Part] = []
    for column in recipe.evaluation.slices:
        if column not in known:
            given = f"{column!r}, and the test rows have no such column beside their texts{did_you_mean(column, known)}"
            expected = f"one of: {', '.join(known) or 'none, for the data has no other columns'}"
            raise RecipeError(Problem("evaluation.slices", given, expected, "correct the name, or leave it out"))
        values = test["group"] if column == group else [_shown(meta.get(column)) for meta in metas]
        found += parts_by(column, dict(zip(test["row_id"], values, strict=True)))
    return tuple(found)


def _shown(value: object) -> str | None:
    """A value as one reads it; blanks alone are none."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text.strip() or None
