"""A language model asked for a label, as it is: the base that a tuned classifier must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tunewright.core.encoded import RowContent
from tunewright.core.errors import Problem, RunError
from tunewright.inference.labels import label_nats
from tunewright.inference.likelihood import nats
from tunewright.inference.score import softmax
from tunewright.inference.text_model import evaluating

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tunewright.core.protocols import PromptEncoder

QUESTION = "Which of these labels fits the text? Answer with the label alone.\n\nLabels: {labels}\n\nText: {text}"


class LabelClassifier:
    """A language model that was never tuned for these labels. Implements `core.protocols.Classifier`.

    Each text is put to it as a question that lists the labels. A label's probability is the model's own of answering
    with exactly that label and then stopping, among the labels: the likelihoods are sums over the label's tokens and
    the stop token, not divided by length, so that they are those of whole answers. `encoder` is one of questions and
    answers: `chat_encoder`, with the base's template or the plain one, or `pair_encoder`.
    """

    def __init__(
        self, model: Any, encoder: PromptEncoder, labels: Sequence[str], *, device: str, bf16: bool = False
    ) -> None:
        self._model = model.to(device)
        self._encoder, self._labels, self._bf16 = encoder, tuple(labels), bf16
        self._answers = [self._answer(label) for label in labels]
        self._room = encoder.max_tokens - max(map(len, self._answers), default=0)
        if encoder.layout == "seq2seq":
            self._room = encoder.max_tokens

    @property
    def labels(self) -> Sequence[str]:
        """The class names, in the order of the probabilities' second axis."""
        return self._labels

    def probabilities(self, texts: Sequence[str]) -> NDArray[np.float64]:
        """One row of label probabilities a text, `[N, K]`; a text too long for the context is cut at its end.

        Raises RunError where the labels alone leave no room for a text.
        """
        if not texts:
            return np.empty((0, len(self._labels)), dtype=np.float64)
        questions = [self._fitting(text) for text in texts]
        with evaluating(self._model):
            return softmax(-self._nats(questions))

    def _nats(self, questions: Sequence[str]) -> NDArray[np.float64]:
        encoder, pad_id = self._encoder, self._encoder.special.pad
        if encoder.layout == "seq2seq":
            pairs = [RowContent(question, target=label) for question in questions for label in self._labels]
            found = nats(self._model, encoder.encode(pairs), layout="seq2seq", pad_id=pad_id, bf16=self._bf16)
            return found.reshape(len(questions), len(self._labels))
        prompts = [encoder.prompt_ids(RowContent(question)) for question in questions]
        return label_nats(self._model, prompts, self._answers, pad_id=pad_id, bf16=self._bf16).nats_NK

    def _answer(self, label: str) -> list[int]:
        """The label's tokens and the stop token, as they stand behind every question."""
        (row,) = self._encoder.encode([RowContent(self._question(""), target=label)])
        start, end = row.loss_spans[-1]
        return row.input_ids[start:end]

    def _question(self, text: str) -> str:
        return QUESTION.format(labels=", ".join(self._labels), text=text)

    def _fitting(self, text: str) -> str:
        """The question with as much of the text as the context takes."""
        whole = self._question(text)
        if self._fits(whole):
            return whole
        low, high = 0, len(text)  # the first `low` characters fit, the first `high` do not
        if not self._fits(self._question("")):
            given = (
                f"the question with {len(self._labels)} labels fills the context of {self._encoder.max_tokens} tokens"
            )
            raise RunError(
                Problem("baseline", given, "room for a text", "raise `model.max_tokens`, or use fewer labels")
            )
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._fits(self._question(text[:middle])) else (low, middle)
        return self._question(text[:low])

    def _fits(self, question: str) -> bool:
        return len(self._encoder.prompt_ids(RowContent(question))) <= self._room
