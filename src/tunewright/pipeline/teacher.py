"""What a teacher says of the training rows: soft targets, made once before training and kept with it.

Axes: N training rows, K classes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from safetensors.numpy import load_file, save_file

from tunewright.core.errors import Problem, RecipeError
from tunewright.core.files import disk_faults
from tunewright.data.clusters import cluster_ids
from tunewright.data.derived import with_parents
from tunewright.evaluation.baselines import linear_probe
from tunewright.evaluation.out_of_fold import fold_numbers, out_of_fold
from tunewright.inference.classify import TrunkEmbedder
from tunewright.models.load import load_trunk
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from tunewright.models.base import BaseFacts
    from tunewright.pipeline.context import Context
    from tunewright.recipe.recipe import Recipe
    from tunewright.recipe.teacher import ProbeTeacher

    Shares = NDArray[np.float32]
    Ints = NDArray[np.int64]

TEACHER = "teacher.safetensors"


def require_teachable(recipe: Recipe, facts: BaseFacts) -> None:
    """Raises RecipeError for a teacher that this base cannot have."""
    if recipe.train.teacher is None:
        return
    kind = recipe.train.teacher.kind
    if recipe.model.run is not None:
        given = f"{kind!r}, and {recipe.model.name!r} was tuned on labels of this kind before"
    elif facts.family != "encoder":
        given = f"{kind!r}, and {recipe.model.name!r} is no encoder: its embeddings say little of a whole text"
    else:
        return
    expected, remedy = "an untuned encoder as the base", "remove train.teacher"
    raise RecipeError(Problem("train.teacher", given, expected, remedy))


def soft_targets(context: Context, rows: pl.DataFrame, labels: Sequence[str], folder: Path) -> Shares | None:
    """The share of each class in each training row's target, `[N, K]`; None where the recipe names no teacher.

    They are kept in the folder, so that a training that goes on has the targets that it began with.
    """
    spec = context.recipe.train.teacher
    if spec is None:
        return None
    path = folder / TEACHER
    if path.exists():
        kept: Shares = load_file(path)["shares"]
        return kept
    shares_NK = _shares(context, spec, rows, labels)
    with disk_faults(folder):
        folder.mkdir(parents=True, exist_ok=True)
        aside = folder / f".{TEACHER}"
        save_file({"shares": shares_NK}, aside)
        aside.rename(path)
    return shares_NK


def mixed(
    targets_N: NDArray[np.int64], taught_NK: NDArray[np.float64], known_N: NDArray[np.bool_], *, weight: float
) -> Shares:
    """`weight` of the teacher's word and the rest of the row's own class; that alone where the teacher cannot know."""
    own_NK = np.zeros_like(taught_NK)
    own_NK[np.arange(len(targets_N)), targets_N] = 1.0
    said_N1 = np.where(known_N, weight, 0.0)[:, None]
    return (said_N1 * taught_NK + (1 - said_N1) * own_NK).astype(np.float32)


def _shares(context: Context, spec: ProbeTeacher, rows: pl.DataFrame, labels: Sequence[str]) -> Shares:
    index = {label: number for number, label in enumerate(labels)}
    targets_N = np.array([index[target] for target in rows["target"].to_list()], dtype=np.int64)
    embedder = TrunkEmbedder(load_trunk(context.base.folder), context.tokenizer, device=pick_device())
    vectors_ND, seed = embedder.embed(rows["input"].to_list()), context.recipe.seed

    def probe(learn: Ints, judge: Ints) -> NDArray[np.float64]:
        fitted = linear_probe(vectors_ND[learn], targets_N[learn], labels, seed=seed)
        return fitted.probabilities(vectors_ND[judge])

    fold_N = fold_numbers(with_parents(rows, cluster_ids(rows)), targets_N, folds=spec.folds, seed=seed)
    judged = out_of_fold(probe, targets_N, fold_N, classes=len(labels))
    agrees = float(np.mean(np.argmax(judged.probabilities_NK, axis=1) == targets_N))
    context.say(f"training: a probe of the base, out of fold, finds the label of {agrees:.1%} of {len(rows):,} rows")
    return mixed(targets_N, judged.probabilities_NK, judged.judged_N, weight=spec.weight)
