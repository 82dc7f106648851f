"""A stage's key changes with what decides its artefact, and with nothing else."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from tiny_models import tiny_model
from tiny_room import ticket_rows, tiny_recipe, write_recipe, write_tickets
from tunewright.pipeline import baseline, evaluate, gate, judge, prepare, train
from tunewright.pipeline.context import Context
from tunewright.pipeline.prepare import current_data
from tunewright.pipeline.run import run_stages
from tunewright.pipeline.stages import seal
from tunewright.recipe.load import load_recipe
from tunewright.recipe.recipe import Recipe

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

TEMPLATE = (
    "{% for m in messages %}{{ m.role }}\n{{ m.content }}{{ eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}assistant\n{% endif %}"
)


@pytest.fixture(scope="module")
def causal_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose base is causal and whose data is prepared; not to be changed."""
    project = tmp_path_factory.mktemp("causal")
    tiny_model("llama", project / "base")
    write_tickets(project / "tickets.csv", ticket_rows(120))
    (project / "asked.jinja").write_text(TEMPLATE)
    recipe = tiny_recipe("base") | {"model": {"name": "base", "template": "asked.jinja"}}
    recipe["evaluation"]["baselines"] = ["majority", "base"]
    run_stages(Context(load_recipe(write_recipe(project, recipe))), ["prepare"])
    return project


@pytest.fixture
def causal(causal_template: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(causal_template, tmp_path / "project", copy_function=shutil.copy2)


def declared(project: Path, *overrides: str) -> Mapping[str, Any]:
    """What the stages baseline and training of the prepared project declare, as JSON."""
    context = Context(load_recipe(project / "recipe.yaml", overrides))
    data = current_data(context)
    said = {"baseline": baseline._declares(context, data), "training": train._declares(context, data)}
    return {stage: json.dumps(declares, sort_keys=True, default=str) for stage, declares in said.items()}


def test_another_template_asks_the_base_anew_for_labels_and_trains_no_classifier_anew(causal: Path) -> None:
    before = declared(causal)
    (causal / "asked.jinja").write_text(f"Be brief. {TEMPLATE}")
    after = declared(causal)
    assert after["baseline"] != before["baseline"]
    assert after["training"] == before["training"]
    assert declared(causal, "model.template=plain")["training"] == before["training"]


def test_a_template_under_another_name_changes_nothing(causal: Path) -> None:
    before = declared(causal)
    shutil.copy2(causal / "asked.jinja", causal / "other.jinja")
    assert declared(causal, "model.template=other.jinja") == before


def test_a_base_that_is_not_asked_takes_no_template(causal: Path) -> None:
    unasked = "evaluation.baselines=[majority, probe]"
    before = declared(causal, unasked)
    (causal / "asked.jinja").write_text("no template")
    assert declared(causal, unasked) == before


def test_a_measured_speed_is_in_no_key(prepared_project: Path) -> None:
    context = Context(load_recipe(prepared_project / "recipe.yaml"))
    before = declared(prepared_project)["training"]
    path = prepared_project / "runs" / "recipe" / "resolved.json"
    kept = json.loads(path.read_text())
    for speedup in (0.9, 1.1, None):
        path.write_text(json.dumps({**kept, "resolved": {**kept["resolved"], "bf16_speedup": speedup}}))
        assert train.settle(context).bf16_speedup == speedup
        assert declared(prepared_project)["training"] == before


def test_scores_are_built_anew_with_another_library(prepared_project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = Context(load_recipe(prepared_project / "recipe.yaml"))
    before = keys(context)
    monkeypatch.setitem(judge.LIBRARIES, "scikit-learn", "0.0.1")
    after = keys(context)
    assert {stage for stage, said in after.items() if said != before[stage]} == {"baseline", "evaluation"}


@pytest.fixture(scope="module")
def texts_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the task `generation` whose data is prepared; not to be changed."""
    project = tmp_path_factory.mktemp("texts")
    tiny_model("llama", project / "base")
    (project / "asked.jinja").write_text(TEMPLATE)
    rows = [{"prompt": f"what is town {n} like?", "completion": f"as {n % 7} as ever"} for n in range(60)]
    (project / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    model = {"name": "base", "template": "asked.jinja"}
    recipe = tiny_recipe("base") | {"model": model, "data": "rows.jsonl", "task": "generation"}
    del recipe["evaluation"]["baselines"]
    run_stages(Context(load_recipe(write_recipe(project, recipe))), ["prepare"])
    return project


def counted_project(project: Path, base: Path, task: str, rows: list[dict[str, Any]]) -> Path:
    """A project of a task that is scored by counts, whose data is prepared; not to be changed."""
    (project / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    recipe = tiny_recipe(base) | {"data": "rows.jsonl", "task": task}
    del recipe["evaluation"]["baselines"]
    run_stages(Context(load_recipe(write_recipe(project, recipe))), ["prepare"])
    return project


@pytest.fixture(scope="module")
def numbers_template(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of regression."""
    rows = [{"text": row["text"], "score": n % 17 / 2} for n, row in enumerate(ticket_rows(80))]
    return counted_project(tmp_path_factory.mktemp("numbers"), bert, "regression", rows)


@pytest.fixture(scope="module")
def label_sets_template(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of multilabel."""
    rows = [{"text": row["text"], "labels": ["a", "b"][: n % 3]} for n, row in enumerate(ticket_rows(80))]
    return counted_project(tmp_path_factory.mktemp("sets"), bert, "multilabel", rows)


@pytest.fixture(scope="module")
def spans_template(bert: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One of token classification."""
    rows = [{"text": row["text"], "spans": [[0, 5, "ab"[n % 2]]][: n % 3]} for n, row in enumerate(ticket_rows(80))]
    return counted_project(tmp_path_factory.mktemp("spans"), bert, "token_classification", rows)


ANOTHER = "another"
"""Stands for another value of a field that is declared as it is, and decides nothing while keys are made."""
VALUES: Mapping[str, Any] = {
    "model.name": "other",
    "model.max_tokens": 32,
    "model.template": "plain",
    "model.reads": "own",
    "data.train": "other.csv",
    "data.benchmarks": ["other.csv"],
    "data.label_issues": {"kind": "relabel", "file": "other.csv"},
    "data.toxicity": {"kind": "words", "file": "other.csv"},
    "data.semantic_duplicates": {"model": "other"},
    "data.general_text": {"texts": "other.csv"},
    "data.filter": {"min_chars": 3},
    "data.augment": {"methods": [{"kind": "casing"}]},
    "data.balance": {"kind": "oversample"},
    "data.clean": {"quotes": True},
    "data.privacy": {"default": "mask"},
    "task": "language_modelling",
    "name": "other",
    "seed": 14,
    "split": {"kind": "stratified", "test": 0.3},
    "train.method": {"kind": "top_layers", "layers": 1},
    "train.epochs": 3.0,
    "train.max_steps": 7,
    "train.optimizer": {"lr": 0.001},
    "train.schedule": {"kind": "cosine"},
    "train.precision": "bf16",
    "train.threads": 2,
    "train.teacher": {"kind": "probe"},
    "train.packing": False,
    "evaluation.general_text": None,
    "gate.conditions": [{"kind": "better_than", "metric": "micro_precision"}],
}
"""Another value of each field that has to be one: a new field needs a row only where `ANOTHER` will not do."""

OWN: Mapping[str, set[str]] = {
    "model": {"training"},
    "data": {"data"},
    "split": {"data"},
    "train": {"training"},
    "evaluation": {"evaluation"},
    "gate": {"evaluation", "gate"},
    "rights": set(),
    "name": set(),
    "seed": {"baseline", "training", "evaluation"},
    "task": {"data", "baseline", "training", "evaluation", "gate"},
}
"""Section to the stages whose keys a field of it is in, beside those behind them, whose inputs change."""
SCORED, READ = {"baseline", "evaluation"}, {"data", "training"}
ALL_BUT_GATE = SCORED | READ
ADVISED = {"training", "gate"}
"""The gate's advice on how to tune more gently goes by them."""
OF_FIELDS: Mapping[str, set[str]] = {
    "model.name": {"training", "evaluation"},  # which titles name
    "model.max_tokens": ALL_BUT_GATE,
    "data.input": READ,
    "data.clean": READ,
    "data.overlength": READ,
    **dict.fromkeys(("train.method", "train.epochs", "train.max_steps", "train.optimizer"), ADVISED),
    "train.tensorboard": set(),
    **dict.fromkeys(("evaluation.baselines", "evaluation.confidence", "evaluation.resamples"), SCORED),
}
"""The fields that do otherwise than their section."""
OF_JUDGES: Mapping[str, Mapping[str, set[str]]] = {
    "prepared_template": {"model.template": set()},
    "causal_template": {"model.template": SCORED},
    "numbers_template": {"model.template": set(), "evaluation.threshold": SCORED},
    "label_sets_template": {"model.template": set(), "evaluation.threshold": SCORED},
    "spans_template": {
        "model.template": set(),
        "evaluation.threshold": SCORED,
        "data.overlength": ALL_BUT_GATE,
    },
    "texts_template": {
        "model.template": ALL_BUT_GATE,
        **dict.fromkeys(
            [f"evaluation.{name}" for name in ("generate", "max_new_tokens", "temperature", "top_p", "general_text")],
            SCORED,
        ),
    },
}
"""Project to the fields that do otherwise again with the judge of its task and base."""

FOUND_ONCE = ("run", "base", "facts", "tokenizer", "settled_template")
FOUND_ANEW: Mapping[str, int] = {"model.name": 1, "model.max_tokens": 3, "model.template": 4}
"""Of what a context finds out once, the number that these fields leave as it was; all others leave all of it."""


def fields() -> Iterator[str]:
    """Every field of the recipe, and of its sections that are one mapping each."""
    for name, field in Recipe.model_fields.items():
        kind = field.annotation
        whole = isinstance(kind, type) and issubclass(kind, BaseModel)
        yield from (f"{name}.{below}" for below in kind.model_fields) if whole else (name,)


def changed(recipe: Recipe, field: str, value: object) -> Recipe:
    """The recipe with another value under the field; what contradicts another field is let be."""
    section, _, name = field.partition(".")
    if not name:
        return Recipe.model_validate({**recipe.model_dump(), section: value})
    held = getattr(recipe, section)
    if value != ANOTHER:
        value = getattr(type(held).model_validate({**held.model_dump(), name: value}), name)
    return recipe.model_copy(update={section: held.model_copy(update={name: value})})


def keys(context: Context) -> dict[str, str]:
    """What each stage declares, with the same inputs from the stages before."""
    data = seal(prepare.DATA, {}, {"data/train.parquet": "a", "data/validation.parquet": "b"}, seconds=0.0)
    said = {
        "data": prepare._declares(context),
        "baseline": baseline._declares(context, data),
        "training": train._declares(context, data),
        "evaluation": evaluate._declares(context, [data]),
        "gate": gate._declares(context, data),
    }
    return {stage: json.dumps(declares, sort_keys=True, default=asdict) for stage, declares in said.items()}


@pytest.mark.parametrize("template", OF_JUDGES)
def test_every_field_is_in_the_keys_of_the_stages_that_it_decides_and_in_no_other(
    template: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """A stage behind a changed one is built anew where its input is another: that is the contract of all stages."""
    project = shutil.copytree(request.getfixturevalue(template), tmp_path / "project", copy_function=shutil.copy2)
    before = Context(load_recipe(project / "recipe.yaml"))
    own = changed(before.recipe, "evaluation.baselines", None)
    before = Context(replace(before.loaded, recipe=own))
    values = {**VALUES, "evaluation.baselines": [before.task.judge.baselines[0]]}
    shutil.copytree(before.base.folder, project / "other")
    write_tickets(project / "other.csv", ticket_rows(9))
    first = keys(before)
    found, expected = {}, {}
    for field in fields():
        loaded = replace(before.loaded, recipe=changed(before.recipe, field, values.get(field, ANOTHER)))
        after = Context(loaded)
        kept = FOUND_ONCE[: FOUND_ANEW.get(field, len(FOUND_ONCE))]
        after.__dict__.update({name: before.__dict__[name] for name in kept if name in before.__dict__})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # pydantic's, that `ANOTHER` is of another type
            now = keys(after)
        found[field] = {stage for stage, said in now.items() if said != first[stage]}
        expected[field] = OF_JUDGES[template].get(field, OF_FIELDS.get(field, OWN[field.partition(".")[0]]))
    assert found == expected


def test_settings_are_settled_anew_for_another_task(prepared_project: Path) -> None:
    before = Context(load_recipe(prepared_project / "recipe.yaml"))
    assert train.settle(before).metric in {"accuracy", "macro_f1"}
    other = before.recipe.model_copy(update={"task": "multilabel"})
    after = Context(replace(before.loaded, recipe=other))
    assert train.settle(after).metric == after.task.checkpoint_metric(1.0)
    assert train.settle(before).metric in {"accuracy", "macro_f1"}
