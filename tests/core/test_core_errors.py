"""A message has four parts, and an error knows its exit code."""

from __future__ import annotations

import errno
import signal
import subprocess
import sys

import pytest

from tunewright.core.errors import (
    DataError,
    Interrupted,
    MissingPackage,
    Problem,
    RecipeError,
    RunError,
    TunewrightError,
    did_you_mean,
)
from tunewright.core.optional import import_optional

WHOLE = Problem("train.epochs", "given 'five'", "a number", "write 5", "recipe.yaml, line 14")


def test_a_problem_shows_place_given_expected_remedy_and_source() -> None:
    assert str(WHOLE) == (
        "train.epochs: given 'five'\n  expected a number\n  remedy: write 5\n  in: recipe.yaml, line 14"
    )


def test_a_part_that_is_unknown_is_left_out() -> None:
    assert str(Problem("model", "is missing")) == "model: is missing"
    assert str(Problem("", "no texts", remedy="name one")) == "no texts\n  remedy: name one"


def test_an_error_shows_all_its_problems_and_travels_as_data() -> None:
    fault = RecipeError(WHOLE, Problem("model", "is missing"))
    assert str(fault) == f"{WHOLE}\nmodel: is missing"
    data = fault.as_dict()
    assert data["error"] == "recipe"
    assert data["exit_code"] == 2
    assert data["problems"][0] == {
        "place": "train.epochs",
        "given": "given 'five'",
        "expected": "a number",
        "remedy": "write 5",
        "source": "recipe.yaml, line 14",
        "count": 1,
    }


@pytest.mark.parametrize(
    ("kind", "code"), [(RecipeError, 2), (MissingPackage, 2), (DataError, 3), (RunError, 4), (TunewrightError, 4)]
)
def test_every_error_has_the_exit_code_of_who_can_act(kind: type[TunewrightError], code: int) -> None:
    assert kind(WHOLE).exit_code == code


def test_an_interruption_exits_128_plus_the_signal() -> None:
    assert Interrupted(signal.SIGINT, WHOLE).exit_code == 130
    assert Interrupted(signal.SIGTERM, WHOLE).exit_code == 143
    assert Interrupted(signal.SIGTERM, WHOLE).problems == (WHOLE,)


def test_a_near_name_is_proposed_and_a_far_one_is_not() -> None:
    assert did_you_mean("optimiser", ["optimizer", "epochs"]) == " (did you mean 'optimizer'?)"
    assert did_you_mean("zzz", ["optimizer", "epochs"]) == ""


def test_an_absent_package_names_the_extra_that_brings_it() -> None:
    with pytest.raises(MissingPackage, match="no_such_package") as raised:
        import_optional("no_such_package.inner", extra="track", purpose="TensorBoard events")
    problem = raised.value.problems[0]
    assert problem.place == "TensorBoard events"
    assert problem.remedy == "pip install 'tunewright[track]'"
    assert import_optional("json", extra="track", purpose="anything").loads("1") == 1


def test_a_fault_inside_a_present_package_is_not_taken_for_its_absence(tmp_path, monkeypatch) -> None:
    (tmp_path / "half_there.py").write_text("import missing_inside")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="missing_inside"):
        import_optional("half_there", extra="track", purpose="anything")


def test_core_loads_no_tensors() -> None:
    code = (
        "import sys, tunewright.core.files, tunewright.core.codec, tunewright.core.results, tunewright.core.seeds;"
        "sys.exit(any(name in sys.modules for name in ('torch', 'transformers', 'polars')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    assert errno.ENOSPC == 28, "the number that safetensors tells in words"
