"""Words and the pieces of real tokenizers: each word has a first piece of its own, which begins where the word does."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writer_room import tokenizer_of

from tunewright.core.encoded import RowContent
from tunewright.core.spans import Span, to_json, words_of
from tunewright.models.tag_encoder import NO_PIECE, TagEncoder, first_pieces
from tunewright.starter.lm import lm_folder

BYTES = tokenizer_of(lm_folder())
TEXTS = st.text(alphabet="aB1 .,-é'東\u0301\n@", max_size=30)


@given(TEXTS)
def test_a_first_piece_overlaps_its_word_and_is_no_other_words(text: str) -> None:
    (encoding,) = BYTES.encode_placed([text])
    words = words_of(text)
    firsts = first_pieces(encoding, words)
    own = [at for at in firsts if at != NO_PIECE]
    assert own == sorted(set(own))
    for (start, end), at in zip(words, firsts, strict=True):
        if at != NO_PIECE:
            begin, stop = encoding.offsets[at]
            assert begin < end
            assert stop > start
            others = encoding.offsets[:at]
            assert not any(a < end and b > start and b > a >= start for a, b in others)


@pytest.mark.parametrize("text", ["Krisztián Szöllösy, of Dún Laoghaire", "  call 4454794511390933?", "a\n\nb"])
def test_words_of_a_text_all_have_pieces(text: str) -> None:
    (encoding,) = BYTES.encode_placed([text])
    words = words_of(text)
    firsts = first_pieces(encoding, words)
    assert NO_PIECE not in firsts
    for (start, end), at in zip(words, firsts, strict=True):
        begin, stop = encoding.offsets[at]
        assert text[begin:stop].strip()
        assert text[start:end].startswith(text[begin:stop].strip()[:1])


def test_pieces_behind_the_first_have_no_target() -> None:
    text = "Dún Laoghaire is far"
    encoder = TagEncoder(BYTES, ("PLACE",))
    (row,) = encoder.encode([RowContent(text, target=to_json([Span(0, 13, "PLACE")]))])
    assert row.values == (1.0, 2.0, 0.0, 0.0)
    assert row.trained == 4
    assert len(row.input_ids) > 4, "a text of more pieces than words"


def test_a_row_without_a_target_has_none_and_labels_are_in_the_fingerprint() -> None:
    (row,) = TagEncoder(BYTES, ()).encode([RowContent("a text")])
    assert (row.loss_spans, row.values) == ((), ())
    assert TagEncoder(BYTES, ("A",)).fingerprint != TagEncoder(BYTES, ("B",)).fingerprint
