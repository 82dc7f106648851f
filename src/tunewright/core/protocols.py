"""What the rooms ask of one another, each as small as its callers allow."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    from tunewright.core.encoded import EncodedRow, Layout, RowContent, SpecialIds
    from tunewright.core.generated import Decoding, Generated, Wrote
    from tunewright.core.places import WordPlace
    from tunewright.core.private import PrivateSpan
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


class RowEncoder(Protocol):
    """Called by the data room to turn rows into token ids; it must not truncate, pad, warn or touch the rows."""

    @property
    def layout(self) -> Layout:
        """How ids and targets lie."""

    @property
    def max_tokens(self) -> int:
        """The longest sequence the model accepts; of `seq2seq`, for each of its two sides."""

    @property
    def fingerprint(self) -> str:
        """A hash that changes whenever any row could be encoded differently: tokenizer, template, labels."""

    @property
    def special(self) -> SpecialIds:
        """The token ids that mean something."""

    def encode(self, rows: Sequence[RowContent]) -> list[EncodedRow]:
        """One encoded row a row, at its full length. Raises DataError naming the first row that cannot be rendered."""

    def cut(self, row: EncodedRow, max_tokens: int) -> EncodedRow:
        """The row shortened to `max_tokens`, its spans with it.

        Special tokens that close a text which is read stay. A text to write that is cut has no stop token: it does not
        end there.
        """

    def length(self, row: EncodedRow) -> int:
        """The tokens to hold against `max_tokens`: all of them; of `seq2seq`, those of the longer side."""

    def frame(self, row: EncodedRow) -> tuple[int, int]:
        """How many special tokens open the row, and how many close it."""


class PrivateFinder(Protocol):
    """Called by the data room with texts that hold what no pattern tells, such as names; it must not keep them."""

    def find(self, texts: Sequence[str]) -> list[Sequence[PrivateSpan]]:
        """The private spans of each text, in the order given; they may overlap."""


class Classifier(Protocol):
    """Called by evaluation and serving with texts in any order; it must not keep or change them."""

    @property
    def labels(self) -> Sequence[str]:
        """The class names, in the order of the probabilities' second axis."""

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """One row of class probabilities a text, `[N, K]`, in the order given."""


class ToxicityScorer(Protocol):
    """Called by the data room with texts that may insult, threaten or demean; it must not keep them."""

    def scores(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """How likely each text is toxic, from 0 to 1, `[N]`, in the order given."""


class WordSuggester(Protocol):
    """Called by the data room for words that could stand in the place of others; it must not keep the texts."""

    def suggest(self, places: Sequence[WordPlace]) -> list[Sequence[str]]:
        """Words for each place, the best first and never the one that stands there; none where it knows none."""


class Rewriter(Protocol):
    """Called by the data room with texts to say in other words; it must not keep them."""

    def rewrite(self, texts: Sequence[str], *, seed: int) -> list[str | None]:
        """Each text in other words, by draws that follow from the seed and the text; None where it did not end."""


class Embedder(Protocol):
    """Called by baselines; it returns the untuned base's view of a text."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector a text, `[N, D]`, in the order given."""


class PromptEncoder(RowEncoder, Protocol):
    """A RowEncoder of a task whose targets are written by the model."""

    def prompt_ids(self, row: RowContent) -> list[int]:
        """The ids the model is given before it answers: those that stand before the last answer in `encode`.

        A row's own answer, if it has one, is left out.
        """

    def decode(self, ids: Sequence[int]) -> str:
        """The text of generated ids, without special tokens."""

    def bytes_of(self, ids: Sequence[int]) -> int:
        """UTF-8 bytes that ids spell, wherever they begin and end; special tokens spell none."""


class Generator(Protocol):
    """Called by evaluation, chat and serving; answers come in the order of the prompts."""

    def generate(self, prompts: Sequence[RowContent], decoding: Decoding) -> list[Generated]:
        """One answer a prompt. The same prompt gets the same answer whatever stands beside it, up to rounding."""


class Scorer(Protocol):
    """Called by evaluation with encoded rows in any order."""

    def nats(self, rows: Sequence[EncodedRow]) -> NDArray[np.float64]:
        """Minus the log-likelihood of each row's targets, summed over its tokens, `[N]`, in nats."""


class Watch(Protocol):
    """Called by the pipeline around a model's writing of answers; it decides nothing."""

    def __call__(self, what: str, total: int, /) -> AbstractContextManager[Wrote]:
        """Within it, what was called is told how many of `total` answers `what` has; leaving it ends the showing."""


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
