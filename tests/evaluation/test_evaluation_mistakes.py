"""Worst errors, confused classes, several p-values at once, and light imports."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import numpy as np
import pytest
from evaluation_cases import given
from hypothesis import given as holds_for
from hypothesis import strategies as st

import tunewright.evaluation
from tunewright.evaluation.mistakes import worst_errors
from tunewright.evaluation.multiplicity import holm


def test_the_worst_errors_are_the_wrong_rows_the_system_was_surest_of() -> None:
    predictions = given([0, 0, 1, 1, 0], [0, 1, 0, 0, 1], classes=3)
    predictions.probabilities_NK[:] = [
        [0.9, 0.1, 0.0],
        [0.2, 0.7, 0.1],
        [0.95, 0.05, 0.0],
        [0.7, 0.1, 0.2],
        [0.05, 0.7, 0.25],
    ]
    found = worst_errors(predictions, most=3)
    assert [(e.row_id, e.true, e.predicted) for e in found] == [
        ("row2", "class1", "class0"),
        ("row4", "class0", "class1"),
        ("row3", "class1", "class0"),
    ]
    assert found[0].predicted_probability == 0.95
    assert len(worst_errors(predictions, most=99)) == 4
    assert worst_errors(given([0], [0], classes=2), most=5) == ()


def test_holm_equals_its_published_steps() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx((0.03, 0.06, 0.06, 0.02))
    assert holm([]) == ()


@holds_for(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_never_lowers_a_p_value_nor_changes_their_order(p_values: list[float]) -> None:
    adjusted = np.array(holm(p_values))
    assert np.all(adjusted >= np.array(p_values) - 1e-15)
    assert np.all(adjusted <= 1)
    assert np.all(np.diff(adjusted[np.argsort(p_values, kind="stable")]) >= 0)
    assert adjusted.min() == pytest.approx(min(1.0, len(p_values) * min(p_values)))


def test_importing_the_room_loads_nothing_heavy() -> None:
    names = [f"tunewright.evaluation.{module.name}" for module in pkgutil.iter_modules(tunewright.evaluation.__path__)]
    assert len(names) > 10
    code = (
        f"import sys, {', '.join(names)}\n"
        "heavy = {'scipy', 'sklearn', 'torch', 'transformers', 'polars', 'pandas'} & set(sys.modules)\n"
        "sys.exit(f'loaded: {heavy}' if heavy else 0)"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stderr
