"""What is known about models before any is loaded: names that cannot be tuned, architectures, learning rates."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, Literal

Family = Literal["encoder", "causal", "seq2seq"]


@dataclass(frozen=True, slots=True)
class RateRange:
    """The learning rates that are known to work for a method and size."""

    default: float
    low: float
    high: float


@cache
def _catalogue() -> dict[str, Any]:
    text = resources.files("tunewright.models").joinpath("catalogue.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content


def hosted_only(name: str) -> bool:
    """Whether the name is of a model that its owner serves and nobody else can tune."""
    owner, _, last = name.lower().rpartition("/")
    patterns, owners = (_catalogue()["hosted_only"][key] for key in ("patterns", "owners"))
    if owner and owner not in owners:
        return False  # somebody's open model may well be named after a hosted one
    return any(last == p or last.startswith((f"{p}-", f"{p}.", f"{p}_", f"{p}o")) for p in patterns)


def open_alternatives(family: Family) -> list[str]:
    """Names of open models of a family."""
    names: list[str] = _catalogue()["hosted_only"]["open_alternatives"][family]
    return names


def family_of(model_type: str) -> Family | None:
    """The family of an architecture, or None for one this version does not know."""
    for family, members in _catalogue()["architectures"].items():
        if model_type in members:
            found: Family = family
            return found
    return None


def unfit(model_type: str) -> str | None:
    """Why an architecture cannot be used here, or None where nothing speaks against it."""
    reason: str | None = _catalogue()["unfit"].get(model_type)
    return reason


def known_model(name: str) -> tuple[Family, int] | None:
    """Family and parameter count of a well-known hub model, so that a recipe can be checked without the network."""
    entry = _catalogue()["known"].get(name)
    return (entry["family"], entry["parameters"]) if entry else None


def rate_range(method: str, parameters: int, family: Family | None = None, *, optimizer: str = "adamw") -> RateRange:
    """The known good learning rates of a method (`full`, `top_layers`, `lora`), a number of parameters and an
    optimiser; an unknown family is taken for an encoder.

    They are known for AdamW; those of another optimiser are its own factor times these.
    """
    rows = _catalogue()["learning_rates"][family or "encoder"][method]
    row = next(row for row in rows if parameters <= row["up_to_parameters"])
    factor = 1.0 if optimizer == "adamw" else _catalogue()["rate_factors"][optimizer]
    return RateRange(*(float(f"{row[name] * factor:.3g}") for name in ("default", "low", "high")))
