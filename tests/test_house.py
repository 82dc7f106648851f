"""The rules of the house, held by machine: imports, sizes, tables, sentences, and what an import may load."""

# ruff: noqa: PLC0415  # it watches what imports load

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest

from tunewright.recipe.judge import (
    BaselineName,
    ClassMetricName,
    NumberMetricName,
    SetMetricName,
    SpanMetricName,
    TextMetricName,
)
from tunewright.recipe.recipe import Recipe, TaskName
from tunewright.recipe.schema import every_spec, json_schema, recipe_page
from tunewright.recipe.spec import Spec

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "tunewright"
MODULES = sorted(SOURCE.rglob("*.py"))
HEAVY = ("torch", "transformers", "accelerate", "polars", "sklearn", "scipy", "pyarrow", "numpy")
MOST_LINES, MOST_FUNCTION_LINES, MOST_ARGUMENTS = 400, 60, 6
HELP_CPU_S = 0.4


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def in_child(code: str) -> str:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout


def test_the_rooms_import_each_other_as_the_table_says() -> None:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert " 0 broken" in done.stdout


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_a_file_and_its_functions_are_short_enough_to_read(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    tree = ast.parse(text)
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    for function in functions:
        lines = (function.end_lineno or 0) - function.lineno + 1
        assert lines <= MOST_FUNCTION_LINES, f"{function.name} has {lines} lines"
        assert function.returns is not None, f"{function.name} does not say what it returns"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_nothing_is_unpickled_and_nothing_is_evaluated(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", "") or ""]
            assert not {"pickle", "cloudpickle", "dill", "joblib", "shelve"} & set(names)
        if isinstance(node, ast.Call):
            called = ast.unparse(node.func)
            assert called not in {"eval", "exec", "torch.load", "torch.save", "np.load", "pickle.loads"}
        if isinstance(node, ast.keyword) and node.arg in {"trust_remote_code", "allow_pickle"}:
            assert isinstance(node.value, ast.Constant)
            assert node.value.value is False


def test_every_module_says_what_it_is_for() -> None:
    assert not [name_of(path) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text("utf-8")))]


def test_every_field_of_every_spec_has_a_sentence() -> None:
    specs = every_spec()
    assert Recipe in specs
    assert len(specs) > 15
    for spec in specs:
        assert (spec.__doc__ or "").strip().endswith("."), spec.__name__
        for name, field in spec.model_fields.items():
            if name != "kind":
                assert (field.description or "").strip().endswith("."), f"{spec.__name__}.{name} has no sentence"


def test_every_spec_is_frozen_strict_and_refuses_unknown_keys() -> None:
    for spec in every_spec():
        held = (spec.model_config.get("frozen"), spec.model_config.get("strict"), spec.model_config.get("extra"))
        assert held == (True, True, "forbid"), spec.__name__


def test_the_page_and_the_schema_hold_every_field_with_its_sentence() -> None:
    page = recipe_page()
    for spec in every_spec():
        for name, field in spec.model_fields.items():
            if name != "kind":
                assert f"| `{name}` |" in page
                assert f"| {field.description} |" in page, f"{spec.__name__}.{name}"
    parts = [json_schema(), *json_schema()["$defs"].values()]
    assert all(info.get("description") for part in parts for info in part["properties"].values())


def test_a_default_of_0_or_1_is_a_number_on_the_page() -> None:
    page = recipe_page()
    assert "| `max_grad_norm` | number > 0 or null | `1.0` |" in page
    assert "| `temperature` | number ≥ 0 | `0.0` |" in page
    assert "| `tensorboard` | boolean | `true` |" in page


def test_the_page_in_the_docs_is_the_one_the_specs_give() -> None:
    written = (ROOT / "docs" / "recipe.md").read_text(encoding="utf-8")
    assert written.rstrip("\n") == recipe_page().rstrip("\n"), "tunewright schema --markdown > docs/recipe.md"


def members(annotation: Any) -> set[Any]:
    """The alternatives of a union or a literal, through all its wrappers."""
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in {Union, UnionType, Literal}:
        return {one for argument in get_args(annotation) for one in members(argument)}
    return {annotation}


def tables() -> dict[str, tuple[set[Any], set[Any]]]:
    """Each table of builders: what it builds, and what the recipe can ask for."""
    from tunewright.data.augment import methods
    from tunewright.evaluation import counted_tasks, tallies, texts
    from tunewright.pipeline import answers_label_sets, answers_numbers, answers_spans, judge_classes, judge_texts, run
    from tunewright.recipe import augment, train
    from tunewright.training import optimizers, schedules

    counted = (answers_numbers.NUMBERS.answers, answers_label_sets.LABEL_SETS.answers, answers_spans.MARKS.answers)
    return {
        "schedules": (set(schedules.DECAYS), members(train.ScheduleSpec)),
        "optimisers": (set(optimizers.BUILDERS), members(train.TrainSpec.model_fields["optimizer"].annotation)),
        "baselines": (
            set(judge_classes.CLASSES_BY_LIKELIHOOD.systems)
            | set(judge_texts.TEXTS.baselines)
            | {word for answers in counted for word in answers.systems},
            members(BaselineName),
        ),
        "baselines of classes": (set(judge_classes.BUILDERS), set(judge_classes.CLASSES_BY_LIKELIHOOD.systems)),
        "methods of augmentation": (set(methods.METHODS), members(augment.MethodOfAugment)),
        **{f"baselines of {each.task}": (set(each.fit), set(each.systems)) for each in counted},
        "metrics of numbers": (set(counted_tasks.METRICS["regression"]), members(NumberMetricName)),
        "metrics of sets": (set(counted_tasks.METRICS["multilabel"]), members(SetMetricName)),
        "metrics of spans": (set(counted_tasks.METRICS["token_classification"]), members(SpanMetricName)),
        "metrics of classes": (set(tallies.METRICS), members(ClassMetricName)),
        "metrics of texts": (set(texts.METRICS), members(TextMetricName)),
        "stages": (set(run.STAGES), {"prepare", "baseline", "train", "evaluate", "gate", "report"}),
    }


def test_every_choice_of_the_recipe_has_exactly_one_builder() -> None:
    for name, (built, asked) in tables().items():
        assert built == asked, name


def test_every_task_is_in_the_table_or_refused_in_words() -> None:
    from tunewright.core.errors import RecipeError
    from tunewright.models.base import BaseFacts
    from tunewright.pipeline.tasks import TASKS, task_of

    facts = BaseFacts("encoder", "bert", 1, 1, 1)
    assert {task.name for task in TASKS} <= members(TaskName)
    for name in members(TaskName) - {task.name for task in TASKS}:
        with pytest.raises(RecipeError, match="not built yet"):
            task_of(name, facts, "a model")


@pytest.mark.parametrize("module", ["tunewright", "tunewright.cli", "tunewright.recipe.load", "tunewright.core.files"])
def test_importing_loads_nothing_heavy(module: str) -> None:
    heavy = HEAVY if module in {"tunewright", "tunewright.cli"} else ("torch", "transformers", "polars")
    loaded = in_child(f"import sys, {module}; print(*sys.modules)").split()
    assert module in loaded
    assert not set(heavy) & set(loaded)


def test_help_loads_nothing_heavy_and_lists_every_verb() -> None:
    code = (
        "import sys; from tunewright.cli.app import exit_code; code = exit_code(['--help']);"
        "print('MODULES', *sys.modules); sys.exit(code)"
    )
    shown, _, loaded = in_child(code).partition("MODULES")
    assert not set(HEAVY) & set(loaded.split())
    from tunewright.cli.app import app

    verbs = [command.name for command in app.registered_commands]
    assert {"init", "check", "run", "train", "predict", "quickstart", "doctor", "schema"} <= set(verbs)
    for verb in verbs:
        assert re.search(rf"^\W*{verb}\b", shown, flags=re.MULTILINE), verb


def test_help_takes_less_than_four_tenths_of_a_second_of_processor_time() -> None:
    """User and system time of the child, best of five: on a busy machine the wall clock measures the neighbours."""
    spent = []
    for _ in range(5):
        child = subprocess.Popen([sys.executable, "-m", "tunewright", "--help"], stdout=subprocess.DEVNULL)
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        assert child.returncode == 0
        spent.append(usage.ru_utime + usage.ru_stime)
    assert min(spent) < HELP_CPU_S, spent


def test_importing_any_module_changes_neither_environment_nor_logging_nor_folder(tmp_path: Path) -> None:
    code = (
        "import importlib, logging, os, pkgutil, sys, tunewright\n"
        "before = dict(os.environ), logging.getLogger().level, list(logging.getLogger().handlers)\n"
        "names = [m.name for m in pkgutil.walk_packages(tunewright.__path__, 'tunewright.')]\n"
        "import accelerate, polars, pyarrow, sklearn.linear_model, torch, transformers\n"
        "own = dict(os.environ)\n"
        "[importlib.import_module(n) for n in names if not n.endswith('__main__')]\n"
        "assert dict(os.environ) == own\n"
        "assert before[1:] == (logging.getLogger().level, list(logging.getLogger().handlers))\n"
        "print(len(names))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 50
    assert not list(tmp_path.iterdir())


def test_the_test_files_have_names_of_their_own() -> None:
    """pytest imports them by name alone."""
    names = [path.name for path in (ROOT / "tests").rglob("*.py") if path.name != "conftest.py"]
    assert sorted(names) == sorted(set(names))
    assert "__init__.py" not in names
    assert importlib.import_module("tiny_room")
    assert issubclass(Recipe, Spec)
