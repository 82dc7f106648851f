"""Draws follow the nucleus' probabilities and nothing else."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tunewright.core.generated import Decoding
from tunewright.inference.sampling import next_tokens, row_randomness

LOGITS = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, float("-inf")])


def drawn(decoding: Decoding, count: int = 20_000) -> np.ndarray:
    draws = [np.random.default_rng(n) for n in range(count)]
    found = next_tokens(LOGITS.expand(count, -1), decoding, draws)
    return np.bincount(found, minlength=len(LOGITS)) / count


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
@pytest.mark.parametrize("top_p", [1.0, 0.9, 0.6])
def test_frequencies_are_the_probabilities_within_the_nucleus(temperature: float, top_p: float) -> None:
    mass = (LOGITS / temperature).softmax(-1).numpy().astype(np.float64)
    size = int(np.searchsorted(mass.cumsum(), top_p - 1e-6)) + 1  # the logits fall: the nucleus is a beginning
    expected = np.where(np.arange(len(mass)) < size, mass, 0)
    expected /= expected.sum()
    found = drawn(Decoding(1, temperature, top_p))
    np.testing.assert_allclose(found, expected, atol=5 * np.sqrt(0.25 / 20_000))
    assert not found[expected == 0].any()


def test_without_temperature_the_best_is_taken() -> None:
    assert drawn(Decoding(1), 5).tolist() == [1, 0, 0, 0, 0, 0]


@given(st.lists(st.floats(-30, 30, width=32), min_size=2, max_size=20), st.floats(0.01, 1), st.integers(0, 99))
def test_the_smallest_nucleus_is_the_best_token(logits: list[float], temperature: float, seed: int) -> None:
    row = torch.tensor([logits])
    (found,) = next_tokens(row, Decoding(1, temperature, 1e-6), [np.random.default_rng(seed)])
    assert (
        row[0, found] == row.max() or (row / temperature).softmax(-1)[0, found] == (row / temperature).softmax(-1).max()
    )


def test_a_rows_draws_follow_from_seed_and_prompt() -> None:
    one, same, other = (row_randomness(Decoding(9, 1.0, seed=s), [4, 5]).random() for s in (1, 1, 2))
    assert one == same != other
    assert row_randomness(Decoding(9, 1.0, seed=1), [4, 6]).random() != one


class _Highest:
    """The largest number that a generator draws."""

    def random(self) -> float:
        return 1 - 2**-53


@pytest.mark.parametrize(("top_p", "last"), [(1.0, 4), (0.9, 3), (0.6, 1), (0.3, 0)])
def test_the_highest_draw_stays_within_the_nucleus(top_p: float, last: int) -> None:
    mass = LOGITS.double().softmax(-1).cumsum(-1)
    assert int((mass < min(top_p, mass[4])).sum()) == last, "the nucleus' last token"
    assert next_tokens(LOGITS[None], Decoding(1, 1.0, top_p), [_Highest()]) == [last]  # type: ignore[list-item]
