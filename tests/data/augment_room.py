"""What the tests of augmentation share: frames of rows, tools without models, and the parents that new rows name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
from data_room import WordsEncoder

from tunewright.core.seeds import child_seed
from tunewright.data.augment.rows import Augmented, augmented
from tunewright.data.augment.tools import Tools
from tunewright.data.derived import DERIVED
from tunewright.data.keys import content_keys, row_id
from tunewright.data.work import Request
from tunewright.recipe.augment import AugmentSpec
from tunewright.recipe.data import DataSpec, StratifiedSplit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from tunewright.core.places import WordPlace

EDA = [{"kind": "deletion", "rate": 0.3}, {"kind": "swap"}, {"kind": "typos", "rate": 0.3}, {"kind": "casing"}]


class ByCue:
    """Gives each text the label whose first word it holds; the first label where it holds none."""

    def __init__(self, texts: Sequence[str], targets: Sequence[str]) -> None:
        self.labels = tuple(sorted(set(targets)))

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        found = np.zeros((len(texts), len(self.labels)))
        for row, text in enumerate(texts):
            held = [n for n, label in enumerate(self.labels) if label in text.lower()]
            found[row, held[0] if held else 0] = 1.0
        return found


class Shouter:
    """A rewriter that says everything louder, and gives up on texts of one word."""

    def rewrite(self, texts: Sequence[str], *, seed: int) -> list[str | None]:
        return [None if len(text.split()) < 2 else f"{text} really {seed % 7}" for text in texts]


class Letters:
    """An embedder whose vectors count letters."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.array([[text.count(letter) + 0.01 for letter in "aeiourst"] for text in texts], dtype=np.float32)


class Echo:
    """A suggester that puts letters behind a word."""

    def suggest(self, places: Sequence[WordPlace]) -> list[Sequence[str]]:
        return [(f"{place.word}x", f"{place.word}y") for place in places]


def tools(classifier: Callable[..., Any] = ByCue) -> Tools:
    return Tools(classifier, lambda _words: Echo(), lambda _method: Shouter(), Letters)


def frame(texts: Sequence[tuple[str, str, str]], **columns: Any) -> pl.DataFrame:
    """Rows of (text, label, split), their groups their numbers by twos."""
    count = range(len(texts))
    return pl.DataFrame(
        {
            "row_id": [row_id("a.csv", n) for n in count],
            "content_key": content_keys(pl.Series([text for text, _, _ in texts], dtype=pl.String)),
            "source": ["a.csv"] * len(texts),
            "line": list(count),
            "group": [str(n // 2) for n in count],
            "split": [split for _, _, split in texts],
            "input": [text for text, _, _ in texts],
            "messages": pl.Series([None] * len(texts), dtype=pl.String),
            "target": [label for _, label, _ in texts],
            "meta": ["{}"] * len(texts),
            "role": ["train"] * len(texts),
            **columns,
        }
    )


def made(rows: pl.DataFrame, *, seed: int = 3, folder: Path = Path(), **spec: Any) -> Augmented:
    """What augmentation adds to the rows, without models."""
    data = DataSpec(train="a.csv", augment=AugmentSpec.model_validate(spec))
    request = Request(data, StratifiedSplit(), "classification", folder, folder / "l", seed=seed, tools=tools())
    return augmented(rows, request, WordsEncoder())


def marks(rows: pl.DataFrame) -> list[Mapping[str, Any]]:
    """What each row's `meta` says of its making."""
    return [json.loads(meta).get(DERIVED, {}) for meta in rows["meta"]]


def words(number: int, count: int) -> str:
    """A text of so many made-up words that depends on the number alone."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    drawn = [child_seed(number, "word", n) for n in range(count)]
    return " ".join("".join(letters[(seed >> 5 * k) % 26] for k in range(3 + seed % 5)) for seed in drawn)
