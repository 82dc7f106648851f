"""The plan of gradual unfreezing says what its steps do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunewright.data.batching import steps_per_epoch
from tunewright.pipeline.outlook_layers import layers_line, thawing_findings
from tunewright.recipe.train import EarlyStopping, Full, Lora, TrainSpec, Unfreezing
from tunewright.training.fit import total_steps


def spec_of(every: Any, first: int, **more: Any) -> TrainSpec:
    return TrainSpec(method=Full(unfreeze=Unfreezing(every=every, first=first)), batch_size=10, **more)


@pytest.mark.parametrize(
    ("spec", "rows", "ending"),
    [
        (spec_of("epoch", 1, epochs=8.0), 100, "every 10 steps; all 6 and the embeddings from step 61 on"),
        (spec_of("epoch", 1, epochs=4.0), 100, "training ends with the top 4 of 6, and without the embeddings"),
        (spec_of(3, 0, epochs=8.0, max_steps=21), 100, "training ends with the top 6 of 6, and without the embeddings"),
        (spec_of(3, 0, epochs=8.0, max_steps=22), 100, "every 3 steps; all 6 and the embeddings from step 22 on"),
    ],
)
def test_the_plan_says_when_all_layers_are_trained_or_how_far_it_comes(spec: TrainSpec, rows: int, ending: str) -> None:
    (line,) = layers_line(spec, 6, rows)
    assert line.endswith(ending)


@given(every=st.integers(1, 30), first=st.integers(0, 6), steps=st.integers(31, 400))
def test_the_step_it_names_is_the_first_that_trains_all(every: int, first: int, steps: int) -> None:
    spec = spec_of(every, first, epochs=50.0, max_steps=steps)
    total = total_steps(100, spec)
    trained = [first + (step - 1) // every for step in range(1, total + 1)]
    (line,) = layers_line(spec, 6, 100)
    if trained[-1] > 6:
        assert f"from step {next(n for n, top in enumerate(trained, 1) if top > 6)} on" in line
    else:
        assert f"the top {trained[-1]} of 6" in line


def test_other_methods_and_an_unknown_number_of_layers() -> None:
    assert layers_line(TrainSpec(), 6, 100) == ()
    assert layers_line(TrainSpec(method=Lora()), 6, 100) == ()
    (line,) = layers_line(spec_of("epoch", 2), None, 95)
    assert line == f"layers: the head and the top 2 first, one more every {steps_per_epoch(95, 10)} steps"


@pytest.mark.parametrize(
    ("spec", "warned"),
    [
        (spec_of("epoch", 1, epochs=8.0), True),  # all from step 61 on, and it may stop after four epochs
        (spec_of("epoch", 1, epochs=3.0), False),  # the training ends before it could stop
        (spec_of("epoch", 5, epochs=8.0), False),
        (spec_of("epoch", 1, epochs=8.0, early_stopping=None), False),
        (spec_of("epoch", 1, epochs=8.0, early_stopping=EarlyStopping(patience=6)), False),
        (spec_of(2, 1, epochs=8.0, evaluate_every=3), True),
        (spec_of(2, 1, epochs=8.0, evaluate_every=4), False),
        (TrainSpec(), False),
    ],
)
def test_a_training_that_may_stop_while_layers_are_frozen_is_warned_of(spec: TrainSpec, *, warned: bool) -> None:
    assert [finding.kind for finding in thawing_findings(spec, 6, 100)] == ["stops_while_frozen"] * warned
    assert list(thawing_findings(spec, None, 100)) == []
