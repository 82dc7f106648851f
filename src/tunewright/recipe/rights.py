"""What the user says about the rights to the data and the base."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from tunewright.recipe.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTS = ("model", "train", "validation", "test", "general_text")


class SourceRights(Spec):
    """Where something comes from, and under which terms. What is absent is unknown."""

    license: str | None = None
    """Identifier of the licence as spdx.org lists it, such as `CC-BY-4.0`; any other words are taken as they are."""
    permission: str | None = None
    """Leave beyond the licence: who gave it, when, for what. It takes the place of a licence that forbids the use."""
    origin: str | None = None
    """Where it was taken from, such as an address."""
    attribution: str | None = None
    """Whom to name, and how; the model card says it."""


class RightsSpec(Spec):
    """Licences, permissions and origins of the data and the base, for the model card and a check of the use."""

    usage: Literal["commercial"] | None = None
    """`commercial` refuses a licence that forbids it, unless a permission is named, and warns of unknown ones."""
    model: SourceRights = SourceRights()
    """The base."""
    train: SourceRights = SourceRights()
    """The source of `data.train`, and of what is carved from it."""
    validation: SourceRights = SourceRights()
    """The source of `data.validation`."""
    test: SourceRights = SourceRights()
    """The source of `data.test`."""
    general_text: SourceRights = SourceRights()
    """The source of `data.general_text`."""

    @model_validator(mode="after")
    def _use_is_allowed(self) -> RightsSpec:
        if self.usage is None:
            return self
        for part in PARTS:
            source: SourceRights = getattr(self, part)
            if source.permission is None and commercial_use(source.license) is False:
                given = (
                    f"rights.usage is 'commercial' and rights.{part}.license is {source.license!r}, which forbids it"
                )
                raise ValueError(f"{given}: take another source, or name a permission in rights.{part}.permission")
        return self


def commercial_use(license_id: str | None) -> bool | None:
    """Whether a licence allows commercial use; None where that is unknown."""
    folded = (license_id or "").casefold()
    allowed = _table().get(folded)
    return False if allowed is None and folded.startswith("cc-by-nc") else allowed


@cache
def _table() -> Mapping[str, bool]:
    text = files("tunewright.recipe").joinpath("licenses.json").read_text(encoding="utf-8")
    lists = json.loads(text)
    return {name.casefold(): kind == "commercial" for kind in ("commercial", "noncommercial") for name in lists[kind]}
