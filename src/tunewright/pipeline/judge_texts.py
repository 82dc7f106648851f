"""How texts are judged: how likely people's own are, what is written for some prompts, and what was forgotten.

The base and simple systems are scored before training, the tuned model after it, on the same prompts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence  # noqa: TC003  # types of the frozen record below
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from tunewright.core.codec import to_data
from tunewright.core.files import write_json
from tunewright.core.generated import Decoding
from tunewright.data.frame import sampled
from tunewright.data.overlength import overlength_policy
from tunewright.data.store import contaminated_rows, read_split
from tunewright.data.tokenize import ENCODER_VERSION, encode_rows
from tunewright.evaluation.answer_limit import answer_limit
from tunewright.evaluation.clean_part import with_clean_part
from tunewright.evaluation.evaluate_texts import Beside, TextSystem, assemble_texts, usually_compared
from tunewright.evaluation.gate import compared_metrics
from tunewright.evaluation.nearest import nearest_neighbour
from tunewright.evaluation.retention import earlier_title, retention
from tunewright.evaluation.score_texts import metrics_of, score_texts
from tunewright.evaluation.slices import with_slices
from tunewright.evaluation.text_gap import read_text_gap
from tunewright.inference.text_model import TextModel
from tunewright.models.load import load_tuned_text
from tunewright.pipeline.chain import FIRST, GENERAL, first_general, known_first
from tunewright.pipeline.general import general_hash, left_out
from tunewright.pipeline.judge import EARLIER, base_title, base_words, score_settings, words
from tunewright.pipeline.prepare import DATA
from tunewright.pipeline.slices import slices_of
from tunewright.pipeline.store import read_texts, write_texts
from tunewright.pipeline.text_predictions import Asked, answers_of, asked_of, general_predictions, likelihoods, written
from tunewright.pipeline.training_facts import trained
from tunewright.recipe.judge import BaselineName  # noqa: TC001  # a type of the frozen record below
from tunewright.training.settings import pick_device

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

    from tunewright.core.predictions import TextPredictions
    from tunewright.core.results import Gap, Results, Retention
    from tunewright.core.rows import SplitName
    from tunewright.data.overlength import Policy
    from tunewright.pipeline.context import Context

GAP_ROWS = 500
"""Training rows whose likelihood is taken for the gap."""


@dataclass(frozen=True, slots=True)
class TextJudge:
    """Implements `pipeline.judge.Judge` for tasks that predict tokens."""

    @property
    def baselines(self) -> Sequence[BaselineName]:
        """The untuned base, and the answer of the most similar training row where there are answers."""
        return ("base", "nearest_neighbour")

    @property
    def base(self) -> BaselineName:
        """The untuned base under its own name."""
        return "base"

    def declares(self, context: Context) -> Mapping[str, Any]:
        """What the base is asked through, and about which general text."""
        spec = context.recipe.evaluation
        return {
            "encoder": context.encoder.fingerprint,
            "encoder_version": ENCODER_VERSION,
            "max_tokens": context.encoder.max_tokens,
            "generate": spec.generate,
            "decoding": asdict(_decoding(context)),
            "general": general_hash(context),
            "first": known_first(context),
        }

    def score_baselines(self, context: Context, folder: Path) -> None:
        """The base reads and writes as the tuned model will; neighbours only write."""
        asked = _asked(context, "test")
        earlier = _asked_earlier(context)
        base = base_model(context) if earlier is not None or "base" in _words(context) else None
        if base is not None and earlier is not None:
            write_texts(folder / EARLIER, likelihoods(base, earlier))
        scores = []
        for word in _words(context):
            scored_base = base if word == "base" else None
            predictions = _base(context, scored_base, asked, folder) if scored_base else _neighbours(context, asked)
            write_texts(folder / f"{word}.parquet", predictions)
            title = system_title(context, word)
            scored = score_texts(
                predictions,
                name=word,
                title=title,
                role=_role(word),
                settings=score_settings(context),
                metrics=metrics_of(context.recipe.task, context.task.layout),
            )
            scores.append(to_data(scored))
            context.say(f"baseline: {title}: {_in_short(scored.metrics)}")
        write_json(folder / "scores.json", scores)

    def score_tuned(self, context: Context, folder: Path) -> Results:
        """The tuned model beside the base and the neighbours on the frozen test prompts, gap and forgetting."""
        from tunewright.pipeline.evaluate import gate_conditions  # noqa: PLC0415  # it stands above

        task, layout = context.recipe.task, context.task.layout
        model = tuned_model(context)
        asked = _asked(context, "test")
        test = _predicted(context, model, asked, "evaluation")
        write_texts(folder / "predictions.parquet", test)
        baselines = {word: read_texts(context.run.path / "baseline" / f"{word}.parquet") for word in _words(context)}
        systems = [
            TextSystem(word, system_title(context, word), _role(word), predictions)
            for word, predictions in baselines.items()
        ]
        systems.append(TextSystem("tuned", f"{context.recipe.model.name}, tuned", "tuned", test))
        forgotten, since_first = _retention(context, model, folder)
        compared = dict.fromkeys([*usually_compared(task, layout), *compared_metrics(gate_conditions(context))])
        scored = partial(
            assemble_texts,
            task=task,
            layout=layout,
            headline=context.task.headline(None),
            spec=context.recipe.evaluation,
            seed=context.recipe.seed,
            compared=tuple(compared),
        )
        results = scored(
            systems,
            gap=_gap(context, model, test, baselines.get("base")),
            beside=Beside(
                retention=forgotten,
                since_first=since_first,
                earlier_test=_earlier_test(context, model, folder),
                base=base_words(context),
                cut=asked.cut,
                answer_limit=answer_limit(test, asked.shortest_N, context.recipe.evaluation.max_new_tokens),
            ),
        )
        again, data = partial(scored, gap=None), context.run.of(DATA)
        results = with_clean_part(results, systems, contaminated_rows(data), again)
        return with_slices(results, systems, slices_of(context.recipe, read_split(data, "test")), again)


TEXTS = TextJudge()


def system_title(context: Context, word: str) -> str:
    """How people read a system's name."""
    titles = {
        "base": base_title(context),
        "nearest_neighbour": "answer of the nearest training row",
    }
    return titles[word]


def _role(word: str) -> Literal["baseline", "base"]:
    return "base" if word == "base" else "baseline"


def tuned_model(context: Context) -> TextModel:
    """The run's tuned model with its encoder, ready to read and write."""
    layout = context.task.layout
    folder = context.run.path / "model"
    model = load_tuned_text(folder, context.base.folder, layout, base_adapter=context.base.adapter)
    return _asked_through(context, model)


def base_model(context: Context) -> TextModel:
    """The untuned base, likewise."""
    return _asked_through(context, context.load_base())


def _asked_through(context: Context, model: Any) -> TextModel:
    mask_id = context.tokenizer.mask_id if context.task.layout == "masked" else None
    return TextModel(model, context.prompt_encoder, device=pick_device(), mask_id=mask_id)


def _words(context: Context) -> tuple[BaselineName, ...]:
    """Raw text has no answers that a neighbour could lend."""
    return tuple(word for word in words(context) if word == "base" or context.task.writes)


def _asked(context: Context, split: SplitName, most: int | None = None) -> Asked:
    frame = sampled(read_split(context.run.of(DATA), split), most, context.recipe.seed, "gap")
    return _as_asked(context, frame, _policy(context))


def _asked_earlier(context: Context) -> Asked | None:
    """The test rows of the earlier run, cut where they do not fit; None where there is none of this task."""
    if context.goes_on is None:
        return None
    policy = _policy(context)
    return _as_asked(context, context.goes_on.test, "drop" if policy == "error" else policy)


def _policy(context: Context) -> Policy:
    return overlength_policy(context.recipe.data.overlength, context.recipe.task)


def _as_asked(context: Context, frame: pl.DataFrame, policy: Policy) -> Asked:
    return asked_of(frame, context.prompt_encoder, policy=policy, chats=context.task.chats)


def _predicted(context: Context, model: TextModel, asked: Asked, stage: str) -> TextPredictions:
    found = likelihoods(model, asked)
    if not context.task.writes or context.recipe.evaluation.generate == 0:
        return found
    decoding = _decoding(context)
    drawn = asked.drawn(context.recipe.evaluation.generate, decoding.seed)
    with context.watch(stage, len(drawn)) as wrote:
        return written(model, asked, found, drawn=drawn, decoding=decoding, wrote=wrote)


def _decoding(context: Context) -> Decoding:
    spec = context.recipe.evaluation
    return Decoding(spec.max_new_tokens, spec.temperature, spec.top_p, context.recipe.seed)


def _base(context: Context, model: TextModel, asked: Asked, folder: Path) -> TextPredictions:
    found = _predicted(context, model, asked, "baseline")
    general = general_predictions(context, model)
    if general is not None:
        short = left_out(context)
        if short is not None:
            context.say(f"baseline: {short}")
        write_texts(folder / GENERAL, general)
        first = first_general(context, general)
        if first is not None:
            write_texts(folder / FIRST, first)
    return found


def _neighbours(context: Context, asked: Asked) -> TextPredictions:
    """For the same prompts as the models write for, the answer of the nearest training row."""
    drawn = asked.drawn(context.recipe.evaluation.generate, context.recipe.seed)
    if not drawn:
        return asked.blank()
    train = read_split(context.run.of(DATA), "train")
    nearest = nearest_neighbour(train["input"].to_list(), range(train.height))
    lenders = train[nearest([asked.prompts[number] for number in drawn])]
    encoder = context.prompt_encoder
    lent = answers_of(lenders, encode_rows(lenders, encoder), encoder=encoder, chats=context.task.chats)
    answers = dict(zip(drawn, lent, strict=True))
    n = len(asked.row_ids)
    return replace(
        asked.blank(),
        texts=tuple(answers.get(number) for number in range(n)),
    )


def _gap(context: Context, model: TextModel, test: TextPredictions, base: TextPredictions | None) -> Gap:
    train = likelihoods(model, _asked(context, "train", GAP_ROWS))
    validation = likelihoods(model, _asked(context, "validation", GAP_ROWS))
    return read_text_gap(train, validation, test, settings=score_settings(context), trained=trained(context), base=base)


def _retention(context: Context, model: TextModel, folder: Path) -> tuple[Retention | None, Retention | None]:
    """What tuning did to general text: since the base, and since the first base of a chain of runs."""
    before, first = (context.run.path / "baseline" / name for name in (GENERAL, FIRST))
    after = general_predictions(context, model)
    if after is None or not before.exists():
        return None, None
    write_texts(folder / GENERAL, after)
    settings = score_settings(context)
    since_first = retention(read_texts(first), after, settings=settings) if first.exists() else None
    return retention(read_texts(before), after, settings=settings), since_first


def _earlier_test(context: Context, model: TextModel, folder: Path) -> Retention | None:
    asked = _asked_earlier(context)
    if asked is None or context.goes_on is None:
        return None
    after = likelihoods(model, asked)
    write_texts(folder / EARLIER, after)
    before = read_texts(context.run.path / "baseline" / EARLIER)
    metric = context.task.headline(None)
    title = earlier_title(metric, context.goes_on.run)
    return retention(before, after, settings=score_settings(context), title=title, metric=metric)


def _in_short(metrics: Mapping[str, Any]) -> str:
    known = [(name, metrics[name].value) for name in ("bits_per_byte", "loss", "chrf") if name in metrics]
    said = [f"{name.replace('_', ' ')} {value:.3f}" for name, value in known if value is not None]
    return ", ".join(said) or "nothing is known of it"
