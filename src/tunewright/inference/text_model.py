"""A model that writes, with its encoder: behind the core Protocols Generator and Scorer."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from tunewright.core.encoded import EncodedRow
from tunewright.core.errors import Problem, RunError
from tunewright.core.generated import Generated, unwatched
from tunewright.inference.generate import generate_ids, stream_ids
from tunewright.inference.likelihood import nats

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator, Sequence

    import numpy as np
    import torch
    from numpy.typing import NDArray

    from tunewright.core.encoded import RowContent
    from tunewright.core.generated import Decoding, Wrote
    from tunewright.core.protocols import PromptEncoder

BROKEN = "\ufffd"
"""What stands for bytes that are no character, or none yet."""


class TextModel:
    """A language model on the device. Implements `core.protocols.Generator` and `core.protocols.Scorer`.

    It runs in eval mode; modules that were in train mode are so again after each call. `mask_id` is needed to score
    rows of the layout `masked` alone.
    """

    def __init__(
        self, model: Any, encoder: PromptEncoder, *, device: str, bf16: bool = False, mask_id: int | None = None
    ) -> None:
        self._model = model.to(device)
        self._encoder = encoder
        self._bf16 = bf16
        self._mask_id = mask_id

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        found: torch.device = next(self._model.parameters()).device
        return found

    def generate(
        self, prompts: Sequence[RowContent], decoding: Decoding, *, wrote: Wrote = unwatched
    ) -> list[Generated]:
        """One answer a prompt, in the order given; a row's own answer is not looked at.

        A prompt that fills the context gets an empty answer, and whether it would have stopped is unknown; a source
        text of `seq2seq` is cut to the context as in training. `wrote` is told how far it is.
        """
        ids = [self._prompt(row) for row in prompts]
        with evaluating(self._model):
            found = generate_ids(self._model, ids, decoding=decoding, wrote=wrote, **self._limits())
        return [Generated(self._encoder.decode(row.answer), len(row.ids), row.stopped) for row in found]

    def stream(
        self, row: RowContent, decoding: Decoding, interrupted: Callable[[], bool] = lambda: False
    ) -> Generator[str, None, Generated]:
        """Pieces of one answer as they are written: joined, what `generate` gives, which is returned in the end. No
        character comes in halves.

        Ends early once `interrupted()`, which is asked before every token.
        """
        ids: list[int] = []
        sent = ""
        limits = self._limits()
        stops = limits["stops"]
        tokens = stream_ids(self._model, self._prompt(row), decoding=decoding, interrupted=interrupted, **limits)
        with evaluating(self._model):
            for token in tokens:
                ids.append(token)
                whole = self._encoder.decode(ids if token not in stops else ids[:-1]).rstrip(BROKEN)
                if whole.startswith(sent) and len(whole) > len(sent):
                    yield whole[len(sent) :]
                    sent = whole
        stopped = bool(ids) and ids[-1] in stops
        text = self._encoder.decode(ids[:-1] if stopped else ids)
        if len(text) > len(sent):
            yield text[len(sent) :]
        return Generated(text, len(ids), stopped)

    def nats(self, rows: Sequence[EncodedRow]) -> NDArray[np.float64]:
        """Minus the log-likelihood of each row's targets, summed over its tokens, `[N]`, in nats."""
        special, layout = self._encoder.special, self._encoder.layout
        with evaluating(self._model):
            return nats(self._model, rows, layout=layout, pad_id=special.pad, mask_id=self._mask_id, bf16=self._bf16)

    @contextlib.contextmanager
    def adapter_disabled(self) -> Iterator[TextModel]:
        """Within it this is the untuned base. Raises RunError for a model without an adapter: it has lost its base."""
        if not hasattr(self._model, "disable_adapter"):
            given = f"{type(self._model).__name__} has no adapter that could be switched off"
            raise RunError(Problem("model", given, "a model with an adapter", "load the base itself"))
        with self._model.disable_adapter():
            yield self

    def _prompt(self, row: RowContent) -> list[int]:
        ids = self._encoder.prompt_ids(row)
        if self._encoder.layout == "seq2seq":
            return self._encoder.cut(EncodedRow(ids), self._encoder.max_tokens).input_ids
        return ids

    def _limits(self) -> dict[str, Any]:
        if self._encoder.layout not in {"causal", "seq2seq"}:
            given = f"a model of the layout {self._encoder.layout!r} writes no text"
            raise RunError(Problem("model", given, "a causal or text-to-text model", "choose another base"))
        special = self._encoder.special
        return {
            "stops": special.stops,
            "pad_id": special.pad,
            "layout": self._encoder.layout,
            "max_tokens": self._encoder.max_tokens,
            "bf16": self._bf16,
        }


@contextlib.contextmanager
def evaluating(model: Any) -> Iterator[None]:
    """Within it the model is in eval mode; afterwards every module is in the mode it was in."""
    trained = [module for module in model.modules() if module.training]
    model.eval()
    try:
        yield
    finally:
        for module in trained:
            module.training = True
