"""The rights to a recipe's base and data: what is unknown of them, and what the card tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.rows import Finding
from tunewright.recipe.rights import commercial_use
from tunewright.reporting.story import Right

if TYPE_CHECKING:
    from tunewright.recipe.recipe import Recipe
    from tunewright.recipe.rights import SourceRights


def rights_findings(recipe: Recipe) -> list[Finding]:
    """A warning for each source of which nobody knows whether it may be used as the recipe says."""
    if recipe.rights.usage is None:
        return []
    found = []
    for part, source in _sources(recipe).items():
        rights: SourceRights = getattr(recipe.rights, part)
        if rights.permission is None and commercial_use(rights.license) is None:
            known = "unknown" if rights.license is None else f"{rights.license!r}, of which no use is known"
            message = f"the licence of {source} is {known}, and rights.usage is 'commercial'"
            remedy = f"find it out and write rights.{part}.license (an identifier of spdx.org), or a permission"
            found.append(Finding("license_unknown", "warning", message, 1, (), remedy))
    return found


def rights_of(recipe: Recipe) -> tuple[Right, ...]:
    """The rights to base and data, for the card."""
    return tuple(
        Right(source, rights.license, rights.origin, rights.permission, rights.attribution)
        for part, source in _sources(recipe).items()
        for rights in [getattr(recipe.rights, part)]
    )


def _sources(recipe: Recipe) -> dict[str, str]:
    """Part of `rights` to what it is of, as the recipe names it."""
    data = recipe.data
    named = {"model": recipe.model.name, "train": data.train, "validation": data.validation, "test": data.test}
    return {part: source for part, source in named.items() if source is not None}
