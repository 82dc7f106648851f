"""Rows as a model takes them: token ids, and which of them the model is to predict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

Layout = Literal["classes", "values", "label_sets", "tags", "causal", "seq2seq", "masked"]
"""How ids and targets lie.

- `classes`: the ids of a text; the target is a class index, and no token has a loss.
- `values`: the ids of a text; the target is a number, and no token has a loss.
- `label_sets`: the ids of a text; the target is a 1 or 0 for each label, and no token has a loss.
- `tags`: the ids of a text; the spans hold the first piece of each word, whose targets are tags.
- `causal`: the ids of a whole text; a span's tokens are each predicted from those before it.
- `seq2seq`: the encoder's ids, then the decoder's labels; the one span covers the labels.
- `masked`: the ids of a text; the span's tokens may be masked, by a draw that follows from the seed.
"""

OF_ROWS: Final = frozenset({"classes", "values", "label_sets"})
"""Layouts whose target is of a row as a whole: no token of it has a loss."""

READING: Final = OF_ROWS | {"tags"}
"""Layouts of models that read a text: what they give is no token of their vocabulary."""

IGNORED = -100
"""A target without a loss."""


@dataclass(frozen=True, slots=True)
class RowContent:
    """What a row says, of the columns of ROW_COLUMNS: what an encoder is given."""

    input: str
    messages: str | None = None
    """JSON text of a `core.conversation.Conversation`."""
    target: str | None = None


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """One row of token ids."""

    input_ids: list[int]
    loss_spans: tuple[tuple[int, int], ...] = ()
    """(start, end) positions whose tokens are targets, in order, without overlap; of `causal`, never position 0."""
    target: int = IGNORED
    """Class index of a classified row."""
    values: tuple[float, ...] = ()
    """Of `values`: the number; of `label_sets`: 1 or 0 for each label; of `tags`: the number of the tag of each token
    in the spans; nothing of a row without a target."""

    def values_between(self, start: int, end: int) -> tuple[float, ...]:
        """Of `tags`: the values of the tokens in the spans from position `start` to `end`."""
        before = sum(max(0, min(b, start) - a) for a, b in self.loss_spans)
        inside = sum(max(0, min(b, end) - max(a, start)) for a, b in self.loss_spans)
        return self.values[before : before + inside]

    @property
    def trained(self) -> int:
        """How many tokens are targets."""
        return sum(end - start for start, end in self.loss_spans)


@dataclass(frozen=True, slots=True)
class SpecialIds:
    """Token ids that mean something, and how they are written; None where the vocabulary has none such."""

    bos: int | None
    eos: int | None
    pad: int
    """Fills up short rows; attention never sees it."""
    stops: frozenset[int]
    """Generation ends at any of these, and every trained answer must end in one."""
    unknown: int | None = None
    """Stands for what the vocabulary cannot write."""
    texts: frozenset[str] = frozenset()
    """Special tokens as they are written: in a row's text they would become the token itself."""

    def written_in(self, text: str) -> tuple[str, ...]:
        """The special tokens that stand in the text, where the model reads each as the token itself."""
        return tuple(token for token in sorted(self.texts) if token.strip() and token in text)
