"""From a file to a checked recipe: short forms, unions, overrides, and every fault with its line and a remedy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from recipe_room import SMALLEST, loaded, only, refused

from tunewright.recipe.data import GroupSplit, TimeSplit
from tunewright.recipe.judge import BetterThan, ClassFloor, Floor
from tunewright.recipe.recipe import Recipe
from tunewright.recipe.schedule import Cosine
from tunewright.recipe.train import TopLayers

if TYPE_CHECKING:
    from pathlib import Path


METRIC = ("gate.conditions.0.metric", 4)


def test_three_keys_are_a_recipe_and_the_short_forms_equal_the_long_ones(tmp_path: Path) -> None:
    short = loaded(tmp_path, SMALLEST).recipe
    long = "model:\n  name: starter/encoder\ndata:\n  train: tickets.csv\ntask: classification\n"
    assert short == loaded(tmp_path, long).recipe
    assert (short.model.name, short.data.train, short.seed) == ("starter/encoder", "tickets.csv", 13)


@pytest.mark.parametrize("missing", ["model", "data", "task"])
def test_a_missing_key_is_named_with_what_it_is_for(tmp_path: Path, missing: str) -> None:
    lines = [line for line in SMALLEST.splitlines() if not line.startswith(missing)]
    problem = only(refused(tmp_path, "\n".join(lines)))
    assert (problem.place, problem.given) == (missing, "is missing")
    assert Recipe.model_fields[missing].description in problem.expected


@pytest.mark.parametrize(
    ("text", "place", "line", "parts"),
    [
        ("optimiser: {}\n", "optimiser", 4, ["unknown key"]),
        ("trian:\n  epochs: 1.0\n", "trian", 4, ["unknown key", "did you mean 'train'?"]),
        ("train:\n  epoch: 1.0\n", "train.epoch", 5, ["did you mean 'epochs'?"]),
        ("train:\n\n  optimizer:\n    Lr: 1.0\n", "train.optimizer.Lr", 7, ["unknown key", "lr"]),
        ("train:\n  schedule: {kind: cosin}\n", "train.schedule.kind", 5, ["did you mean 'cosine'?", "linear"]),
        ("train:\n  method: {layers: 2}\n", "train.method", 5, ["the key 'kind'", "train.method.kind=top_layers"]),
        ("train:\n  schedule: {warmpu: 0.1}\n", "train.schedule.warmpu", 5, ["did you mean 'warmup'?"]),
        ("split:\n  tset: 0.3\n", "split.tset", 5, ["did you mean 'test'?"]),
        (
            "train:\n  schedule:\n    kind: cosine\n    warmpu: 0.1\n",
            "train.schedule.warmpu",
            7,
            ["did you mean 'warmup'?"],
        ),
        ("train:\n  precision: fp23\n", "train.precision", 5, ["did you mean 'fp32'?", "bf16"]),
        ("train:\n  epochs: five\n", "train.epochs", 5, ["'five'", "number"]),
        ("train:\n  epochs: -1.0\n", "train.epochs", 5, ["-1.0", "greater than 0"]),
        ("train:\n  epochs: .nan\n", "train.epochs", 5, ["finite"]),
        ("train:\n  batch_size: '8'\n", "train.batch_size", 5, ["'8'", "integer"]),
        ("train:\n  batch_size: true\n", "train.batch_size", 5, ["integer"]),
        ("train:\n  batch_size: 8.5\n", "train.batch_size", 5, ["integer"]),
        ("train:\n  evaluate_every: weekly\n", "train.evaluate_every", 5, ["'weekly'"]),
        (
            "gate: {conditions: [{kind: floor, at_least: 1, metric: bit_per_byte}]}\n",
            *METRIC,
            ["'bits_per_byte'?", "bleu"],
        ),
        ("gate: {conditions: [{kind: floor, at_least: 1, metric: BLEU}]}\n", *METRIC, ["'bleu'?", "accuracy"]),
        ("gate: {conditions: [{kind: better_than, metric: macro-f1}]}\n", *METRIC, ["'macro_f1'?"]),
        ("train: 5\n", "train", 4, ["mapping"]),
        ("train:\n  threads: 3000000000\n", "train.threads", 5, ["1024"]),
        ("name: 'a b'\n", "name", 4, ["letters"]),
        ("name: ../up\n", "name", 4, ["letters"]),
        ("seed: -1\n", "seed", 4, ["-1"]),
        ("gate:\n  conditions: []\n", "gate.conditions", 5, ["at least 1"]),
        ("gate:\n  conditions:\n    - {kind: flor}\n", "gate.conditions.0.kind", 6, ["did you mean 'floor'?"]),
        (
            "gate:\n  conditions:\n    - {kind: floor, metric: accuracy, at_least: 2.0}\n",
            "gate.conditions.0.at_least",
            6,
            ["2.0"],
        ),
    ],
)
def test_a_fault_is_named_with_place_line_and_remedy(
    tmp_path: Path, text: str, place: str, line: int, parts: list[str]
) -> None:
    problem = only(refused(tmp_path, SMALLEST + text))
    assert problem.place == place
    assert problem.source == f"{tmp_path / 'recipe.yaml'}, line {line}"
    for part in parts:
        assert part in str(problem)


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    text = "model: starter/encoder\ntask: clasification\nsede: 1\ntrain:\n  epochs: 0\n"
    assert {p.place for p in refused(tmp_path, text)} == {"data", "task", "sede", "train.epochs"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("split: {kind: group}\n", ["split.kind", "data.group"]),
        ("split: {kind: time}\n", ["split.kind", "data.time"]),
        ("split: {kind: stratified, validation: 0.5, test: 0.5}\n", ["validation", "test"]),
        ("train: {checkpoint_every: 50, max_steps: 20}\n", ["checkpoint_every", "max_steps"]),
        (
            "train: {max_steps: 20, method: {kind: full, unfreeze: {every: 20}}}\n",
            ["method.unfreeze.every", "max_steps"],
        ),
        ("train: {prefix_cache: true, packing: true}\n", ["prefix_cache", "packing"]),
        ("train: {prefix_cache: true, method: {kind: lora}}\n", ["prefix_cache", "method.kind"]),
        ("train: {prefix_cache: true}\n", ["prefix_cache", "method.freeze"]),
        (
            "train: {prefix_cache: true, method: {kind: full, unfreeze: {every: 9}}}\n",
            ["prefix_cache", "method.freeze"],
        ),
        ("train: {epochs: 1, method: {kind: full, unfreeze: {}}}\n", ["method.unfreeze.every", "epochs"]),
        ("train: {class_weights: {kind: inverse}}\ntask: generation\n", ["train.class_weights", "task", "remove"]),
        ("train: {metric: macro_f1}\ntask: generation\n", ["train.metric", "task", "remove"]),
        ("train: {metric: accuracy}\ntask: language_modelling\n", ["train.metric", "task", "remove"]),
    ],
)
def test_a_contradiction_names_both_fields(tmp_path: Path, text: str, words: list[str]) -> None:
    shortest = SMALLEST.replace("task: classification\n", "") if "task: " in text else SMALLEST
    problem = only(refused(tmp_path, shortest + text))
    assert all(word in str(problem) for word in words)
    assert problem.remedy


def test_every_kind_of_a_union_becomes_its_own_spec(tmp_path: Path) -> None:
    text = (
        "model: m\ndata: {train: d.csv, group: g, time: t}\ntask: classification\nsplit: {kind: group}\n"
        "train:\n  schedule: {kind: cosine, warmup: 0.2}\n  method: {kind: top_layers, layers: 2}\n"
        "gate:\n  conditions:\n    - {kind: better_than}\n    - {kind: floor, metric: accuracy, at_least: 0.8}\n"
        "    - {kind: class_floor}\n"
    )
    recipe = loaded(tmp_path, text).recipe
    assert type(recipe.split) is GroupSplit
    assert recipe.train.schedule == Cosine(warmup=0.2)
    assert recipe.train.method == TopLayers(layers=2)
    assert recipe.gate.conditions is not None
    assert [type(c) for c in recipe.gate.conditions] == [BetterThan, Floor, ClassFloor]
    assert type(loaded(tmp_path, text, "split.kind=time").recipe.split) is TimeSplit


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("train.epochs=5.5", "train.epochs", 5.5),
        ("train.epochs=5", "train.epochs", 5.0),
        ("train.batch_size=16", "train.batch_size", 16),
        ("train.early_stopping=null", "train.early_stopping", None),
        ("train.early_stopping=", "train.early_stopping", None),
        ("train.tensorboard=false", "train.tensorboard", False),
        ("split.test=0.3", "split.test", 0.3),
        ("split.seed=7", "split.kind", "stratified"),
        ("train.schedule.warmup=0.2", "train.schedule.warmup", 0.2),
        ("train.schedule.kind=cosine", "train.schedule.kind", "cosine"),
        ("train.class_weights.kind=sqrt_inverse", "train.class_weights.kind", "sqrt_inverse"),
        ("data.balance.kind=temperature", "data.balance.temperature", 2.0),
        ("data.label_issues={kind: drop, file: reviewed.csv}", "data.label_issues.file", "reviewed.csv"),
        ("data.input=message", "data.input", "message"),
        ("model.dropout=0.0", "model.dropout", 0.0),
        ("model=other/base", "model.name", "other/base"),
        ("name=x=y", None, None),
        ("train.optimizer.betas=[0.8, 0.9]", "train.optimizer.betas", [0.8, 0.9]),
        ("data.label_map={a b: c}", "data.label_map", {"a b": "c"}),
    ],
)
def test_an_override_sets_one_field_of_the_short_forms_too(
    tmp_path: Path, override: str, path: str | None, value: object
) -> None:
    if path is None:
        problem = only(refused(tmp_path, SMALLEST, override))
        assert problem.source == f"override {override!r}"
        return
    found = loaded(tmp_path, SMALLEST, override)
    here: object = found.recipe
    for part in path.split("."):
        here = getattr(here, part)
    assert here == value
    assert found.overrides == (override,)


def test_the_last_of_two_overrides_counts(tmp_path: Path) -> None:
    assert loaded(tmp_path, SMALLEST, "seed=1", "seed=2").recipe.seed == 2


@pytest.mark.parametrize(
    ("override", "word"),
    [
        ("train.epochs", "dotted.path=value"),
        ("=5", "dotted.path=value"),
        ("train..epochs=5", "dotted.path=value"),
        ("train.epochs=[", "cannot read the value"),
        ("train.epochs=!!python/name:os.system", "YAML tag"),
        ("train.epochs=&a 5", "YAML anchor"),
        ("train.method.layers=2", "train.method.kind=top_layers"),
        ("split=5", "a mapping"),
        ("train.epohcs=5", "did you mean 'epochs'?"),
        ("task.kind=5", "not a mapping"),
        ("train.epochs=five", "'five'"),
    ],
)
def test_an_override_that_cannot_be_is_refused_by_its_own_words(tmp_path: Path, override: str, word: str) -> None:
    problem = only(refused(tmp_path, SMALLEST, override))
    assert word in str(problem)
    assert override.partition("=")[0] in str(problem)


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.epochs=" + "[" * 20_000, "more than 20 levels"),
        ("train.epochs=" + "[" * 20_000 + "]" * 20_000, "more than 20 levels"),
        ("train.epochs=" + "{a: " * 20_000, "more than 20 levels"),
        ("train" + ".a" * 20_000 + "=1", "dotted.path=value"),
    ],
    ids=["lists", "closed-lists", "mappings", "path"],
)
def test_an_override_without_bottom_is_refused_in_few_words(tmp_path: Path, override: str, words: str) -> None:
    problem = only(refused(tmp_path, SMALLEST, override))
    assert words in str(problem)
    assert len(problem.given) < 200


@pytest.mark.parametrize(
    ("file", "given", "name"),
    [
        ("my recipe.yaml", None, "my-recipe"),
        ("....yaml", None, "run"),
        ("r.yaml", "x.y", "x.y"),
        ("é.yaml", None, "run"),
    ],
)
def test_a_run_is_named_by_the_recipe_or_its_file(tmp_path: Path, file: str, given: str | None, name: str) -> None:
    text = SMALLEST + (f"name: {given}\n" if given else "")
    found = loaded(tmp_path, text, name=file)
    assert found.name == name
    assert found.folder == tmp_path.resolve()


def test_a_spec_cannot_be_changed_once_made(tmp_path: Path) -> None:
    recipe = loaded(tmp_path, SMALLEST).recipe
    with pytest.raises(ValueError, match="frozen"):
        recipe.seed = 14  # type: ignore[misc]


@pytest.mark.parametrize(
    ("overrides", "where"),
    [
        (["split.test=0.95"], "override 'split.test=0.95'"),
        (["train.epochs=3", "split={validation: 0.6, test: 0.6}"], "override 'split={validation: 0.6, test: 0.6}'"),
        (["split.kind=time", "seed=2"], "override 'split.kind=time'"),
        (
            ["train.max_steps=5", "train.batch_size=8", "train.checkpoint_every=9"],
            "override 'train.max_steps=5' and override 'train.checkpoint_every=9'",
        ),
    ],
)
def test_a_contradiction_that_an_override_made_is_placed_at_the_override(
    tmp_path: Path, overrides: list[str], where: str
) -> None:
    text = SMALLEST + "split:\n  kind: stratified\n  test: 0.2\ntrain:\n  epochs: 2.0\n"
    assert only(refused(tmp_path, text, *overrides)).source == where


def test_a_contradiction_of_the_file_alone_is_placed_at_its_line(tmp_path: Path) -> None:
    text = SMALLEST + "split:\n  test: 0.95\n"
    assert only(refused(tmp_path, text, "train.epochs=3")).source == f"{tmp_path / 'recipe.yaml'}, line 4"


def test_an_override_without_a_value_is_shown_with_one(tmp_path: Path) -> None:
    problem = only(refused(tmp_path, SMALLEST, "train.epochs"))
    assert "`train.epochs=…`" in problem.remedy
    assert "train.epochs=5" in problem.remedy


@pytest.mark.parametrize("rate", ["1", "1.0", "1e9", "0", "-1e-4"])
def test_a_rate_at_which_nothing_can_be_learned_is_refused(tmp_path: Path, rate: str) -> None:
    problem = only(refused(tmp_path, SMALLEST, f"train.optimizer.lr={rate}"))
    assert problem.place == "train.optimizer.lr"
    assert "auto" in problem.expected
    assert "the default, auto" in problem.remedy


def test_a_value_inside_an_override_is_placed_at_the_override(tmp_path: Path) -> None:
    whole = "data.balance={kind: undersample, to: 0.5}"
    problem = only(refused(tmp_path, SMALLEST, whole))
    assert (problem.place, problem.source) == ("data.balance.to", f"override {whole!r}")
    last = only(refused(tmp_path, SMALLEST, "data.balance={kind: undersample, to: 3.0}", "data.balance.to=0.5"))
    assert last.source == "override 'data.balance.to=0.5'"


@pytest.mark.parametrize(
    ("override", "place", "expected"),
    [
        ("data.filter.languages=[english]", "data.filter.languages.0", "two letters (ISO 639-1), such as en"),
        ("data.filter.languages=[]", "data.filter.languages", "at least 1 item"),
        ("data.train=''", "data.train", "at least 1 character"),
    ],
)
def test_what_a_list_or_text_must_be_is_said_in_words(tmp_path: Path, override: str, place: str, expected: str) -> None:
    problem = only(refused(tmp_path, SMALLEST, override))
    assert problem.place == place
    assert expected in problem.expected


@pytest.mark.parametrize(
    ("override", "remedy"),
    [
        ("data.keep_if=region = 1", "correct the condition at that place"),
        ("data.clean.replace={two words: one}", "correct its value"),
        ("split.test=0.95", "change one of the fields named"),
    ],
)
def test_the_remedy_of_a_broken_rule_is_about_what_it_names(tmp_path: Path, override: str, remedy: str) -> None:
    assert remedy in only(refused(tmp_path, SMALLEST, override)).remedy
