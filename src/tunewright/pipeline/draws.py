"""Whether the gate's tests have draws enough for the test rows as they turned out: some may belong together."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.data.clusters import cluster_ids
from tunewright.evaluation.gate import require_draws

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from tunewright.recipe.recipe import Recipe


def require_draws_for(recipe: Recipe, test: Callable[[], pl.DataFrame]) -> None:
    """Raises RecipeError for conditions of the recipe that no model could pass on these test rows, which are read only
    where that depends on them. The task's own conditions can always be passed.
    """

    def clustered() -> bool:
        rows = test()
        return bool(cluster_ids(rows).n_unique() < rows.height)

    require_draws(recipe.gate.conditions or (), recipe.evaluation, clustered=clustered)
