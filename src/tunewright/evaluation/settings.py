"""How intervals and tests are made."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ScoreSettings:
    """Level of every interval, resamples of every bootstrap and randomisation test, and the root seed of both."""

    confidence: float = 0.95
    resamples: int = 10_000
    seed: int = 13

    def __post_init__(self) -> None:
        if not 0.5 < self.confidence < 1:
            raise ValueError(f"confidence {self.confidence} lies outside 0.5 to 1")
        if self.resamples < 100:
            raise ValueError(f"{self.resamples} resamples are too few for an interval: take at least 100")
