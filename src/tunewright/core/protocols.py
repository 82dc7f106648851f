"""What the rooms ask of one another, each as small as its callers allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from tunewright.core.training import EvaluationReport, StepReport


class Tokenizer(Protocol):
    """Called by the data room to count and encode; it must not truncate, pad or warn."""

    @property
    def max_tokens(self) -> int:
        """The longest sequence the model accepts, special tokens included."""

    @property
    def fingerprint(self) -> str:
        """A hash that changes whenever any text could be encoded differently."""

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """One list of token ids a text, special tokens included."""

    def cut(self, ids: Sequence[int], max_tokens: int) -> list[int]:
        """The ids shortened to `max_tokens`, its closing special tokens kept."""


class Classifier(Protocol):
    """Called by evaluation and serving with texts in any order; it must not keep or change them."""

    @property
    def labels(self) -> Sequence[str]:
        """The class names, in the order of the probabilities' second axis."""

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """One row of class probabilities a text, `[N, K]`, in the order given."""


class Embedder(Protocol):
    """Called by baselines; it returns the untuned base's view of a text."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector a text, `[N, D]`, in the order given."""


class Observer(Protocol):
    """Called by the pipeline after every step and evaluation of training; it returns nothing and decides nothing."""

    def on_start(self, plan: Mapping[str, object]) -> None:
        """Once, before the first step of this process, with the resolved plan (`total_steps`, `start_step`, …)."""

    def on_step(self, report: StepReport) -> None:
        """After each optimiser step."""

    def on_evaluation(self, report: EvaluationReport) -> None:
        """After each evaluation on the validation split."""

    def on_end(self, reason: str) -> None:
        """Once, when training stopped, with the reason."""
