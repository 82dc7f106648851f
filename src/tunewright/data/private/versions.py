"""Whose tables and language models decide what is found: reinstalled, they may find something else."""

from __future__ import annotations

from importlib import metadata
from typing import TYPE_CHECKING

from tunewright.data.private.presidio import chosen_model

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tunewright.recipe.privacy import PrivacySpec

MODELS = "spacy_models"
"""The group of entry points in which packages of spaCy's language models name themselves."""


def finder_versions(spec: PrivacySpec) -> Mapping[str, str | None]:
    """Package to its version, of all that look for private data as the recipe says; None for one that is not here.

    Nothing is imported: spaCy takes seconds.
    """
    libraries = ["phonenumbers"]
    if spec.names == "presidio":
        libraries += ["presidio-analyzer", "spacy"]
    model = _model() if spec.names == "presidio" else {}
    return {name: _version(name) for name in libraries} | model


def _model() -> dict[str, str | None]:
    """The language model that is taken, where there is one."""
    held = {entry.name: entry.dist for entry in metadata.entry_points(group=MODELS)}
    name = chosen_model(list(held))
    return {} if name is None else {name: found.version if (found := held[name]) is not None else None}


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
