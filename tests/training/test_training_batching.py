"""Which rows make a step: the laws of the loader that training relies on."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from training_room import token_rows

from tunewright.data.batching import WINDOW_BATCHES, epoch_steps, micro_batches, steps_per_epoch
from tunewright.data.loader import IGNORED, LoadPlan, collate, load_steps

if TYPE_CHECKING:
    from tunewright.data.loader import StepBatches

LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=90)
law = settings(deadline=None, max_examples=60)


def epoch(lengths: list[int], batch_size: int, seed: int = 1, number: int = 0, key: str = "k") -> list[list[int]]:
    steps = epoch_steps(np.array(lengths), batch_size=batch_size, seed=seed, epoch=number, data_hash=key)
    return [step.tolist() for step in steps]


def rows_of(step: StepBatches) -> list[str]:
    return [row for batch in step.batches for row in batch.row_ids]


@law
@given(LENGTHS, st.integers(1, 20))
def test_an_epoch_holds_every_row_once_in_steps_of_exactly_the_batch_size_but_one_short_at_its_end(
    lengths: list[int], batch_size: int
) -> None:
    steps = epoch(lengths, batch_size)
    assert sorted(row for step in steps for row in step) == list(range(len(lengths)))
    assert [len(step) for step in steps[:-1]] == [batch_size] * (len(steps) - 1)
    assert len(steps[-1]) == (len(lengths) - 1) % batch_size + 1
    assert len(steps) == steps_per_epoch(len(lengths), batch_size)


@law
@given(LENGTHS, st.integers(1, 9), st.integers(0, 2**40), st.integers(0, 50), st.text(max_size=5))
def test_an_epoch_is_a_pure_function_of_seed_epoch_and_data_hash(
    lengths: list[int], batch_size: int, seed: int, number: int, key: str
) -> None:
    np.random.seed(len(lengths))  # the global generator must have no say
    first = epoch(lengths, batch_size, seed, number, key)
    np.random.seed(0)
    assert epoch(lengths, batch_size, seed, number, key) == first


def test_seed_epoch_and_data_hash_each_change_the_order() -> None:
    lengths = [int(n) for n in np.random.default_rng(0).integers(1, 40, size=200)]
    plain = epoch(lengths, 8)
    assert epoch(lengths, 8, seed=2) != plain
    assert epoch(lengths, 8, number=1) != plain
    assert epoch(lengths, 8, key="other") != plain


def test_a_window_spends_little_on_padding() -> None:
    lengths = np.random.default_rng(0).integers(4, 120, size=WINDOW_BATCHES * 16)
    steps = epoch_steps(lengths, batch_size=16, seed=1, epoch=0, data_hash="k")
    padded = sum(int(lengths[step].max()) * len(step) for step in steps)
    assert padded < 1.05 * int(lengths.sum())


@law
@given(LENGTHS, st.integers(1, 12), st.integers(0, 30), st.integers(1, 200))
def test_the_order_after_a_resume_is_the_tail_of_the_whole(
    lengths: list[int], batch_size: int, after: int, budget: int
) -> None:
    rows, plan = token_rows(lengths), LoadPlan(batch_size, budget, seed=3, pad_id=0)
    whole = list(islice(load_steps(rows, plan, after=0), after + 4))
    resumed = list(islice(load_steps(rows, plan, after=after), 4))
    assert [s.step for s in resumed] == list(range(after + 1, after + 5))
    for one, other in zip(whole[after:], resumed, strict=True):
        assert rows_of(one) == rows_of(other)
        assert (one.step, one.epoch, one.targets, one.tokens) == (other.step, other.epoch, other.targets, other.tokens)
        for left, right in zip(one.batches, other.batches, strict=True):
            np.testing.assert_array_equal(left.input_ids_BT, right.input_ids_BT)


@law
@given(LENGTHS, st.integers(1, 12), st.integers(1, 5))
def test_the_ranks_share_out_a_step_and_agree_on_its_counts(lengths: list[int], batch_size: int, world: int) -> None:
    rows = token_rows(lengths)
    alone = next(load_steps(rows, LoadPlan(batch_size, 64, seed=3, pad_id=0), after=0))
    plans = [LoadPlan(batch_size, 64, seed=3, pad_id=0, rank=rank, world=world) for rank in range(world)]
    parts = [next(load_steps(rows, plan, after=0)) for plan in plans]
    assert sorted(row for part in parts for row in rows_of(part)) == sorted(rows_of(alone))
    for part in parts:
        assert (part.examples, part.targets, part.tokens) == (alone.examples, alone.targets, alone.tokens)
        assert part.batches, "a rank without a forward pass would leave the others waiting"
        if not rows_of(part):
            assert (part.batches[0].targets == IGNORED).all()


@law
@given(LENGTHS, st.integers(1, 200))
def test_a_forward_pass_keeps_to_the_budget_unless_one_row_exceeds_it(lengths: list[int], budget: int) -> None:
    lengths_N = np.array(lengths)
    passes = micro_batches(np.arange(len(lengths)), lengths_N, budget)
    assert sorted(int(row) for part in passes for row in part) == list(range(len(lengths)))
    for part in passes:
        padded = int(lengths_N[part].max()) * len(part)
        assert padded <= budget or len(part) == 1


@law
@given(LENGTHS, st.data())
def test_a_batch_is_padded_on_the_right_to_its_longest_row(lengths: list[int], data: st.DataObject) -> None:
    rows = token_rows(lengths)
    chosen = np.array(data.draw(st.lists(st.integers(0, len(lengths) - 1), min_size=1, max_size=9)))
    batch = collate(rows, chosen, pad_id=77)
    assert batch.input_ids_BT.shape == batch.attention_mask_BT.shape == (len(chosen), max(lengths[n] for n in chosen))
    for index, row in enumerate(chosen):
        length = lengths[row]
        assert batch.input_ids_BT[index, :length].tolist() == rows.ids(int(row)).tolist()
        assert (batch.input_ids_BT[index, length:] == 77).all()
        assert batch.attention_mask_BT[index].tolist() == [1] * length + [0] * (batch.input_ids_BT.shape[1] - length)
        assert batch.row_ids[index] == f"row{row}"
        assert batch.targets[index] == rows.targets_N[row]


def test_the_short_step_of_an_epoch_is_of_any_length() -> None:
    """Were it cut from the end of the sorted rows, the longest ones would always train by themselves, last."""
    lengths = np.arange(1, 22)
    found = {
        int(lengths[epoch_steps(lengths, batch_size=4, seed=7, epoch=epoch, data_hash="rows")[-1]][0])
        for epoch in range(40)
    }
    assert found == {1, 5, 9, 13, 17, 21}
