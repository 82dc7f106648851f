"""Spans as answers: who marks them, how they stand on disk, and how they are counted."""

from __future__ import annotations

from functools import partial
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from tunewright.core.predictions import SpanPredictions
from tunewright.core.spans import Span, from_json, tag_names, tags_of, words_of
from tunewright.data.frame import sampled
from tunewright.data.overlength import fit_row, overlength_policy
from tunewright.data.store import read_profile
from tunewright.evaluation.label_sets import set_scores
from tunewright.evaluation.set_gap import METRIC, read_set_gap
from tunewright.evaluation.span_baselines import span_dictionary, tag_probe
from tunewright.evaluation.spans import METRICS, count_spans, words_right
from tunewright.inference.spans import SpanModel, WordReader, WordVectors, marked, token_states
from tunewright.models.load import load_trunk
from tunewright.models.tag_encoder import TagEncoder
from tunewright.pipeline.judge_counted import Answers, CountedJudge, Predict, names_of, tuned_model
from tunewright.pipeline.prepare import DATA
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from tunewright.core.results import ClassScore
    from tunewright.inference.spans import Pieces
    from tunewright.models.tokenizer import SettledTokenizer
    from tunewright.pipeline.context import Context

SPANS = pl.List(pl.Struct({"start": pl.Int64, "end": pl.Int64, "label": pl.String}))

PROBED_WORDS = 20_000
"""Words of training rows that the probe learns from, in rows drawn by the seed: more cost minutes and change little."""


def pieces_of(tokenizer: SettledTokenizer, overlength: Any) -> Pieces:
    """What makes of a text what a model was trained to read: windows, or the text cut as `data.overlength` says."""
    encoder, policy = TagEncoder(tokenizer, ()), overlength_policy(overlength, "token_classification")
    return partial(fit_row, encoder=encoder, policy=policy, test=True)


def write_spans(path: Path, predictions: SpanPredictions) -> None:
    """The file holds one row a prediction: id, cluster, true and marked spans, and words rightly tagged."""
    frame = pl.DataFrame(
        {
            "row_id": predictions.row_ids,
            "cluster": predictions.clusters,
            "target": [[span._asdict() for span in spans] for spans in predictions.targets],
            "predicted": [[span._asdict() for span in spans] for spans in predictions.predicted],
            "words_right": predictions.words_N2[:, 0],
            "words": predictions.words_N2[:, 1],
            "labels": [list(predictions.labels)] * len(predictions.row_ids),
        },
        schema_overrides={"target": SPANS, "predicted": SPANS, "labels": pl.List(pl.String)},
    )
    frame.write_parquet(path)


def read_spans(path: Path) -> SpanPredictions:
    """The predictions that `write_spans` wrote."""
    frame = pl.read_parquet(path)

    def spans(name: str) -> tuple[tuple[Span, ...], ...]:
        return tuple(tuple(Span(**span) for span in held) for held in frame[name].to_list())

    return SpanPredictions(
        tuple(frame["row_id"].to_list()),
        tuple(frame["labels"][0]) if frame.height else (),
        spans("predicted"),
        spans("target"),
        frame.select("words_right", "words").to_numpy().astype(np.int64),
        tuple(frame["cluster"].to_list()),
    )


def _predict(context: Context, mark: Callable[[Sequence[str]], Iterable[Sequence[Span]]]) -> Predict:
    """What gives the predictions of a system that marks texts."""
    labels = read_profile(context.run.of(DATA)).labels

    def predict(frame: pl.DataFrame) -> SpanPredictions:
        texts = frame["input"].to_list()
        true, said = _spans(frame), tuple(tuple(spans) for spans in mark(texts))
        words = [words_right(text, own, given) for text, own, given in zip(texts, true, said, strict=True)]
        rows, clusters = names_of(frame)
        return SpanPredictions(rows, labels, said, true, np.array(words, dtype=np.int64).reshape(-1, 2), clusters)

    return predict


def _tuned(context: Context) -> Predict:
    pieces = pieces_of(context.tokenizer, context.recipe.data.overlength)
    model = SpanModel(tuned_model(context), context.tokenizer, device=pick_device(), pieces=pieces)
    return _predict(context, lambda texts: (found.spans for found in model.marked(texts)))


def _nothing(context: Context, _train: pl.DataFrame) -> Predict:
    return _predict(context, lambda texts: [()] * len(texts))


def _dictionary(context: Context, train: pl.DataFrame) -> Predict:
    known = span_dictionary(train["input"].to_list(), _spans(train))
    return _predict(context, lambda texts: map(known.spans, texts))


def _probe(context: Context, train: pl.DataFrame) -> Predict:
    pieces = pieces_of(context.tokenizer, context.recipe.data.overlength)
    trunk = load_trunk(context.base.folder)
    reader = WordReader(trunk, context.tokenizer, token_states, device=pick_device(), pieces=pieces)
    some = sampled(train, _rows_for(train, PROBED_WORDS), context.recipe.seed, "probe")
    vectors: list[Any] = []
    tags: list[str] = []
    for found, spans in zip(reader.vectors(some["input"].to_list()), _spans(some), strict=True):
        vectors.append(found.vectors_WX[found.known_W])
        tags += compress(tags_of(found.words, spans), found.known_W)
    names = tag_names(read_profile(context.run.of(DATA)).labels)
    model = tag_probe(np.concatenate(vectors), tags, seed=context.recipe.seed)

    def spans_of(found: WordVectors) -> tuple[Span, ...]:
        logs_WK = np.full((len(found.words), len(names)), np.nan)
        logs_WK[found.known_W] = model.log_probabilities(found.vectors_WX[found.known_W], names)
        return marked(found, logs_WK, names).spans

    return _predict(context, lambda texts: map(spans_of, reader.vectors(texts)))


def _rows_for(train: pl.DataFrame, words: int) -> int:
    """About how many rows hold so many words."""
    held = sum(len(words_of(text)) for text in train["input"])
    return max(1, round(train.height * min(1.0, words / max(1, held))))


def _spans(frame: pl.DataFrame) -> tuple[tuple[Span, ...], ...]:
    return tuple(from_json(target) for target in frame["target"])


def _per_label(predictions: SpanPredictions, level: float) -> tuple[ClassScore, ...]:
    return set_scores(count_spans(predictions), predictions.labels, level)


def _warnings(predictions: SpanPredictions) -> Sequence[str]:
    if predictions.row_ids and not any(predictions.predicted):
        return ("The tuned model marks nothing in any test row: train it further, or with a higher rate.",)
    return ()


def _declares(context: Context) -> Mapping[str, Any]:
    return {"overlength": context.recipe.data.overlength}


MARKS = CountedJudge(
    Answers(
        task="token_classification",
        systems={
            "majority": ("majority", "baseline", "nothing marked"),
            "dictionary": ("dictionary", "baseline", "mentions seen in training"),
            "probe": ("base", "base", "{base} + linear probe"),
        },
        fit={"majority": _nothing, "dictionary": _dictionary, "probe": _probe},
        tuned=_tuned,
        write=write_spans,
        read=read_spans,
        keep=lambda _context, _folder, _predictions: None,
        count=count_spans,
        per_class=_per_label,
        gap=partial(read_set_gap, metric=METRICS[METRIC]),
        warnings=_warnings,
        said=("micro_f1", "token_accuracy"),
        declares=_declares,
    )
)
