"""Names of persons and addresses, through a back end of the user's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.data.private.presidio import PresidioNames

if TYPE_CHECKING:
    from collections.abc import Collection

    from tunewright.core.protocols import PrivateFinder
    from tunewright.recipe.privacy import PrivacySpec


def name_finders(spec: PrivacySpec, kinds: Collection[str]) -> tuple[PrivateFinder, ...]:
    """What the recipe asks to look for names, of these kinds. Raises MissingPackage where it is not installed."""
    wanted = [kind for kind in ("person", "address") if kind in kinds]
    return (PresidioNames(wanted),) if spec.names == "presidio" and wanted else ()
