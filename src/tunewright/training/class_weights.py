"""How much a row counts in the loss, by the size of its class."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from tunewright.recipe.train import EffectiveNumber, Inverse, SqrtInverse

if TYPE_CHECKING:
    from tunewright.recipe.spec import Spec

RowWeight = Callable[[Any, int], float]
"""Spec and number of the class's rows, one or more, to the weight of each of them, up to a factor for all classes."""


def _effective_number(spec: EffectiveNumber, rows: int) -> float:
    return float((1 - spec.beta) / (1 - spec.beta**rows))


WEIGHTS: Mapping[type[Spec], RowWeight] = {
    Inverse: lambda _spec, rows: 1 / rows,
    SqrtInverse: lambda _spec, rows: rows**-0.5,
    EffectiveNumber: _effective_number,
}


def class_weights(
    spec: Inverse | SqrtInverse | EffectiveNumber,
    counts: Mapping[str, int],
    labels: Sequence[str],
    *,
    weights: Mapping[type[Spec], RowWeight] = WEIGHTS,
) -> tuple[float, ...]:
    """The weight of each class in the order of `labels`; over the training rows, `counts`, they average 1.

    A class without training rows weighs 1: no row asks for it.
    """
    raw = {label: weights[type(spec)](spec, counts[label]) for label in labels if counts.get(label, 0)}
    mean = sum(raw[label] * counts[label] for label in raw) / sum(counts[label] for label in raw)
    return tuple(raw[label] / mean if label in raw else 1.0 for label in labels)
