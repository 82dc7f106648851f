"""The rights to a recipe's base and data: what is unknown of them, and what the card tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.rows import Finding
from tunewright.recipe.rights import commercial_use
from tunewright.reporting.story import Right
from tunewright.starter import encoder, lm

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.recipe.recipe import Recipe
    from tunewright.recipe.rights import SourceRights

STARTERS: Mapping[str, str] = {encoder.NAME: encoder.LICENSE, lm.NAME: lm.LICENSE}
"""Starter to the identifier of its licence."""


def rights_findings(recipe: Recipe) -> list[Finding]:
    """A warning for each source of which nobody knows whether it may be used as the recipe says."""
    if recipe.rights.usage is None:
        return []
    found = []
    for part, source in _sources(recipe).items():
        rights = _known(recipe, part)
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
        for rights in [_known(recipe, part)]
    )


def _known(recipe: Recipe, part: str) -> SourceRights:
    """What the recipe says of the part; of a starter whose licence it does not name, with the one it comes under."""
    rights: SourceRights = getattr(recipe.rights, part)
    license_ = STARTERS.get(recipe.model.name) if part == "model" and rights.license is None else None
    return rights if license_ is None else rights.model_copy(update={"license": license_})


def _sources(recipe: Recipe) -> dict[str, str]:
    """Part of `rights` to what it is of, as the recipe names it."""
    data = recipe.data
    named = {"model": recipe.model.name, "train": data.train, "validation": data.validation, "test": data.test}
    named["general_text"] = None if data.general_text is None else data.general_text.texts
    return {part: source for part, source in named.items() if source is not None}
