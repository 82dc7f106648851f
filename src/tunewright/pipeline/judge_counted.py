"""How numbers and other counted answers are judged: simple systems before training, the tuned model after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence  # types of the frozen record below
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003  # a type of the frozen record below
from typing import TYPE_CHECKING, Any, Literal

from tunewright.core.codec import to_data
from tunewright.core.files import write_json
from tunewright.core.titles import metric_title
from tunewright.data.clusters import cluster_ids
from tunewright.data.derived import without_derived
from tunewright.data.frame import sampled
from tunewright.data.store import contaminated_rows, read_profile, read_split
from tunewright.data.tokenize import ENCODER_VERSION
from tunewright.evaluation.assemble_counted import AnsweredSystem, assemble_counted, score_counted
from tunewright.evaluation.clean_part import with_clean_part
from tunewright.evaluation.gate import compared_metrics
from tunewright.evaluation.slices import with_slices
from tunewright.models.load import load_tuned
from tunewright.pipeline.judge import base_title, base_words, score_settings, words
from tunewright.pipeline.prepare import DATA
from tunewright.pipeline.slices import slices_of
from tunewright.pipeline.training_facts import trained
from tunewright.recipe.judge import BaselineName  # noqa: TC001  # a type of the frozen record below

if TYPE_CHECKING:
    import polars as pl

    from tunewright.core.results import ClassScore, Gap, Results
    from tunewright.evaluation.assemble_counted import CountedSystem
    from tunewright.evaluation.counted import Counted
    from tunewright.pipeline.context import Context

Role = Literal["baseline", "base"]
Predict = Callable[[Any], Any]
"""Rows (a frame in ROW_COLUMNS) to the predictions of one system."""

GAP_ROWS = 2_000
"""Training rows scored for the gap."""


@dataclass(frozen=True, slots=True)
class Answers:
    """What differs between the kinds of answers that are counted; P stands for their record of predictions."""

    task: str
    systems: Mapping[BaselineName, tuple[str, Role, str]]
    """Recipe's word to the system's name, its role, and how people read it (`{base}` is the base's title)."""
    fit: Mapping[BaselineName, Callable[[Context, pl.DataFrame], Predict]]
    """Recipe's word to what learns from the training rows."""
    tuned: Callable[[Context], Predict]
    write: Callable[[Path, Any], None]
    """Path and P; `read` gives back what was written."""
    read: Callable[[Path], Any]
    keep: Callable[[Context, Path, Any], None]
    """Writes into the folder, beside P of the tuned model on the test rows, what `predict` needs to know of them."""
    count: Callable[[Any], Counted]
    per_class: Callable[[Any, float], tuple[ClassScore, ...]]
    """P and the level of its intervals."""
    gap: Callable[..., Gap]
    """`(train, validation, test, *, settings, trained)` of counts."""
    warnings: Callable[[Any], Sequence[str]]
    """What to beware of in the tuned model's predictions."""
    said: tuple[str, ...]
    """Metrics told on the console for each baseline."""
    declares: Callable[[Context], Mapping[str, Any]] = lambda _context: {}
    """What of the recipe decides predictions, beside what decides those of every kind of answer."""


def tuned_model(context: Context) -> Any:
    """The run's tuned model in memory, in eval mode, with its head."""
    base = context.base
    return load_tuned(context.run.path / "model", base.folder, base_adapter=base.adapter, layout=context.task.layout)


def names_of(frame: pl.DataFrame) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The rows' ids, and the clusters by which they were split."""
    return tuple(frame["row_id"].to_list()), tuple(cluster_ids(frame))


@dataclass(frozen=True, slots=True)
class CountedJudge:
    """Implements `pipeline.judge.Judge` for such answers."""

    answers: Answers

    @property
    def baselines(self) -> Sequence[BaselineName]:
        """All of them."""
        return tuple(self.answers.systems)

    @property
    def base(self) -> BaselineName:
        """The one whose role that is."""
        return next(word for word, (_, role, _) in self.answers.systems.items() if role == "base")

    def declares(self, context: Context) -> Mapping[str, Any]:
        """How the base is given the texts, and the threshold that labels are held against."""
        return {
            "encoder": context.tokenizer.fingerprint,
            "encoder_version": ENCODER_VERSION,
            "max_tokens": context.tokenizer.max_tokens,
            "threshold": context.recipe.evaluation.threshold,
            **self.answers.declares(context),
        }

    def score_baselines(self, context: Context, folder: Path) -> None:
        """Each baseline learns from the training rows alone."""
        train, test = (read_split(context.run.of(DATA), name) for name in ("train", "test"))
        scores = []
        for word in words(context):
            predictions = self.answers.fit[word](context, without_derived(train))(test)
            system = self._system(context, word, predictions)
            self.answers.write(folder / f"{system.name}.parquet", predictions)
            scored = score_counted(self._counted(context, system), self.answers.task, score_settings(context))
            scores.append(scored)
            told = ((metric, scored.metrics[metric].value) for metric in self.answers.said)
            figures = ", ".join(f"{metric_title(m)} {'unknown' if v is None else f'{v:.3f}'}" for m, v in told)
            context.say(f"baseline: {scored.title}: {figures}, n {test.height}")
        write_json(folder / "scores.json", [to_data(scored) for scored in scores])

    def score_tuned(self, context: Context, folder: Path) -> Results:
        """The tuned model beside all baselines on the frozen test rows, and its gap to the rows it learned from."""
        from tunewright.pipeline.evaluate import gate_conditions  # noqa: PLC0415  # it stands above

        of, data = self.answers, context.run.of(DATA)
        predict = of.tuned(context)
        test = predict(read_split(data, "test"))
        of.write(folder / "predictions.parquet", test)
        of.keep(context, folder, test)
        baselines = context.run.path / "baseline"
        systems = [
            self._system(context, word, of.read(baselines / f"{of.systems[word][0]}.parquet"))
            for word in words(context)
        ]
        systems.append(AnsweredSystem("tuned", f"{context.recipe.model.name}, tuned", "tuned", test))
        train = sampled(without_derived(read_split(data, "train")), GAP_ROWS, context.recipe.seed, "gap")
        seen, chosen = predict(train), predict(read_split(data, "validation"))
        gap = of.gap(*map(of.count, (seen, chosen, test)), settings=score_settings(context), trained=trained(context))
        profile, compared = read_profile(data), compared_metrics(gate_conditions(context))

        def scored(systems: Sequence[AnsweredSystem], gap: Gap | None = None) -> Results:
            """The systems on the rows that they hold, all or the clean ones."""
            return assemble_counted(
                [self._counted(context, system) for system in systems],
                task=of.task,
                headline=context.task.headline(profile.imbalance_ratio),
                compared=compared,
                spec=context.recipe.evaluation,
                seed=context.recipe.seed,
                gap=gap,
                labels=profile.labels,
                warnings=of.warnings(test),
                base=base_words(context),
            )

        results = with_clean_part(scored(systems, gap), systems, contaminated_rows(data), scored)
        return with_slices(results, systems, slices_of(context.recipe, read_split(data, "test")), scored)

    def _system(self, context: Context, word: BaselineName, predictions: Any) -> AnsweredSystem:
        name, role, title = self.answers.systems[word]
        return AnsweredSystem(name, title.format(base=base_title(context)), role, predictions)

    def _counted(self, context: Context, system: AnsweredSystem) -> CountedSystem:
        level = context.recipe.evaluation.confidence
        return system.counted(self.answers.count, lambda predictions: self.answers.per_class(predictions, level))
