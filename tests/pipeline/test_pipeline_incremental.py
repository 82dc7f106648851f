"""A tuned model goes on: its head is kept, its test is kept apart and scored again, its change is heard of."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl
import pytest
import torch
from pipeline_room import change, folder
from safetensors.torch import load_file

import tunewright
from tiny_models import tiny_model
from tiny_room import LABELS, ticket_rows, write_tickets
from tunewright.core.errors import RecipeError, RunError
from tunewright.core.results import Outcome
from tunewright.evaluation.conditions import decide
from tunewright.evaluation.retention import earlier_reading
from tunewright.pipeline.chain import FIRST, GENERAL
from tunewright.pipeline.check import check_recipe
from tunewright.pipeline.context import Context
from tunewright.pipeline.run import run_stages
from tunewright.pipeline.store import read_predictions, read_texts
from tunewright.recipe.judge import Retention
from tunewright.recipe.load import load_recipe

if TYPE_CHECKING:
    from pathlib import Path

    from tunewright.pipeline.run import Outcome as RunOutcome

EARLIER = "earlier.parquet"


def further(project: Path, rows: list[dict[str, str]], name: str = "further", **sections: Any) -> Path:
    """A recipe beside the finished one, whose base is that one's tuned model."""
    write_tickets(project / f"{name}.csv", rows)
    recipe = json.loads((project / "recipe.yaml").read_text())
    recipe |= {"model": "run:recipe", "data": {"train": f"{name}.csv"}, **sections}
    recipe["evaluation"] = {"resamples": 200, "baselines": ["majority", "base"]}
    path = project / f"{name}.yaml"
    path.write_text(json.dumps(recipe))
    return path


@pytest.fixture(scope="module")
def gone_on_template(finished_template: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunOutcome]:
    """A project with a run that went on from the finished one; planted in its data are rows of the earlier test."""
    project = shutil.copytree(finished_template, tmp_path_factory.mktemp("on") / "p", copy_function=shutil.copy2)
    test = pl.read_parquet(folder(project) / "data" / "test.parquet")
    planted = [{"text": text, "label": label} for text, label in test.select("input", "target").head(5).iter_rows()]
    return project, tunewright.run(further(project, [*ticket_rows(60, seed=21), *planted]))


@pytest.fixture
def gone_on(gone_on_template: tuple[Path, RunOutcome], tmp_path: Path) -> Path:
    """A copy of it."""
    return shutil.copytree(gone_on_template[0], tmp_path / "project", copy_function=shutil.copy2)


def test_earlier_test_rows_are_in_no_split_and_replayed_rows_in_training_alone(
    gone_on_template: tuple[Path, RunOutcome],
) -> None:
    data = gone_on_template[0] / "runs" / "further" / "data"
    old = pl.read_parquet(gone_on_template[0] / "runs" / "recipe" / "data" / "test.parquet")
    splits = {name: pl.read_parquet(data / f"{name}.parquet") for name in ("train", "validation", "test")}
    assert not set(old["content_key"]) & {key for rows in splits.values() for key in rows["content_key"]}
    dropped = pl.read_parquet(data / "dropped.parquet").filter(pl.col("rule") == "earlier_test")
    assert dropped.height == 5
    replayed = {name: rows["source"].str.starts_with("run:recipe/").sum() for name, rows in splits.items()}
    new = splits["train"].height - replayed["train"]
    assert replayed == {"train": round(0.2 * new), "validation": 0, "test": 0}
    profile = json.loads((data / "profile.json").read_text())
    assert profile["replayed"] == replayed["train"]


def test_the_earlier_test_is_scored_before_as_the_earlier_run_did_and_after(
    gone_on_template: tuple[Path, RunOutcome],
) -> None:
    project, outcome = gone_on_template
    recorded = read_predictions(folder(project) / "evaluation" / "predictions.parquet")
    before = read_predictions(project / "runs" / "further" / "baseline" / EARLIER)
    after = read_predictions(project / "runs" / "further" / "evaluation" / EARLIER)
    assert before.row_ids == recorded.row_ids == after.row_ids
    np.testing.assert_allclose(before.probabilities_NK, recorded.probabilities_NK, atol=1e-5)
    assert np.abs(after.probabilities_NK - before.probabilities_NK).max() > 1e-3
    found = outcome.results.earlier_test
    assert found is not None
    assert found.title == "accuracy on the test of run recipe"
    assert found.before.value == pytest.approx(recorded.correct_N.mean())
    assert found.after.value == pytest.approx(after.correct_N.mean())
    assert found.difference.value == pytest.approx(after.correct_N.mean() - recorded.correct_N.mean())


def test_the_earlier_test_stands_in_gate_summary_report_and_card(gone_on_template: tuple[Path, RunOutcome]) -> None:
    _, outcome = gone_on_template
    assert outcome.results.earlier_test is not None
    asked = "the test of the earlier run did not get worse by more than 5 %"
    assert asked in [each.condition for each in outcome.gate.outcomes]
    assert outcome.as_dict()["earlier_test"]["title"] == "accuracy on the test of run recipe"
    said = earlier_reading(outcome.results.earlier_test)[:40]
    page = (outcome.folder / "report" / "report.html").read_text()
    assert 'id="earlier-test"' in page
    assert said in page
    assert said in (outcome.folder / "report" / "README.md").read_text()
    base = next(system for system in outcome.results.systems if system.role == "base")
    assert base.title == "run:recipe, the earlier run's model"


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_trained_head_is_kept(finished: Path, method: str) -> None:
    if method == "lora":
        change(finished, train={"method": {"kind": "lora", "rank": 2}})
        tunewright.run(finished / "recipe.yaml")
    context = Context(load_recipe(further(finished, ticket_rows(60, seed=21), train={"max_steps": 2})))
    model = context.load_base(sorted(LABELS))
    saved = load_file(next((folder(finished) / "model").glob("*.safetensors")))
    head = {name: tensor for name, tensor in saved.items() if name.endswith("classifier.weight")}
    assert len(head) == 1
    torch.testing.assert_close(model.classifier.weight, next(iter(head.values())), rtol=0, atol=0)


def test_another_earlier_model_or_other_earlier_data_build_anew(gone_on: Path) -> None:
    def built() -> tuple[str, ...]:
        return tunewright.run(gone_on / "further.yaml").built

    assert built() == ()
    change(gone_on, seed=14)
    run_stages(Context(load_recipe(gone_on / "recipe.yaml", ["split.validation=0.2"])), ["prepare"])
    with pytest.raises(RunError, match="finish that run first"):
        built()
    tunewright.run(gone_on / "recipe.yaml")
    assert set(built()) >= {"baseline", "train", "evaluate"}


def test_a_chain_keeps_out_every_earlier_test_and_never_turns_back(gone_on: Path) -> None:
    oldest = pl.read_parquet(folder(gone_on) / "data" / "test.parquet").select("input", "target")
    rows = [*ticket_rows(60, seed=31), *({"text": t, "label": y} for t, y in oldest.head(3).iter_rows())]
    shutil.rmtree(folder(gone_on))  # what it was tested on is kept by the run that went on from it
    third = further(gone_on, rows, "third", model="run:further")
    run_stages(Context(load_recipe(third)), ["prepare"])
    data = gone_on / "runs" / "third" / "data"
    assert pl.read_parquet(data / "dropped.parquet").filter(pl.col("rule") == "earlier_test").height == 3
    with pytest.raises(RecipeError, match="goes back to run:recipe"):
        run_stages(Context(load_recipe(gone_on / "recipe.yaml", ["model.name=run:further"])), ["prepare"])
    with pytest.raises(RecipeError, match="its own base"):
        run_stages(Context(load_recipe(gone_on / "further.yaml", ["model.name=run:further"])), ["prepare"])


def test_an_earlier_test_altered_is_noticed(gone_on: Path) -> None:
    path = folder(gone_on) / "data" / "test.parquet"
    pl.read_parquet(path).head(3).write_parquet(path)
    with pytest.raises(RunError, match="its data or its model is not the one"):
        run_stages(Context(load_recipe(gone_on / "further.yaml")), ["prepare"])


def test_check_tells_what_a_run_would_refuse(finished: Path) -> None:
    rows = [{**row, "label": "praise"} if n < 9 else row for n, row in enumerate(ticket_rows(60, seed=21))]
    told = check_recipe(further(finished, rows))
    assert [fault.exit_code for fault in told.faults] == [RecipeError.exit_code]
    assert "would need a new head" in told.faults[0].problem.given
    assert check_recipe(further(finished, ticket_rows(60, seed=21))).faults == ()


@pytest.mark.parametrize(
    ("overrides", "named"),
    [
        (["data.replay=0.5"], ("data.replay", "model.name")),
        (["gate.conditions=[{kind: retention, on: earlier_test}]"], ("gate.conditions", "model.name")),
    ],
)
def test_what_needs_an_earlier_run_is_refused_without_one(
    prepared_project: Path, overrides: list[str], named: tuple[str, str]
) -> None:
    with pytest.raises(RecipeError) as told:
        load_recipe(prepared_project / "recipe.yaml", overrides)
    assert all(name in str(told.value) for name in named)


def test_a_baseline_that_the_task_does_not_have_is_refused(gone_on: Path) -> None:
    with pytest.raises(RecipeError, match="'probe', which the task classification"):
        run_stages(Context(load_recipe(gone_on / "further.yaml", ["evaluation.baselines=[probe, base]"])), ["prepare"])


def test_a_loss_that_the_interval_shows_fails_the_gate(gone_on_template: tuple[Path, RunOutcome]) -> None:
    results = gone_on_template[1].results
    found = results.earlier_test
    assert found is not None
    condition = Retention(on="earlier_test", at_most=0.05)

    def outcome(low: float, high: float, *, less: bool) -> Outcome:
        change = replace(found.difference, value=(low + high) / 2, low=low, high=high)
        scored = replace(found, difference=change, relative=change, less_is_better=less)
        return decide(condition, replace(results, earlier_test=scored)).outcome

    assert outcome(-0.3, -0.1, less=False) is Outcome.FAIL
    assert outcome(-0.1, 0.1, less=False) is Outcome.UNKNOWN
    assert outcome(-0.04, 0.1, less=False) is Outcome.PASS
    assert outcome(0.1, 0.3, less=False) is Outcome.PASS
    assert outcome(0.1, 0.3, less=True) is Outcome.FAIL
    assert decide(condition, replace(results, earlier_test=None)).outcome is Outcome.UNKNOWN


QUICK: dict[str, Any] = {
    "max_steps": 4,
    "epochs": 4.0,
    "batch_size": 8,
    "optimizer": {"lr": 0.01},
    "precision": "fp32",
    "threads": 1,
    "tensorboard": False,
    "early_stopping": None,
}
TEXT_TASKS = [
    ("generation", "llama", {"kind": "full"}),
    ("generation", "llama", {"kind": "lora", "rank": 2}),
    ("text_to_text", "t5", {"kind": "full"}),
    ("language_modelling", "gpt2", {"kind": "full"}),
    ("language_modelling", "bert", {"kind": "full"}),
]


def text_recipe(project: Path, name: str, task: str, model: str, start: int, **sections: Any) -> Path:
    rows = [
        {"prompt": f"what is town {n} like?", "completion": f"it is as {n % 7} as ever"}
        for n in range(start, 40 + start)
    ]
    if task == "language_modelling":
        rows = [{"text": f"{row['prompt']} {row['completion']}"} for row in rows]
    (project / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    evaluation = {"resamples": 200, "generate": 2, "max_new_tokens": 4, "baselines": ["base"]}
    recipe = {
        "model": model,
        "data": {"train": f"{name}.jsonl"},
        "task": task,
        "train": QUICK,
        "evaluation": evaluation,
    }
    path = project / f"{name}.yaml"
    path.write_text(json.dumps(recipe | sections))
    return path


@pytest.mark.parametrize(("task", "family", "method"), TEXT_TASKS)
def test_texts_go_on_too(tmp_path: Path, task: str, family: str, method: dict[str, Any]) -> None:
    tiny_model(family, tmp_path / "base")
    tunewright.run(text_recipe(tmp_path, "old", task, "base", 0, train=QUICK | {"method": method}))
    outcome = tunewright.run(text_recipe(tmp_path, "new", task, "run:old", 100))
    old, new = tmp_path / "runs" / "old", tmp_path / "runs" / "new"
    recorded = read_texts(old / "evaluation" / "predictions.parquet")
    before, after = (read_texts(new / stage / EARLIER) for stage in ("baseline", "evaluation"))
    assert before.row_ids == recorded.row_ids == after.row_ids
    np.testing.assert_allclose(before.nats_N, recorded.nats_N, rtol=1e-4)
    assert np.abs(after.nats_N - before.nats_N).max() > 1e-3
    train = pl.read_parquet(new / "data" / "train.parquet")
    replayed = train["source"].str.starts_with("run:old/").sum()
    assert replayed == round(0.2 * (train.height - replayed)) > 0
    found = outcome.results.earlier_test
    metric = outcome.results.headline
    assert found is not None
    assert found.title.endswith("on the test of run old")
    tuned = next(s for s in tunewright.run(old.parents[1] / "old.yaml").results.systems if s.role == "tuned")
    assert found.before.value == pytest.approx(tuned.metrics[metric].value, rel=1e-4)
    assert found.less_is_better
    assert outcome.results.base == "the earlier run's model (run:old)"
    assert "than that of the earlier run's model" in outcome.gate.outcomes[0].condition
    page, card = ((outcome.folder / "report" / name).read_text() for name in ("report.html", "README.md"))
    assert not [text for text in (page, card, str(outcome.as_dict())) if "untuned" in text]
    assert any("the test of the earlier run" in each.condition for each in outcome.gate.outcomes)


def test_what_a_chain_of_runs_forgets_is_held_against_the_base_it_began_with(tmp_path: Path) -> None:
    tiny_model("llama", tmp_path / "base")
    models = {"one": "base", "two": "run:one", "three": "run:two"}
    outcomes = {
        name: tunewright.run(text_recipe(tmp_path, name, "language_modelling", model, 100 * n))
        for n, (name, model) in enumerate(models.items())
    }
    began = read_texts(tmp_path / "runs" / "one" / "baseline" / GENERAL)
    assert outcomes["one"].results.since_first is None
    for name, before in (("two", "one"), ("three", "two")):
        found = outcomes[name].results
        np.testing.assert_array_equal(read_texts(tmp_path / "runs" / name / "baseline" / FIRST).nats_N, began.nats_N)
        assert found.since_first is not None
        assert found.retention is not None
        assert found.since_first.before == outcomes["one"].results.retention.before
        assert found.since_first.after.value == pytest.approx(found.retention.after.value)
        assert found.retention.before.value == pytest.approx(outcomes[before].results.retention.after.value, rel=1e-4)
        assert "this chain of runs began with" in (outcomes[name].folder / "report" / "report.html").read_text()
        assert any("chain of runs" in each.found for each in outcomes[name].gate.outcomes)
    own = tmp_path / "own.txt"
    own.write_text("Five words are here now, and a few more.\n\nOther words of which there are five.\n")
    other = tunewright.run(tmp_path / "three.yaml", ["evaluation.general_text=own.txt"])
    assert other.results.since_first is None, "the first base never saw these passages"
    last = text_recipe(tmp_path, "four", "language_modelling", "run:three", 300)
    after = tunewright.run(last, ["evaluation.general_text=own.txt"])
    assert after.results.retention is not None
    assert after.results.since_first is None, "run three knows its own base alone, which is run two and not the first"


def test_a_run_of_another_task_is_a_base_whose_tests_are_kept_out_and_whose_rows_are_not_replayed(
    tmp_path: Path,
) -> None:
    tiny_model("llama", tmp_path / "base")
    tunewright.run(text_recipe(tmp_path, "old", "language_modelling", "base", 0))
    recipe = text_recipe(tmp_path, "new", "generation", "run:old", 100)
    outcome = tunewright.run(recipe)
    assert outcome.results.earlier_test is None
    profile = json.loads((outcome.folder / "data" / "profile.json").read_text())
    assert profile["replayed"] == 0
    with pytest.raises(RecipeError, match=r"data\.replay: is 0\.3, and run old was tuned for the task language_model"):
        tunewright.run(recipe, ["data.replay=0.3"])
    with pytest.raises(RecipeError, match="no earlier run of this task"):
        tunewright.run(recipe, ["gate.conditions=[{kind: retention, on: earlier_test}]"])


def test_a_head_that_was_tuned_is_not_drawn_to_zero_as_a_new_one(gone_on: Path) -> None:
    path = gone_on / "further.yaml"
    (told,) = check_recipe(path, ["train.penalties={l2_sp: {}}"]).faults
    assert told.problem.place == "train.penalties.l2_sp.beta"
    assert check_recipe(path, ["train.penalties={l2_sp: {beta: 0}}"]).faults == ()
    with pytest.raises(RecipeError, match="brings its own"):
        run_stages(Context(load_recipe(path, ["train.penalties={l2_sp: {}}"])), ["prepare"])
