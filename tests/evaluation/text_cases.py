"""Text predictions made for tests."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import numpy as np

from tunewright.core.predictions import TextPredictions

if TYPE_CHECKING:
    from collections.abc import Sequence

WORDS = (
    "the",
    "a",
    "red",
    "small",
    "old",
    "house",
    "tree",
    "river",
    "bird",
    "runs",
    "sings",
    "over",
    "under",
    "near",
    "quickly",
    "42",
    "it's",
    ",",
    ".",
)


def texts_given(
    texts: Sequence[str | None],
    references: Sequence[Sequence[str]],
    *,
    nats: Sequence[float] | None = None,
    stopped: Sequence[bool | None] | None = None,
    clusters: Sequence[object] | None = None,
) -> TextPredictions:
    """Predictions of these texts beside these references; without `nats`, of a system that gives no likelihoods."""
    n = len(texts)
    return TextPredictions(
        row_ids=tuple(f"row{i}" for i in range(n)),
        prompts=tuple(f"prompt {i}" for i in range(n)),
        references=tuple(map(tuple, references)),
        texts=tuple(texts),
        stopped=(None,) * n if stopped is None else tuple(stopped),
        new_tokens=tuple(None if text is None else len(text.split()) for text in texts),
        nats_N=np.full(n, np.nan) if nats is None else np.array(nats, dtype=np.float64),
        target_tokens_N=np.array([sum(len(r.split()) + 1 for r in each) for each in references], dtype=np.int64),
        target_bytes_N=np.array([sum(len(r.encode()) for r in each) for each in references], dtype=np.int64),
        clusters=tuple(str(c) for c in (range(n) if clusters is None else clusters)),
    )


def spoken(n: int, *, quality: float, seed: int, clusters: Sequence[object] | None = None) -> TextPredictions:
    """Predictions of `n` prompts whose words are those of the (same) references with probability `quality`."""
    shared, own = random.Random(1), random.Random(seed)
    references, texts, nats = [], [], []
    for row in range(n):
        answer = [shared.choice(WORDS) for _ in range(shared.randint(3, 14))]
        others = [[shared.choice(WORDS) for _ in range(6)]] if row % 3 == 0 else []
        references.append([" ".join(answer), *map(" ".join, others)])
        texts.append(" ".join(word if own.random() < quality else own.choice(WORDS) for word in answer))
        nats.append(sum(len(r.split()) + 1 for r in references[-1]) * (2 - quality + own.random() / 2))
    stopped = [own.random() < quality for _ in range(n)]
    return texts_given(texts, references, nats=nats, stopped=stopped, clusters=clusters)
