"""The bytes of tokens add up to the bytes of the text, wherever it is cut."""

from __future__ import annotations

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tunewright.core.encoded import RowContent
from tunewright.data.overlength import windows
from tunewright.models.base import Base, read_facts
from tunewright.models.encoders import text_encoder
from tunewright.models.tokenizer import SettledTokenizer, load_tokenizer
from tunewright.starter.lm import lm_folder

TEXTS = {
    "Latin": "  The wind rose, and na\u00efve caf\u00e9s closed early that day. " * 9,
    "Cyrillic": "\u0412\u0435\u0442\u0435\u0440 \u043f\u043e\u0434\u043d\u044f\u043b\u0441\u044f. " * 20,
    "Chinese": "\u4eca\u5929\u5929\u6c14\u5f88\u597d\uff0c\u6211\u4eec\u53bb\u516c\u56ed\u6563\u6b65\u3002" * 20,
}


@pytest.mark.parametrize("script", TEXTS)
@pytest.mark.parametrize("context", [64, 7])
def test_the_bytes_of_all_windows_are_the_texts_but_for_its_first_token(script: str, context: int) -> None:
    tokenizer = starter(context)
    encoder = text_encoder(tokenizer)
    [row] = encoder.encode([RowContent(TEXTS[script])])
    pieces = windows(row, encoder)
    counted = [encoder.bytes_of(piece.input_ids[a:b]) for piece in pieces for a, b in piece.loss_spans]
    assert len(pieces) > 2
    assert sum(counted) + encoder.bytes_of(row.input_ids[:1]) == len(TEXTS[script].encode())
    assert all(
        encoder.bytes_of(row.input_ids[:n]) + encoder.bytes_of(row.input_ids[n:]) == len(TEXTS[script].encode())
        for n in range(len(row.input_ids))
    )


def test_special_tokens_spell_nothing() -> None:
    tokenizer = starter(64)
    special = tokenizer.special
    assert tokenizer.bytes_of([*sorted(special.stops), special.pad]) == 0
    assert tokenizer.bytes_of([]) == 0


def test_sentencepieces_bytes_blanks_and_added_words_are_counted() -> None:
    words = {"<unk>": 0, "\u2581the": 1, "<0xE4>": 2, "<0xBB>": 3, "<0x8A>": 4, "\u00e9": 5}
    tokenizer = Tokenizer(models.BPE(words, [], unk_token="<unk>", byte_fallback=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.decoder = decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace()])
    tokenizer.add_tokens([AddedToken("\u00fc\u00fc", special=False)])
    settled = SettledTokenizer(PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>"), 32)
    assert [settled.bytes_of([number]) for number in range(7)] == [0, 4, 1, 1, 1, 2, 4]


def test_bytes_of_tokens_without_their_blanks_are_those_of_the_decoded_text() -> None:
    tokenizer = Tokenizer(models.WordPiece({"[UNK]": 0, "the": 1, "wind": 2, "##s": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.decoder = decoders.WordPiece()
    settled = SettledTokenizer(PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]"), 32)
    assert settled.token_bytes is None
    assert settled.bytes_of([1, 2, 3]) == len("the winds")


def starter(context: int) -> SettledTokenizer:
    base = Base("starter/lm", "folder", lm_folder(), "")
    return load_tokenizer(base, read_facts(base, "starter/lm"), max_tokens=context)
