"""Names of persons and addresses, through a back end of the user's choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.data.private.presidio import PresidioNames

if TYPE_CHECKING:
    from tunewright.core.protocols import PrivateFinder
    from tunewright.recipe.privacy import PrivacySpec


def name_finders(spec: PrivacySpec) -> tuple[PrivateFinder, ...]:
    """What the recipe asks to look for names. Raises MissingPackage where it is not installed."""
    return () if spec.names == "off" else (PresidioNames(),)
