"""Words that a masked language model finds likely in the place of others.

Axes: B rows of a pass, T tokens, V vocabulary, N places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tunewright.core.errors import Problem, RunError
from tunewright.data.batching import micro_batches
from tunewright.inference.classify import encode_cut
from tunewright.inference.likelihood import PASS_LOGITS
from tunewright.inference.score import SCORE_TOKENS, pad
from tunewright.inference.whole_words import whole_words
from tunewright.models.output_head import labelled_only

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.core.places import WordPlace
    from tunewright.models.tokenizer import SettledTokenizer


class MaskSuggester:
    """A masked language model on the device. Implements `core.protocols.WordSuggester`.

    Raises RunError where the tokenizer has no mask token.
    """

    def __init__(self, model: Any, tokenizer: SettledTokenizer, *, device: str, likeliest: int) -> None:
        if tokenizer.mask_id is None:
            given = "the tokenizer has no mask token"
            raise RunError(Problem("data.augment.methods", given, "a masked language model", "name another model"))
        self._model, self._tokenizer = model.to(device).eval(), tokenizer
        self._mask_id, self._likeliest = tokenizer.mask_id, likeliest
        self._words = whole_words(tokenizer)
        known = torch.zeros(model.config.get_text_config().vocab_size, dtype=torch.bool)
        known[[number for number in self._words if number < len(known)]] = True
        self._known_V = known.to(device)

    def suggest(self, places: Sequence[WordPlace]) -> list[Sequence[str]]:
        """Whole words for each place, the likeliest first; none where the place lies beyond the model's context."""
        mask = self._tokenizer.spell([self._mask_id])
        ids = encode_cut(self._tokenizer, [place.filled(mask) for place in places])
        held = np.array([n for n, row in enumerate(ids) if row.count(self._mask_id) == 1], dtype=np.int64)
        lengths_N = np.array([len(row) for row in ids], dtype=np.int64)
        budget = min(SCORE_TOKENS, max(1, 8 * PASS_LOGITS // len(self._known_V)))
        found: list[Sequence[str]] = [()] * len(places)
        for chosen in micro_batches(held, lengths_N, budget) if len(held) else ():
            likeliest = self._likely([ids[int(n)] for n in chosen])
            for n, numbers in zip(chosen, likeliest, strict=True):
                own = places[int(n)].word.casefold()
                words = dict.fromkeys(self._words[number] for number in numbers)
                found[int(n)] = tuple(word for word in words if word.casefold() != own)[: self._likeliest]
        return found

    def _likely(self, ids: Sequence[Sequence[int]]) -> list[list[int]]:
        """The likeliest whole words' tokens at the mask of each row, one more than are asked for."""
        ids_BT, mask_BT = (part.to(self._known_V.device) for part in pad(ids, self._tokenizer.pad_id))
        wanted_BT = ids_BT == self._mask_id
        with torch.inference_mode(), labelled_only(self._model, wanted_BT):
            logits = self._model(input_ids=ids_BT, attention_mask=mask_BT).logits
        gathered = logits.shape[:2] == (1, len(ids))  # else the head is no module, and all positions came
        logits_BV = logits[0] if gathered else logits[wanted_BT]
        scores_BV = logits_BV.float().masked_fill(~self._known_V, -torch.inf)
        count = min(self._likeliest + 1, len(self._words))
        numbers: list[list[int]] = scores_BV.topk(count, dim=-1).indices.tolist()
        return numbers
