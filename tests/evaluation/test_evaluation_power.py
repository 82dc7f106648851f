"""What a test split can show, against simulation and against the formula it inverts."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from tunewright.core.results import Estimate
from tunewright.evaluation.paired import mcnemar_exact
from tunewright.evaluation.power import minimum_detectable_difference, rows_to_settle


@given(st.integers(20, 100_000), st.floats(0.01, 1.0))
@settings(max_examples=80, deadline=None)
def test_the_detectable_difference_needs_just_these_rows_by_connors_formula(n: int, discordant: float) -> None:
    difference = minimum_detectable_difference(n, discordant)
    if difference is None:
        return
    z_alpha, z_beta = stats.norm.ppf(0.975), stats.norm.ppf(0.8)
    spread = z_alpha * math.sqrt(discordant) + z_beta * math.sqrt(discordant - difference**2)
    assert (spread / difference) ** 2 == pytest.approx(n, rel=1e-6)


def test_a_detectable_difference_is_found_in_four_of_five_simulations() -> None:
    """The exact test is a little conservative, so somewhat fewer than 0.8 are found; 2000 samples, error 0.009."""
    n, discordant, rng = 400, 0.2, np.random.default_rng(1)
    difference = minimum_detectable_difference(n, discordant)
    shares = [(discordant + difference) / 2, (discordant - difference) / 2, 1 - discordant]
    found = [mcnemar_exact(gained, lost) < 0.05 for gained, lost, _ in rng.multinomial(n, shares, 2000)]
    assert 0.72 < np.mean(found) < 0.82


def test_rows_that_can_show_nothing_say_so() -> None:
    assert minimum_detectable_difference(5, 0.2) is None
    assert minimum_detectable_difference(0, 0.2) is None
    assert minimum_detectable_difference(1000, 0.0) is None


def test_more_rows_and_fewer_disagreements_show_smaller_differences() -> None:
    assert minimum_detectable_difference(4000, 0.2) < minimum_detectable_difference(400, 0.2)
    assert minimum_detectable_difference(400, 0.1) < minimum_detectable_difference(400, 0.2)


def test_half_the_difference_needs_four_times_the_rows() -> None:
    narrow = Estimate(0.02, -0.03, 0.07, 1000)
    wide = Estimate(0.01, -0.04, 0.06, 1000)
    few, many = (rows_to_settle(e, confidence=0.95, alpha=0.05) for e in (narrow, wide))
    assert many == pytest.approx(4 * few, rel=0.01)
    assert few == pytest.approx(1000 * ((1.96 + 0.8416) * (0.05 / 1.96) / 0.02) ** 2, rel=0.01)


def test_no_number_of_rows_settles_no_difference() -> None:
    assert rows_to_settle(Estimate(0.0, -0.1, 0.1, 100), confidence=0.95, alpha=0.05) is None
    assert rows_to_settle(Estimate(None, None, None, 0), confidence=0.95, alpha=0.05) is None
