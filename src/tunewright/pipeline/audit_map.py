"""The texts as the starter encoder sees them, in two dimensions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.audit import MapPoint, TextMap
from tunewright.core.seeds import child_seed
from tunewright.data.vocabulary import drawn
from tunewright.inference.classify import TrunkEmbedder
from tunewright.models.base import find_local, read_facts
from tunewright.models.load import load_trunk
from tunewright.models.tokenizer import load_tokenizer
from tunewright.recipe.model import ModelSpec
from tunewright.starter.encoder import NAME
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

MOST_POINTS = 2_000
FEW_POINTS = 60
"""With fewer, neighbours say nothing, and the two main axes are drawn."""
MOST_TOKENS = 128
"""Enough of a text to see what it is about."""
TEXT_CHARS = 160


def text_map(rows: pl.DataFrame, *, seed: int) -> TextMap | None:
    """At most 2,000 of the rows, drawn by chance, as points; None for fewer than three.

    By t-SNE (van der Maaten & Hinton 2008) on 50 principal components, seeded; by the two main components where there
    are few. Raises MissingPackage where the starter encoder is not installed.
    """
    sample = drawn(rows, MOST_POINTS, seed=seed)
    if sample.height < 3:
        return None
    method, places_N2 = _projected(_embedded(sample["input"].to_list()), child_seed(seed, "map") % 2**32)
    points = [
        MapPoint(round(float(x), 3), round(float(y), 3), target or "", text[:TEXT_CHARS], f"{source}:{line}")
        for (x, y), (text, target, source, line) in zip(
            places_N2, sample.select("input", "target", "source", "line").iter_rows(), strict=True
        )
    ]
    return TextMap(method, NAME, rows.height, tuple(points))


def _embedded(texts: list[str]) -> NDArray[np.float32]:
    base = find_local(ModelSpec(name=NAME), Path())
    assert base is not None  # the starter is installed, or its absence was told
    tokenizer = load_tokenizer(base, read_facts(base, NAME), max_tokens=MOST_TOKENS)
    return TrunkEmbedder(load_trunk(base.folder), tokenizer, device=pick_device()).embed(texts)


def _projected(vectors_ND: NDArray[np.float32], seed: int) -> tuple[str, NDArray[np.float64]]:
    from sklearn.decomposition import PCA  # noqa: PLC0415  # heavy: imported where it is used
    from sklearn.manifold import TSNE  # noqa: PLC0415
    from sklearn.preprocessing import normalize  # noqa: PLC0415

    unit_ND = normalize(vectors_ND.astype(np.float64))
    if len(unit_ND) < FEW_POINTS:
        return "principal components", PCA(2, random_state=seed).fit_transform(unit_ND)
    reduced_ND = PCA(min(50, *unit_ND.shape), random_state=seed).fit_transform(unit_ND)
    perplexity = min(30.0, (len(unit_ND) - 1) / 3)
    placed = TSNE(2, perplexity=perplexity, init="pca", max_iter=500, random_state=seed).fit_transform(reduced_ND)
    return "t-SNE", np.asarray(placed, dtype=np.float64)
