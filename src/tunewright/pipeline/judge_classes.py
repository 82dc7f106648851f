"""How classes are judged: the base and simple systems before training, the tuned model after it, on the same rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence  # noqa: TC003  # types of the frozen record below
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from tunewright.core.codec import to_data
from tunewright.core.files import write_json
from tunewright.data.derived import without_derived
from tunewright.data.frame import sampled
from tunewright.data.store import contaminated_rows, read_profile, read_split
from tunewright.data.tokenize import ENCODER_VERSION
from tunewright.evaluation.baselines import linear_probe, majority, tfidf_linear
from tunewright.evaluation.classification import score_system
from tunewright.evaluation.clean_part import with_clean_part
from tunewright.evaluation.evaluate import System, assemble
from tunewright.evaluation.gate import compared_metrics
from tunewright.evaluation.overfitting import read_gap
from tunewright.evaluation.retention import earlier_test_of_classes
from tunewright.evaluation.slices import with_slices
from tunewright.inference.classify import TrunkEmbedder, TunedClassifier
from tunewright.inference.zero_shot import LabelClassifier
from tunewright.models.encoders import chat_encoder
from tunewright.models.load import load_causal, load_trunk, load_tuned
from tunewright.pipeline.judge import EARLIER, base_title, base_words, score_settings, words
from tunewright.pipeline.prepare import DATA
from tunewright.pipeline.slices import slices_of
from tunewright.pipeline.store import class_predictions, read_predictions, write_predictions
from tunewright.pipeline.training_facts import trained
from tunewright.recipe.judge import BaselineName  # noqa: TC001  # a type of the frozen record below
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import polars as pl
    from numpy.typing import NDArray

    from tunewright.core.predictions import ClassPredictions
    from tunewright.core.protocols import Classifier
    from tunewright.core.results import Gap, Results, Retention
    from tunewright.core.rows import SplitName
    from tunewright.pipeline.context import Context

    Probabilities = Callable[["Context", pl.DataFrame, pl.DataFrame, Sequence[str]], NDArray[np.float64]]

Role = Literal["baseline", "base"]

GAP_ROWS = 2_000
"""Training rows scored for the gap: enough for an interval of two points, and seconds on a CPU."""


@dataclass(frozen=True, slots=True)
class ClassJudge:
    """Implements `pipeline.judge.Judge` for labels."""

    systems: Mapping[BaselineName, tuple[str, Role]]
    """Recipe's word to the system's name and role in the results."""

    @property
    def baselines(self) -> Sequence[BaselineName]:
        """All of them."""
        return tuple(self.systems)

    @property
    def base(self) -> BaselineName:
        """The one whose role that is."""
        return next(word for word, (_, role) in self.systems.items() if role == "base")

    def declares(self, context: Context) -> Mapping[str, Any]:
        """The tokenizer, its context, and the template through which a base that never classified is asked."""
        asked = "base" in words(context) and context.goes_on is None
        return {
            "encoder": context.tokenizer.fingerprint,
            "encoder_version": ENCODER_VERSION,
            "max_tokens": context.tokenizer.max_tokens,
            "template": context.settled_template.hash if asked else None,
        }

    def score_baselines(self, context: Context, folder: Path) -> None:
        """Each baseline learns from the training rows alone."""
        train, test = (read_split(context.run.of(DATA), name) for name in ("train", "test"))
        labels = read_profile(context.run.of(DATA)).labels
        scores = []
        for word in words(context):
            name, role = self.systems[word]
            predictions = class_predictions(test, labels, BUILDERS[word](context, train, test, labels))
            write_predictions(folder / f"{name}.parquet", predictions)
            title = system_title(context, word, role)
            scored = score_system(predictions, name=name, title=title, role=role, settings=score_settings(context))
            scores.append(scored)
            accuracy, macro = scored.metrics["accuracy"], scored.metrics["macro_f1"]
            context.say(
                f"baseline: {scored.title}: accuracy {accuracy.value:.3f}, macro F1 {macro.value:.3f}, n {accuracy.n}"
            )
        if context.goes_on is not None:
            write_predictions(folder / EARLIER, _predict_earlier(context, _before(context)))
        write_json(folder / "scores.json", [to_data(scored) for scored in scores])

    def score_tuned(self, context: Context, folder: Path) -> Results:
        """The tuned model beside all baselines on the frozen test rows, and its gap to the rows it learned from."""
        from tunewright.pipeline.evaluate import gate_conditions  # noqa: PLC0415  # it stands above

        profile = read_profile(context.run.of(DATA))
        headline = context.task.headline(profile.imbalance_ratio)
        saved = context.run.path / "model"
        model = load_tuned(saved, context.base.folder, base_adapter=context.base.adapter)
        tuned = TunedClassifier(model, context.tokenizer, device=pick_device())
        test = _predict(context, tuned, "test")
        write_predictions(folder / "predictions.parquet", test)
        systems = [
            System(name, system_title(context, word, role), role, _read_baseline(context, name))
            for word in words(context)
            for name, role in (self.systems[word],)
        ]
        systems.append(System("tuned", system_title(context, "tuned", "tuned"), "tuned", test))
        compared = list(dict.fromkeys(["accuracy", "macro_f1", *compared_metrics(gate_conditions(context))]))
        scored = partial(
            assemble, headline=headline, spec=context.recipe.evaluation, seed=context.recipe.seed, compared=compared
        )
        results = scored(
            systems,
            gap=_gap(context, tuned, test, headline),
            earlier_test=_earlier_test(context, tuned, folder),
            base=base_words(context),
        )
        again, data = partial(scored, gap=None), context.run.of(DATA)
        results = with_clean_part(results, systems, contaminated_rows(data), again)
        return with_slices(results, systems, slices_of(context.recipe, read_split(data, "test")), again)


CLASSES = ClassJudge(
    {"majority": ("majority", "baseline"), "tfidf_linear": ("tfidf_linear", "baseline"), "probe": ("base", "base")}
)
"""For encoders: the base is a linear probe on its untuned embeddings."""

CLASSES_BY_LIKELIHOOD = ClassJudge(
    {
        "majority": ("majority", "baseline"),
        "tfidf_linear": ("tfidf_linear", "baseline"),
        "probe": ("probe", "baseline"),
        "base": ("base", "base"),
    }
)
"""For causal models: the base is asked how likely it finds each label."""


CLASSES_OF_A_RUN = ClassJudge(
    {"majority": ("majority", "baseline"), "tfidf_linear": ("tfidf_linear", "baseline"), "base": ("base", "base")}
)
"""For the tuned model of an earlier run: it classifies already, with the head that is tuned further."""


def system_title(context: Context, word: str, role: str) -> str:
    """How people read a system's name."""
    model = context.recipe.model.name
    titles = {
        "majority": "always the largest class",
        "tfidf_linear": "TF-IDF + logistic regression",
        "probe": f"{base_title(context)} + linear probe",
        "base": base_title(context) if context.goes_on is not None else f"{base_title(context)}, likeliest label",
    }
    return f"{model}, tuned" if role == "tuned" else titles[word]


def _read_baseline(context: Context, name: str) -> ClassPredictions:
    return read_predictions(context.run.path / "baseline" / f"{name}.parquet")


def _gap(context: Context, tuned: Classifier, test: ClassPredictions, metric: str) -> Gap:
    train = _predict(context, tuned, "train", most=GAP_ROWS)
    validation = _predict(context, tuned, "validation")
    return read_gap(train, validation, test, metric=metric, settings=score_settings(context), trained=trained(context))


def _predict(context: Context, tuned: Classifier, split: SplitName, most: int | None = None) -> ClassPredictions:
    rows = without_derived(read_split(context.run.of(DATA), split))  # a copy says nothing that its parent does not
    frame = sampled(rows, most, context.recipe.seed, "gap")
    return class_predictions(frame, tuned.labels, tuned.probabilities(frame["input"].to_list()))


def _majority(context: Context, train: pl.DataFrame, test: pl.DataFrame, labels: Sequence[str]) -> NDArray[np.float64]:
    counts = read_profile(context.run.of(DATA)).unbalanced_labels or Counter(train["target"])
    as_found_N = np.repeat(np.arange(len(labels)), [counts.get(label, 0) for label in labels])
    return majority(as_found_N, labels).probabilities(test["input"].to_list())


def _tfidf_linear(
    context: Context, train: pl.DataFrame, test: pl.DataFrame, labels: Sequence[str]
) -> NDArray[np.float64]:
    texts = train["input"].to_list()
    model = tfidf_linear(texts, _targets(train, labels), labels, seed=context.recipe.seed)
    return model.probabilities(test["input"].to_list())


def _probe(context: Context, train: pl.DataFrame, test: pl.DataFrame, labels: Sequence[str]) -> NDArray[np.float64]:
    embedder = TrunkEmbedder(load_trunk(context.base.folder), context.tokenizer, device=pick_device())
    vectors = embedder.embed(train["input"].to_list())
    model = linear_probe(vectors, _targets(train, labels), labels, seed=context.recipe.seed)
    return model.probabilities(embedder.embed(test["input"].to_list()))


def _base(context: Context, train: pl.DataFrame, test: pl.DataFrame, labels: Sequence[str]) -> NDArray[np.float64]:
    if context.goes_on is None:
        return _zero_shot(context, train, test, labels)
    return _before(context).probabilities(test["input"].to_list())


def _before(context: Context) -> TunedClassifier:
    """The earlier run's model as it was, with its own head."""
    model = context.load_base(read_profile(context.run.of(DATA)).labels)
    return TunedClassifier(model, context.tokenizer, device=pick_device())


def _predict_earlier(context: Context, classifier: Classifier) -> ClassPredictions:
    assert context.goes_on is not None, "asked for where there is an earlier test"
    rows = context.goes_on.test
    return class_predictions(rows, classifier.labels, classifier.probabilities(rows["input"].to_list()))


def _earlier_test(context: Context, tuned: Classifier, folder: Path) -> Retention | None:
    if context.goes_on is None:
        return None
    after = _predict_earlier(context, tuned)
    write_predictions(folder / EARLIER, after)
    before = read_predictions(context.run.path / "baseline" / EARLIER)
    return earlier_test_of_classes(before, after, run=context.goes_on.run, settings=score_settings(context))


def _zero_shot(
    context: Context, _train: pl.DataFrame, test: pl.DataFrame, labels: Sequence[str]
) -> NDArray[np.float64]:
    model = load_causal(context.base.folder, dropout=None, adapter=context.base.adapter)
    encoder = chat_encoder(context.tokenizer, context.settled_template)
    asked = LabelClassifier(model, encoder, labels, device=pick_device())
    return asked.probabilities(test["input"].to_list())


BUILDERS: Mapping[BaselineName, Probabilities] = {
    "majority": _majority,
    "tfidf_linear": _tfidf_linear,
    "probe": _probe,
    "base": _base,
}
"""Recipe's word to what gives the test rows' probabilities from the training rows."""


def _targets(frame: pl.DataFrame, labels: Sequence[str]) -> NDArray[np.int64]:
    index = {label: number for number, label in enumerate(labels)}
    return np.array([index[target] for target in frame["target"].to_list()], dtype=np.int64)
