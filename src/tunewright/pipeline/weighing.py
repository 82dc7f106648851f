"""What weights and balance will do to training, before it happens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tunewright.core.rows import Finding
from tunewright.evaluation.gate import IMBALANCED

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.core.rows import Profile
    from tunewright.recipe.recipe import Recipe


def weighing_findings(recipe: Recipe, profile: Profile) -> Iterator[Finding]:
    """Warnings of weights or balance that change nothing, or that correct the same thing twice."""
    weights, balance = recipe.train.class_weights, recipe.data.balance
    by_label = balance is not None and balance.column is None
    ratio = profile.imbalance_ratio
    if weights is not None and ratio is not None and ratio <= IMBALANCED:
        message = (
            f"train.class_weights is {weights.kind!r}, and the training rows are balanced already "
            f"({ratio:.1f} to 1): it changes little"
        )
        yield Finding("class_weights", "warning", message, 1, (), "remove train.class_weights")
    if by_label and ratio is not None and ratio <= IMBALANCED:
        message = f"data.balance evens out labels that are balanced already ({ratio:.1f} to 1)"
        yield Finding("balance_needless", "warning", message, 1, (), "remove data.balance, or name a column in it")
    if weights is not None and balance is not None and by_label:
        message = (
            f"train.class_weights ({weights.kind}) and data.balance ({balance.kind}) both correct the sizes of the "
            "classes: the weights follow what balancing left"
        )
        yield Finding("class_weights", "warning", message, 1, (), "choose one of them")


def weight_line(recipe: Recipe, profile: Profile) -> tuple[str, ...]:
    """The least and the greatest weight of a class, for the plan; nothing where rows weigh alike."""
    from tunewright.training.class_weights import class_weights  # noqa: PLC0415  # it stands beside torch

    spec = recipe.train.class_weights
    if spec is None:
        return ()
    counts = profile.splits["train"].labels
    weights = class_weights(spec, counts, profile.labels)
    trained = [(w, label) for w, label in zip(weights, profile.labels, strict=True) if label in counts]
    (low, least), *_, (high, most) = sorted(trained)
    return (f"class weights: {spec.kind}, from {low:.2f} ({least}) to {high:.2f} ({most})",)
