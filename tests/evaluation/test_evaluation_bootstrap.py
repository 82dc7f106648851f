"""The bootstrap draws what it says, quickly and alike for alike seeds."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from tunewright.evaluation import bootstrap
from tunewright.evaluation.bootstrap import Span, Units, bootstrap_interval, resample, sampling_units


def identity(tallies_BF: np.ndarray) -> np.ndarray:
    return tallies_BF


@pytest.mark.parametrize("copies", [[1] * 12, [400, 300, 2, 1, 1], [50, 50], [1], [30, 5, 5, 5]])
def test_counts_of_kinds_have_the_multinomials_sum_mean_and_covariance(copies: list[int]) -> None:
    units = Units(csr_array(np.eye(len(copies))), np.array(copies))
    draws = 20_000
    counts_RU = resample(units, identity, resamples=draws, rng=np.random.default_rng(5))
    n, share = sum(copies), np.array(copies) / sum(copies)
    assert np.array_equal(counts_RU.sum(axis=1), np.full(draws, n))
    covariance = n * (np.diag(share) - np.outer(share, share))
    error = np.sqrt(np.diag(covariance) / draws)
    assert np.all(np.abs(counts_RU.mean(axis=0) - n * share) <= 4.5 * error + 1e-12)
    assert np.allclose(np.cov(counts_RU.T).reshape(covariance.shape), covariance, atol=0.05 * covariance.max() + 1e-12)


def test_drawing_kinds_is_drawing_rows() -> None:
    rng = np.random.default_rng(2)
    values_N = rng.integers(0, 3, 300)
    rows_NF = np.eye(3)[values_N]
    names = [str(i) for i in range(300)]
    by_kind = sampling_units(rows_NF, names, values_N)
    by_row = sampling_units(rows_NF, names)
    assert len(by_kind.copies_U) == 3
    assert len(by_row.copies_U) == 300
    assert np.array_equal(by_kind.totals_F, by_row.totals_F)
    found = [
        np.quantile(resample(u, identity, resamples=20_000, rng=np.random.default_rng(8)), [0.025, 0.5, 0.975], axis=0)
        for u in (by_kind, by_row)
    ]
    assert np.allclose(*found, atol=1.0)


def test_clusters_are_drawn_whole() -> None:
    rows_NF = np.eye(4)[[0, 0, 1, 2, 2, 2, 3]]
    units = sampling_units(rows_NF, ["a", "a", "b", "c", "c", "c", "b"])
    sums_RF = resample(units, identity, resamples=500, rng=np.random.default_rng(1))
    assert np.all(sums_RF[:, 0] % 2 == 0)
    assert np.all(sums_RF[:, 2] % 3 == 0)
    assert np.array_equal(sums_RF[:, 1], sums_RF[:, 3])


def test_the_same_seed_gives_the_same_resamples_and_memory_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    units = Units(csr_array(np.eye(40)), np.array([1] * 38 + [30, 40]))

    def draw(seed: int) -> np.ndarray:
        return resample(units, identity, resamples=300, rng=np.random.default_rng(seed))

    whole = draw(4)
    assert np.array_equal(whole, draw(4))
    assert not np.array_equal(whole, draw(5))
    monkeypatch.setattr(bootstrap, "CHUNK_CELLS", 400)
    assert draw(4).shape == whole.shape
    assert np.array_equal(draw(4).sum(axis=1), whole.sum(axis=1))


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_a_bootstrap_that_never_varies_still_gives_a_width(value: float) -> None:
    (low, high), method = bootstrap_interval(
        value, np.full(500, value), units=40, confidence=0.95, span=Span(unseen=0.1)
    )
    assert 0 <= low <= value <= high <= 1
    assert high - low == pytest.approx(0.1)
    assert method == "unseen-outcomes"


def test_an_interval_is_never_narrower_than_what_was_not_seen_allows() -> None:
    values_R = np.array([0.98, 1.0] * 500)
    (low, high), method = bootstrap_interval(0.99, values_R, units=40, confidence=0.95, span=Span(unseen=0.1))
    assert low == pytest.approx(0.99 - 0.1 * 0.99)
    assert high == 1.0
    assert method == "bootstrap-expanded-percentile+unseen-outcomes"
