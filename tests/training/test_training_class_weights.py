"""Class weights: their formulas, and the accumulation law with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from training_room import gradients_of, in_one_pass, state_of, tiny_bert, token_rows

from tunewright.data.loader import IGNORED, LoadPlan, load_steps
from tunewright.recipe.train import EffectiveNumber, Inverse, SqrtInverse
from tunewright.training.class_weights import WEIGHTS, class_weights
from tunewright.training.losses import classification_loss
from tunewright.training.step import gradients, optimizer_step

WEIGHTED = (0.25, 1.0, 4.0)
LENGTHS = [int(n) for n in np.random.default_rng(2).integers(3, 30, size=16)]
TOLERANCE = {"rtol": 1e-5, "atol": 1e-7}
"""In fp32 without dropout: the sums are those of other orders of addition, nothing else."""
LABELS = ("billing", "delivery", "returns")
SPECS = (Inverse(), SqrtInverse(), EffectiveNumber(), EffectiveNumber(beta=0.9))


def plan(budget: int, weights: tuple[float, ...] = WEIGHTED, **ranks: int) -> LoadPlan:
    return LoadPlan(16, budget, seed=7, pad_id=0, class_weights=weights, **ranks)


def step_of(rows, budget: int, weights: tuple[float, ...] = WEIGHTED):
    return next(load_steps(rows, plan(budget, weights), after=0))


def loss_and_gradients(step):
    state = state_of(tiny_bert())
    losses = gradients(state, step, classification_loss)
    return float(torch.stack(losses).sum()) / step.weight, gradients_of(state.bare_model)


@pytest.mark.parametrize("budget", [1, 30, 47, 90])
def test_the_cut_into_passes_changes_neither_loss_nor_gradient(budget: int) -> None:
    rows = token_rows(LENGTHS)
    whole, cut = step_of(rows, 10**6), step_of(rows, budget)
    assert len(cut.batches) > 1
    assert cut.weight == whole.weight
    (whole_loss, whole_gradient), (cut_loss, cut_gradient) = loss_and_gradients(whole), loss_and_gradients(cut)
    assert cut_loss == pytest.approx(whole_loss, rel=1e-6)
    for name, value in whole_gradient.items():
        torch.testing.assert_close(cut_gradient[name], value, **TOLERANCE, msg=lambda text, n=name: f"{n}: {text}")


@pytest.mark.parametrize("without", [(), (1, 5, 6, 11)], ids=["all", "some without a target"])
def test_the_loss_is_torchs_own_weighted_mean_over_the_step(without: tuple[int, ...]) -> None:
    full = token_rows([9] * 16)
    targets = full.targets_N.copy()
    targets[list(without)] = IGNORED
    rows = replace(full, targets_N=targets)
    loss, _ = loss_and_gradients(step_of(rows, 40))
    with torch.no_grad():
        logits = tiny_bert()(torch.from_numpy(np.stack([full.ids(n) for n in range(16)]).astype(np.int64))).logits
    expected = torch.nn.functional.cross_entropy(logits, torch.from_numpy(targets), weight=torch.tensor(WEIGHTED))
    assert loss == pytest.approx(float(expected), rel=1e-6)


def test_the_reported_loss_is_the_weighted_mean_whatever_the_cut() -> None:
    rows = token_rows(LENGTHS)
    reports = [
        optimizer_step(state_of(tiny_bert()), step_of(rows, budget), classification_loss, lr=1e-3, max_norm=1.0)
        for budget in (10**6, 40)
    ]
    assert reports[0].loss == pytest.approx(reports[1].loss, rel=1e-6)
    assert reports[0].grad_norm == pytest.approx(reports[1].grad_norm, rel=1e-5)
    assert {report.targets for report in reports} == {16}


def test_every_process_divides_by_the_weight_of_the_whole_step() -> None:
    rows = token_rows(LENGTHS)
    alone = step_of(rows, 60)
    parts = [next(load_steps(rows, plan(60, rank=rank, world=2), after=0)) for rank in range(2)]
    assert [part.weight for part in parts] == [alone.weight] * 2
    held = [float(batch.weights_B[batch.targets != IGNORED].sum()) for part in parts for batch in part.batches]
    assert sum(held) == pytest.approx(alone.weight, rel=1e-6)
    totals = [torch.stack(gradients(state_of(tiny_bert()), part, classification_loss)).sum() for part in parts]
    assert float(sum(totals)) / alone.weight == pytest.approx(loss_and_gradients(alone)[0], rel=1e-6)


def test_equal_weights_are_no_weights() -> None:
    rows = token_rows(LENGTHS)
    weighed, plain = step_of(rows, 60, (3.0, 3.0, 3.0)), step_of(rows, 60, ())
    assert plain.weight == plain.targets
    assert all(batch.weights_B is None for batch in plain.batches)
    (one, _), (other, _) = loss_and_gradients(weighed), loss_and_gradients(plain)
    assert one == pytest.approx(other, rel=1e-6)


def test_rows_carry_the_weight_of_their_class_into_every_pass() -> None:
    rows = token_rows(LENGTHS)
    step = in_one_pass(rows, step_of(rows, 10**6, ()))
    assert step.batches[0].weights_B is None
    for batch in step_of(rows, 30).batches:
        assert batch.weights_B.tolist() == [WEIGHTED[target] for target in batch.targets]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind} {getattr(spec, 'beta', '')}")
def test_weights_average_one_over_the_training_rows_and_fall_with_size(spec) -> None:
    counts = {"billing": 900, "delivery": 90, "returns": 9}
    found = class_weights(spec, counts, LABELS)
    assert sum(w * counts[label] for w, label in zip(found, LABELS, strict=True)) / 999 == pytest.approx(1.0)
    assert found[0] < found[1] < found[2]


def test_each_formula_is_that_of_its_source() -> None:
    counts = {"billing": 900, "delivery": 90, "returns": 9}

    def ratio(spec) -> float:
        low, _, high = class_weights(spec, counts, LABELS)
        return high / low

    assert ratio(Inverse()) == pytest.approx(100)
    assert ratio(SqrtInverse()) == pytest.approx(10)
    effective = [sum(0.9**k for k in range(n)) for n in (900, 9)]  # Cui et al.: 1 + beta + beta² + … (n terms)
    assert ratio(EffectiveNumber(beta=0.9)) == pytest.approx(effective[0] / effective[1])
    assert ratio(EffectiveNumber(beta=0.0)) == pytest.approx(1)
    assert ratio(EffectiveNumber(beta=0.999999)) == pytest.approx(100, rel=1e-3)


@given(st.dictionaries(st.sampled_from(LABELS), st.integers(1, 10**6), min_size=1), st.sampled_from(SPECS))
def test_a_class_without_rows_weighs_one_and_none_is_ever_nothing(counts: dict[str, int], spec) -> None:
    found = dict(zip(LABELS, class_weights(spec, counts, LABELS), strict=True))
    assert all(found[label] == 1.0 for label in LABELS if label not in counts)
    assert all(np.isfinite(weight) and weight > 0 for weight in found.values())


def test_there_is_a_formula_for_every_kind() -> None:
    assert {type(spec) for spec in SPECS} == set(WEIGHTS)
