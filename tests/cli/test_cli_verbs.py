"""What every verb owes: help in a sentence, one JSON object on stdout, nothing written on a dry run."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from importlib import metadata
from typing import TYPE_CHECKING

import pytest
import typer
from cli_room import QUICK, records, write_csv

from tunewright.cli.app import app
from tunewright.cli.help import EPILOGS
from tunewright.core.files import tree_hashes
from tunewright.core.results import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from cli_room import Ran

VERBS = (
    "init", "audit", "check", "labels", "run", "prepare", "baseline", "train", "evaluate", "gate", "report", "predict",
    "chat", "export", "quickstart", "doctor", "schema",
)  # fmt: skip
WITHOUT_JSON = {"schema"}
"""Verbs whose result is JSON already."""


def test_the_table_names_every_verb(tunewright: Callable[..., Ran]) -> None:
    assert {command.name for command in app.registered_commands} == set(VERBS)


@pytest.mark.parametrize("verb", VERBS)
def test_help_says_in_a_sentence_what_the_verb_does(verb: str, tunewright: Callable[..., Ran]) -> None:
    shown = tunewright(verb, "--help")
    assert shown.code == 0
    assert shown.err == ""
    assert re.search(r"[A-Z][a-z]+ .+[.;:,]", shown.out)
    assert ("--json" in shown.out) == (verb not in WITHOUT_JSON)


@pytest.mark.parametrize("verb", VERBS)
def test_help_ends_with_examples_and_exit_codes(
    verb: str, tunewright: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    shown = tunewright(verb, "--help").out
    _, examples = shown.split("Examples:")
    commands, codes = examples.split("Exit codes:")
    assert f"tunewright {verb}" in commands
    assert re.search(r"^\s+0 \w+", codes, re.MULTILINE)


@pytest.mark.parametrize("command", [c for epilog in EPILOGS.values() for c in epilog.examples])
def test_every_example_of_the_help_is_a_command_line_that_parses(command: str) -> None:
    words = shlex.split(command.partition(" > ")[0])[1:]
    group = typer.main.get_command(app)
    verb = group.commands[words[0]]  # type: ignore[attr-defined]
    verb.make_context(words[0], words[1:])  # raises for an option or an argument that is not there


def test_help_starts_nothing_heavy() -> None:
    script = (
        "import sys; from tunewright.cli.app import exit_code; code = exit_code(['run', '--help']); "
        "heavy = {'torch', 'transformers', 'polars', 'numpy', 'sklearn', 'ruamel'} & set(sys.modules); "
        "sys.exit(str(heavy) if heavy or code else 0)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (("chekc", "recipe.yaml"), "'check'"),
        (("evalute", "recipe.yaml"), "'evaluate'"),
        (("run", "recipe.yaml", "--jsn"), "'--json'"),
        (("init", "train.csv", "--modle", "x"), "'--model'"),
        (("run", "recipe.yaml", "--dryrun"), "'--dry-run'"),
    ],
)
def test_a_misspelt_verb_or_option_is_answered_with_the_one_that_was_meant(
    words: tuple[str, ...], hint: str, tunewright: Callable[..., Ran]
) -> None:
    told = tunewright(*words)
    assert (told.code, told.out) == (2, "")
    assert "did you mean" in told.err.lower()
    assert hint in told.err
    assert "--help" in told.err


def test_an_unknown_verb_is_answered_with_those_there_are(tunewright: Callable[..., Ran]) -> None:
    told = tunewright("xyzzy")
    assert told.code == 2
    assert all(verb in told.err for verb in VERBS)


@pytest.mark.parametrize("verb", ["check", "run", "prepare", "train"])
def test_data_where_a_recipe_belongs_is_answered_with_init(
    verb: str, project: Path, tunewright: Callable[..., Ran]
) -> None:
    told = tunewright(verb, "train.csv")
    assert told.code == 2
    assert "`tunewright init train.csv`" in told.err


def test_a_recipe_where_data_belongs_is_answered_with_check(project: Path, tunewright: Callable[..., Ran]) -> None:
    told = tunewright("init", "recipe.yaml")
    assert told.code == 2
    assert "`tunewright check recipe.yaml`" in told.err


def test_the_overview_lists_every_verb_and_the_exit_codes(tunewright: Callable[..., Ran]) -> None:
    shown = tunewright("--help")
    assert shown.code == 0
    assert all(re.search(rf"\b{verb}\b", shown.out) for verb in VERBS)
    assert "Exit codes" in shown.out


def test_no_verb_at_all_shows_the_help_and_exits_2(tunewright: Callable[..., Ran]) -> None:
    shown = tunewright()
    assert (shown.code, shown.err) == (2, "")
    assert "quickstart" in shown.out


def test_the_version_is_the_packages_own(tunewright: Callable[..., Ran]) -> None:
    assert tunewright("--version").out.strip() == metadata.version("tunewright")


def test_every_verb_prints_one_json_object(project: Path, tunewright: Callable[..., Ran]) -> None:
    init = tunewright("init", "train.csv", "--out", "new.yaml", "--model", project.parent, "--json")
    assert init.code == 2, "a folder without a model is refused"
    proposed = tunewright("init", "train.csv", "--out", "new.yaml", "--model", _base(project), "--json").json
    assert proposed["written"] is True
    assert proposed["found"]["task"] == "classification"
    assert tunewright("check", "recipe.yaml", "--json").json["fit_to_run"] is True
    ranked = tunewright("labels", "recipe.yaml", "--test", "test_issues.csv", "--json")
    assert ranked.json["rows"] + ranked.json["test"]["rows"] == 60
    assert (project / "label_issues.csv").exists()
    assert (project / "test_issues.csv").exists()
    for verb in ("prepare", "baseline", "train", "evaluate", "gate", "report"):
        told = tunewright(verb, "recipe.yaml", *QUICK, "--json")
        assert told.json["stage"] == verb
        assert told.json["state"] == "built"
        assert told.err, "what happens meanwhile is told on stderr"
    told = tunewright("run", "recipe.yaml", *QUICK, "--json").json
    assert told["built"] == []
    assert told["verdict"] in {"ship", "dont_ship", "not_enough_evidence"}
    assert tunewright("predict", "runs/recipe", "--text", "late", "--json").json["predictions"][0]["text"] == "late"
    assert "torch" in tunewright("doctor", "--json").json["facts"]


def test_a_reader_that_goes_away_is_no_failure() -> None:
    command = [sys.executable, "-m", "tunewright", "schema"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
    assert (process.returncode, said) == (0, b"")


def test_a_dry_run_writes_nothing(project: Path, tunewright: Callable[..., Ran]) -> None:
    before = tree_hashes(project)
    shown = tunewright("run", "recipe.yaml", "--dry-run")
    assert shown.code == 0
    assert "stages: prepare, baseline, train" in shown.out
    assert "steps of 32 examples" in shown.out
    told = tunewright("init", "train.csv", "--out", "new.yaml", "--model", _base(project), "--dry-run")
    assert told.code == 0
    assert "task: classification" in told.out
    assert tree_hashes(project) == before


def test_a_dry_run_of_a_recipe_with_an_error_exits_1(project: Path, tunewright: Callable[..., Ran]) -> None:
    shown = tunewright("run", "recipe.yaml", "data.target=lable", "--dry-run")
    assert shown.code == 1
    assert "did you mean 'label'" in shown.out


@pytest.mark.parametrize(
    ("condition", "verdict", "code"),  # the verdict as programs read it
    [
        ("{kind: floor, metric: accuracy, at_least: 0.0}", "ship", 0),
        ("{kind: floor, metric: accuracy, at_least: 1.0}", "dont_ship", 1),
        ("{kind: floor, metric: accuracy, at_least: 0.5}", "not_enough_evidence", 1),
    ],
)
def test_run_exits_by_the_verdict(
    condition: str, verdict: str, code: int, finished_run: Path, tunewright: Callable[..., Ran]
) -> None:
    told = tunewright("run", "recipe.yaml", *QUICK, f"gate.conditions=[{condition}]", "--json")
    assert (told.json["verdict"], told.code) == (verdict, code)
    alone = tunewright("gate", "recipe.yaml", *QUICK, f"gate.conditions=[{condition}]")
    assert alone.code == code
    assert f"verdict: {Verdict(verdict).words}\n" in alone.out


def test_run_shows_the_scores_and_where_the_report_is(
    finished_run: Path, tunewright: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "160")
    shown = tunewright("run", "recipe.yaml", *QUICK)
    assert "report.html" in shown.out
    assert "TF-IDF" in shown.out
    assert "\x1b" not in shown.said


def test_no_color_holds_where_colour_is_forced(
    finished_run: Path, tunewright: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", tunewright("run", "recipe.yaml", *QUICK).said)


def test_overrides_reach_the_run(finished_run: Path, tunewright: Callable[..., Ran]) -> None:
    told = tunewright("train", "recipe.yaml", *QUICK, "train.max_steps=3", "train.optimizer.lr=0.001", "name=other")
    assert told.code == 4, "the run `other` has no data yet"
    assert tunewright("prepare", "recipe.yaml", *QUICK, "name=other").code == 0
    told = tunewright("train", "recipe.yaml", *QUICK, "train.max_steps=3", "train.optimizer.lr=0.001", "name=other")
    assert told.code == 0
    run = finished_run / "runs" / "other"
    assert json.loads((run / "training" / "outcome.json").read_text())["steps"] == 3
    assert json.loads((run / "resolved.json").read_text())["resolved"]["lr"] == 0.001
    assert 'overrides: "train.epochs=2"' in (run / "recipe.yaml").read_text().splitlines()[0]


def test_predict_takes_texts_and_files(finished_run: Path, tunewright: Callable[..., Ran]) -> None:
    shown = tunewright("predict", "runs/recipe", "--text", "word1 billing1", "--text", "two\nlines")
    lines = [line.split("\t") for line in shown.out.splitlines()]
    assert [line[2] for line in lines] == ["word1 billing1", "two lines"]
    assert all(line[0] in {"billing", "delivery"} and 0.5 <= float(line[1]) <= 1 for line in lines)
    (finished_run / "new.csv").write_text("what,when\nlate again,1\nwhere is it,2\n", encoding="utf-8")
    unclear = tunewright("predict", "runs/recipe", "--file", "new.csv")
    assert unclear.code == 2
    assert "--column" in unclear.err
    told = tunewright("predict", "runs/recipe", "--file", "new.csv", "--column", "what", "--out", "found.jsonl")
    assert "wrote 2 predictions" in told.out
    found = [json.loads(line) for line in (finished_run / "found.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["text"] for row in found] == ["late again", "where is it"]
    assert all(abs(sum(row["probabilities"].values()) - 1) < 1e-6 for row in found)


def test_a_label_can_neither_move_nor_colour_what_predict_shows(project: Path, tunewright: Callable[..., Ran]) -> None:
    labels = ("bill\x1b[31ming", "deliv\u202eery")
    named = dict(zip(("billing", "delivery"), labels, strict=True))
    write_csv(project / "train.csv", [(text, named[label]) for text, label in records(60)])
    assert tunewright("prepare", "recipe.yaml", *QUICK).code == 0
    assert tunewright("train", "recipe.yaml", *QUICK).code == 0
    told = tunewright("predict", "runs/recipe", "--text", "word1 billing1", "--text", "word1 delivery1").out
    assert "\x1b" not in told
    assert "\u202e" not in told
    assert {line.partition("\t")[0] for line in told.splitlines()} <= {"bill\\x1b[31ming", "deliv\\u202eery"}


def test_predict_reads_the_column_that_the_model_learned_from(project: Path, tunewright: Callable[..., Ran]) -> None:
    write_csv(project / "train.csv", [(n, *row) for n, row in enumerate(records(60))], ("note", "body", "label"))
    quick = (*QUICK, "train.max_steps=1", "data.input=body", "data.target=label")
    assert tunewright("prepare", "recipe.yaml", *quick).code == 0
    assert tunewright("train", "recipe.yaml", *quick).code == 0
    told = tunewright("predict", "runs/recipe", "--file", "train.csv", "--json").json["predictions"]
    assert [row["text"] for row in told] == [text for text, _ in records(60)]


def test_predict_answers_alike_from_a_text_and_from_a_file(finished_run: Path, tunewright: Callable[..., Ran]) -> None:
    (finished_run / "new.jsonl").write_text('{"text": "word1 billing1"}\n', encoding="utf-8")
    by_file = tunewright("predict", "runs/recipe", "--file", "new.jsonl", "--json").json["predictions"]
    by_text = tunewright("predict", "runs/recipe/model", "--text", "word1 billing1", "--json").json["predictions"]
    assert [{**row, "line": None} for row in by_file] == by_text


def test_the_schema_describes_what_the_loader_accepts(tunewright: Callable[..., Ran]) -> None:
    shown = tunewright("schema")
    assert shown.err == ""
    schema = json.loads(shown.out)
    assert schema["$schema"].startswith("https://json-schema.org/")
    assert set(schema["required"]) == {"model", "data", "task"}
    assert schema["additionalProperties"] is False
    assert schema["properties"]["model"]["anyOf"][0]["type"] == "string"
    references = set(re.findall(r'"#/\$defs/(\w+)"', shown.out))
    assert references
    assert references <= set(schema["$defs"])
    undescribed = [
        (name, field)
        for name, spec in {"Recipe": schema, **schema["$defs"]}.items()
        for field, info in spec["properties"].items()
        if field != "kind" and not info.get("description")
    ]
    assert undescribed == []


def test_the_recipe_page_has_every_field(tunewright: Callable[..., Ran]) -> None:
    schema = json.loads(tunewright("schema").out)
    page = tunewright("schema", "--markdown").out
    fields = {field for spec in [schema, *schema["$defs"].values()] for field in spec["properties"]}
    assert all(f"| `{field}` |" in page for field in fields)


def test_doctor_knows_the_machine(tunewright: Callable[..., Ran]) -> None:
    shown = tunewright("doctor")
    assert shown.code == 0
    assert all(re.search(rf"^{name}\s+\S", shown.out, re.MULTILINE) for name in ("python", "torch", "device", "memory"))


def _base(project: Path) -> str:
    return (project / "recipe.yaml").read_text(encoding="utf-8").splitlines()[0].removeprefix("model: ")
