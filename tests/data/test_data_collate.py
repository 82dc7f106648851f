"""Token rows as batches of each layout, and packed."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import numpy as np
import pytest
from data_room import law
from hypothesis import given
from hypothesis import strategies as st
from token_room import BOS, MASK, PAD, STOP, RoomEncoder, chats, token_rows

from tunewright.core.encoded import IGNORED
from tunewright.data.batching import epoch_steps, micro_batches, pack, packed_batches
from tunewright.data.loader import LoadPlan, Masking, collate, collate_packed, load_steps

if TYPE_CHECKING:
    from tunewright.data.loader import StepBatches
    from tunewright.data.tokenize import TokenRows

SIZES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=40)
LENGTHS = st.lists(st.integers(1, 40), min_size=1, max_size=60)


def pairs(sizes: list[tuple[int, int]]) -> list[dict[str, str]]:
    """A question and an answer of as many words; no word stands twice."""
    return [
        {"input": " ".join(f"q{n}.{k}" for k in range(asked)), "target": " ".join(f"a{n}.{k}" for k in range(said))}
        for n, (asked, said) in enumerate(sizes)
    ]


def rows_of_sizes(sizes: list[tuple[int, int]]) -> TokenRows:
    return token_rows(pairs(sizes), RoomEncoder())


def expected_causal(rows: TokenRows, row: int) -> list[int]:
    """A slow plain reference: at each position the next token where a span has it."""
    ids, spans = rows.ids(row).tolist(), rows.spans(row).tolist()
    wanted = {position for start, end in spans for position in range(start, end)}
    return [ids[t + 1] if t + 1 in wanted else IGNORED for t in range(len(ids))]


@law()
@given(SIZES)
def test_causal_targets_are_the_next_tokens_of_the_spans_and_padding_has_none(sizes: list[tuple[int, int]]) -> None:
    rows = rows_of_sizes(sizes)
    batch = collate(rows, np.arange(len(rows)), PAD)
    assert batch.attention_mask_BT is not None
    for row in range(len(rows)):
        length = len(rows.ids(row))
        assert batch.input_ids_BT[row, :length].tolist() == rows.ids(row).tolist()
        assert (batch.input_ids_BT[row, length:] == PAD).all()
        assert batch.targets[row, :length].tolist() == expected_causal(rows, row)
        assert (batch.targets[row, length:] == IGNORED).all()
        assert batch.attention_mask_BT[row].tolist() == [1] * length + [0] * (batch.input_ids_BT.shape[1] - length)
    assert int((batch.targets != IGNORED).sum()) == int(rows.trained_N.sum())


@law()
@given(SIZES, st.integers(1, 120))
def test_packed_rows_are_whole_restart_their_positions_and_never_predict_the_row_behind(
    sizes: list[tuple[int, int]], budget: int
) -> None:
    rows = rows_of_sizes(sizes)
    seen: list[str] = []
    for sequences in packed_batches(np.arange(len(rows)), rows.lengths_N, budget):
        batch = collate_packed(rows, sequences, PAD)
        assert batch.attention_mask_BT is None
        assert batch.position_ids_BT is not None
        assert batch.input_ids_BT.size <= budget or len(sequences) == 1
        assert batch.row_ids == tuple(rows.row_ids[row] for sequence in sequences for row in sequence)
        seen += batch.row_ids
        for number, sequence in enumerate(sequences):
            start = 0
            for row in sequence:
                length = len(rows.ids(int(row)))
                place = slice(start, start + length)
                assert batch.input_ids_BT[number, place].tolist() == rows.ids(int(row)).tolist()
                assert batch.position_ids_BT[number, place].tolist() == list(range(length))
                assert batch.targets[number, place].tolist() == expected_causal(rows, int(row))
                assert batch.targets[number, start + length - 1] == IGNORED
                start += length
            assert (batch.input_ids_BT[number, start:] == PAD).all()
            assert (batch.targets[number, start:] == IGNORED).all()
            behind = batch.position_ids_BT[number, start:].tolist()
            assert behind == list(range(len(behind)))
    assert sorted(seen) == sorted(rows.row_ids)


@law()
@given(LENGTHS, st.none() | st.integers(1, 80))
def test_packing_loses_nothing_and_no_sequence_is_longer_than_its_capacity(
    lengths: list[int], capacity: int | None
) -> None:
    lengths_N = np.array(lengths)
    sequences = pack(np.arange(len(lengths)), lengths_N, capacity)
    assert sorted(int(row) for sequence in sequences for row in sequence) == list(range(len(lengths)))
    totals = [int(lengths_N[sequence].sum()) for sequence in sequences]
    assert totals == sorted(totals, reverse=True)
    limit = max(lengths) if capacity is None else capacity
    assert all(total <= limit or len(sequence) == 1 for total, sequence in zip(totals, sequences, strict=True))


def test_packing_spends_far_less_on_padding_than_padded_batches_of_the_same_rows() -> None:
    lengths_N = np.random.default_rng(0).lognormal(4, 0.7, size=320).astype(np.int64) + 5
    tokens = int(lengths_N.sum())

    def spent(*, packing: bool) -> float:
        padded = 0
        for step in epoch_steps(lengths_N, batch_size=32, seed=1, epoch=0, data_hash="k", sort=False):
            if packing:
                for part in packed_batches(step, lengths_N, 4096):
                    padded += len(part) * max(int(lengths_N[sequence].sum()) for sequence in part)
            else:
                padded += sum(len(part) * int(lengths_N[part].max()) for part in micro_batches(step, lengths_N, 4096))
        return (padded - tokens) / padded

    assert spent(packing=True) < 0.05 < spent(packing=False)


@law()
@given(LENGTHS, st.integers(1, 20), st.integers(0, 9))
def test_an_unsorted_epoch_holds_every_row_once_in_an_order_that_ignores_lengths(
    lengths: list[int], batch_size: int, seed: int
) -> None:
    def order(of: list[int]) -> list[list[int]]:
        steps = epoch_steps(np.array(of), batch_size=batch_size, seed=seed, epoch=1, data_hash="k", sort=False)
        return [step.tolist() for step in steps]

    steps = order(lengths)
    assert sorted(row for step in steps for row in step) == list(range(len(lengths)))
    assert all(len(step) == batch_size for step in steps[:-1])
    assert order([1] * len(lengths)) == steps


@law(60)
@given(SIZES, st.integers(1, 9), st.integers(1, 3), st.booleans())
def test_a_step_counts_the_trained_tokens_of_all_ranks(
    sizes: list[tuple[int, int]], batch_size: int, world: int, packing: bool
) -> None:
    rows = rows_of_sizes(sizes)

    def first(rank: int) -> StepBatches:
        plan = LoadPlan(batch_size, 60, 3, PAD, rank, world, layout="causal", packing=packing)
        return next(load_steps(rows, plan, after=0))

    parts = [first(rank) for rank in range(world)]
    held = sum(int((batch.targets != IGNORED).sum()) for part in parts for batch in part.batches)
    names = [row for part in parts for batch in part.batches for row in batch.row_ids]
    assert len(names) == len(set(names)) == parts[0].examples
    assert {part.targets for part in parts} == {held}
    assert {part.tokens for part in parts} == {sum(len(rows.ids(rows.row_ids.index(row))) for row in names)}
    assert all(part.batches for part in parts)


@law(60)
@given(SIZES)
def test_a_text_pair_gives_the_encoder_its_text_and_the_decoder_its_labels(sizes: list[tuple[int, int]]) -> None:
    rows = token_rows(pairs(sizes), RoomEncoder("seq2seq"))
    batch = collate(rows, np.arange(len(rows)), PAD)
    assert batch.attention_mask_BT is not None
    for row, (asked, said) in enumerate(sizes):
        ids = rows.ids(row).tolist()
        assert batch.input_ids_BT[row, : asked + 1].tolist() == ids[: asked + 1]
        assert batch.attention_mask_BT[row].sum() == asked + 1
        assert batch.targets[row, : said + 1].tolist() == ids[asked + 1 :]
        assert (batch.targets[row, said + 1 :] == IGNORED).all()
    assert rows.held_N.tolist() == [max(asked, said) + 1 for asked, said in sizes]


MASKING = Masking(seed=3, step=5, mask_id=MASK, vocabulary=1000)


def test_masked_rows_hide_fifteen_in_a_hundred_tokens_and_no_special_one() -> None:
    rows = token_rows([{"input": " ".join(f"w{n}.{k}" for k in range(100))} for n in range(60)], RoomEncoder("masked"))
    batch = collate(rows, np.arange(60), PAD, MASKING)
    plain = collate_plain(rows)
    drawn = batch.targets != IGNORED
    assert (drawn.sum(axis=1) == 15).all()
    assert (batch.targets[drawn] == plain[drawn]).all()
    assert (batch.input_ids_BT[~drawn] == plain[~drawn]).all()
    assert not np.isin(batch.targets, [BOS, STOP]).any()
    shares = [(batch.input_ids_BT[drawn] == MASK).mean(), (batch.input_ids_BT[drawn] == plain[drawn]).mean()]
    assert shares == pytest.approx([0.8, 0.1], abs=0.05)


def collate_plain(rows: TokenRows) -> np.ndarray:
    return np.stack([rows.ids(row) for row in range(len(rows))])


def test_a_mask_depends_on_seed_step_and_row_and_not_on_the_rows_beside_it() -> None:
    rows = token_rows([{"input": " ".join(f"w{n}.{k}" for k in range(40))} for n in range(9)], RoomEncoder("masked"))

    def of(row: int, chosen: list[int], masking: Masking = MASKING) -> list[int]:
        return collate(rows, np.array(chosen), PAD, masking).targets[chosen.index(row)].tolist()

    alone = of(4, [4])
    assert of(4, [8, 4, 1]) == alone
    others = [Masking(4, 5, MASK, 1000), Masking(3, 6, MASK, 1000)]
    assert all(of(4, [4], other) != alone for other in others)


def test_a_step_counts_the_masks_it_draws() -> None:
    rows = token_rows([{"input": " ".join("w" * (n + 1))} for n in range(30)], RoomEncoder("masked"))
    plan = LoadPlan(8, 64, 1, PAD, layout="masked", mask_id=MASK, vocabulary=50)
    for step in islice(load_steps(rows, plan, after=0), 4):
        assert step.targets == sum(int((batch.targets != IGNORED).sum()) for batch in step.batches) >= step.examples


def test_a_plan_that_cannot_be_carried_out_is_refused() -> None:
    with pytest.raises(ValueError, match="vocabulary"):
        LoadPlan(8, 64, 1, PAD, layout="masked", mask_id=MASK)
    with pytest.raises(ValueError, match="cannot be packed"):
        LoadPlan(8, 64, 1, PAD, layout="seq2seq", packing=True)


def test_a_plan_for_another_layout_than_the_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="causal"):
        next(load_steps(token_rows(chats(), RoomEncoder()), LoadPlan(8, 64, 1, PAD), after=0))
