"""Words and texts that models suggest: of known embeddings and biases, so that the answers are known too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from tunewright.core.encoded import RowContent
from tunewright.core.generated import Decoding, Generated
from tunewright.core.places import WordPlace
from tunewright.inference.fill import MaskSuggester
from tunewright.inference.neighbours import NeighbourSuggester
from tunewright.inference.rewrite import BackTranslator, Paraphraser
from tunewright.inference.whole_words import whole_words
from tunewright.models.tokenizer import SettledTokenizer

if TYPE_CHECKING:
    from collections.abc import Sequence

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WORDS = ("card", "cards", "Card", "money", "cash", "lost", "gone", "7", "x", "##ing")
DECODING = Decoding(8, temperature=1.0)


@pytest.fixture(scope="module")
def tokenizer() -> SettledTokenizer:
    """Whole words, a number, a letter, and a piece of a word."""
    from tokenizers import Tokenizer  # noqa: PLC0415
    from tokenizers.models import WordLevel  # noqa: PLC0415
    from tokenizers.pre_tokenizers import WhitespaceSplit  # noqa: PLC0415
    from tokenizers.processors import TemplateProcessing  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    backend = Tokenizer(WordLevel({w: n for n, w in enumerate((*SPECIAL, *WORDS))}, unk_token="[UNK]"))
    backend.pre_tokenizer = WhitespaceSplit()
    backend.post_processor = TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)])
    names = {"pad": "[PAD]", "unk": "[UNK]", "cls": "[CLS]", "sep": "[SEP]", "mask": "[MASK]"}
    return SettledTokenizer(
        PreTrainedTokenizerFast(tokenizer_object=backend, **{f"{k}_token": v for k, v in names.items()}), 12
    )


def place(text: str, word: str) -> WordPlace:
    start = text.index(word)
    return WordPlace(text, start, start + len(word))


def test_only_words_of_letters_that_are_one_token_are_whole(tokenizer: SettledTokenizer) -> None:
    assert set(whole_words(tokenizer).values()) == {"card", "cards", "Card", "money", "cash", "lost", "gone"}


def test_neighbours_come_in_the_order_of_their_cosines(tokenizer: SettledTokenizer) -> None:
    angles = {"card": 0, "Card": 1, "cards": 10, "money": 40, "cash": 50, "lost": 80, "gone": 170}
    table = np.zeros((len(SPECIAL) + len(WORDS), 2), dtype=np.float32)
    for word, angle in angles.items():
        row = (*SPECIAL, *WORDS).index(word)
        table[row] = (1 + row) * np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
    suggester = NeighbourSuggester(table, tokenizer, nearest=2, least_similarity=0.7)
    told = suggester.suggest([place("my card", "card"), place("gone !", "gone"), place("7 x", "7"), place("a b", "b")])
    assert list(map(tuple, told)) == [("cards", "money"), (), (), ()]
    near = NeighbourSuggester(table, tokenizer, nearest=9, least_similarity=0.0)
    assert near.suggest([place("cash", "cash")]) == [("money", "lost", "cards", "Card", "card")]


@pytest.fixture(scope="module")
def masked() -> Any:
    """A small masked language model that prefers `cash`, then `lost`, then `card` wherever it is asked."""
    import torch  # noqa: PLC0415
    from transformers import BertConfig, BertForMaskedLM  # noqa: PLC0415

    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    model = BertForMaskedLM(BertConfig(vocab_size=len(SPECIAL) + len(WORDS), max_position_embeddings=16, **sizes))
    bias = model.cls.predictions.bias
    with torch.no_grad():
        bias.zero_()
        for strength, word in ((40.0, "cash"), (30.0, "lost"), (20.0, "card"), (99.0, "7"), (99.0, "[SEP]")):
            bias[(*SPECIAL, *WORDS).index(word)] = strength
    return model.eval()


def test_a_masked_model_suggests_whole_words_alone_and_never_the_one_that_stands_there(
    masked: Any, tokenizer: SettledTokenizer
) -> None:
    suggester = MaskSuggester(masked, tokenizer, device="cpu", likeliest=2)
    asked = [place("card gone", "gone"), place("my cash is gone", "cash"), place("lost", "lost")]
    assert suggester.suggest(asked) == [("cash", "lost"), ("lost", "card"), ("cash", "card")]
    beyond = " ".join(["money"] * 20) + " gone"
    assert suggester.suggest([place(beyond, "gone"), asked[0]]) == [(), ("cash", "lost")]
    assert suggester.suggest([]) == []


@dataclass
class Shouts:
    """A generator that answers with its prompt in capitals and a mark; it does not end on texts of `never`."""

    mark: str

    def generate(self, prompts: Sequence[RowContent], decoding: Decoding) -> list[Generated]:
        return [
            Generated(f" {row.input.upper()}{self.mark}{decoding.seed % 3} ", 3, "never" not in row.input.lower())
            for row in prompts
        ]


def test_a_text_goes_there_and_comes_back_or_is_given_up() -> None:
    translator = BackTranslator(Shouts(">"), Shouts("<"), DECODING, prefix_there="en: ", prefix_back="de: ")
    first = translator.rewrite(["one", "never", "two"], seed=3)
    assert first == translator.rewrite(["one", "never", "two"], seed=3)
    assert first[1] is None
    assert str(first[0]).startswith("DE: EN: ONE>")
    assert len({tuple(translator.rewrite(["one"], seed=seed)) for seed in range(9)}) > 1


def test_a_paraphrase_is_what_is_answered_and_one_that_does_not_end_is_none() -> None:
    asked = Paraphraser(Shouts("!"), lambda text: RowContent(f"again: {text}"), DECODING)
    found = asked.rewrite(["one", "never"], seed=2)
    assert found == ["AGAIN: ONE!2", None]
