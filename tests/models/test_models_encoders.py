"""One encoder a task: what is trained on begins with what is generated from, and specials stand where they must."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from writer_room import chat, row, settled

from tiny_models import BOS, CHATML, EOS, GEMMA, IM_END, MASK, PAD
from tunewright.core.encoded import IGNORED, RowContent
from tunewright.core.errors import DataError, RecipeError
from tunewright.models.encoders import chat_encoder, class_encoder, pair_encoder, text_encoder
from tunewright.models.template import ChatTemplate, plain_template

if TYPE_CHECKING:
    from tunewright.core.encoded import EncodedRow

TWO = chat(("user", "Is it?"), ("assistant", "It is."), ("user", "Was it?"), ("assistant", "It was."))


def encoder_of(source: str, frame: str | None = None) -> Any:
    tokenizer = settled(frame)
    found = plain_template(tokenizer) if source == "plain" else ChatTemplate(tokenizer, source, name="test")
    return chat_encoder(tokenizer, found)


def written(encoder: Any, encoded: EncodedRow) -> list[str]:
    """The targets of each span, specials included."""
    own = encoder._tokenizer._tokenizer
    return [own.decode(encoded.input_ids[start:end]) for start, end in encoded.loss_spans]


@pytest.mark.parametrize("source", ["plain", CHATML, GEMMA])
@pytest.mark.parametrize("frame", [None, "<s> $A", "<s> $A </s>"])
def test_every_answer_is_a_target_with_its_stop_token(source: str, frame: str | None) -> None:
    encoder = encoder_of(source, frame)
    [encoded] = encoder.encode([row(TWO)])
    end = encoder.template.end_token
    space = " " if source == "plain" else ""
    assert written(encoder, encoded) == [f"{space}It is.{end}", f"{space}It was.{end}"]
    assert all(encoded.input_ids[stop - 1] in encoder.special.stops for _, stop in encoded.loss_spans)
    assert encoded.input_ids.count(BOS) <= 1
    assert encoder.length(encoded) == len(encoded.input_ids)


def test_bos_stands_first_where_the_tokenizer_adds_it_and_nowhere_else() -> None:
    assert encoder_of("plain", "<s> $A").encode([row(TWO)])[0].input_ids.index(BOS) == 0
    assert BOS not in encoder_of("plain").encode([row(TWO)])[0].input_ids


def test_two_bos_tokens_are_refused() -> None:
    encoder = encoder_of(GEMMA.replace("{{ bos_token }}", "{{ bos_token }}{{ bos_token }}"))
    with pytest.raises(DataError, match="BOS token twice"):
        encoder.encode([row(TWO)])


def test_stops_are_the_eos_the_bases_own_and_the_templates() -> None:
    assert encoder_of(CHATML).special.stops == {EOS, IM_END}
    assert encoder_of("plain").special.stops == {EOS}


@given(st.lists(st.tuples(st.text(min_size=1), st.text(min_size=1)), min_size=1, max_size=3))
def test_the_prompts_ids_begin_the_rows_ids_or_the_row_is_refused(pairs: list[tuple[str, str]]) -> None:
    encoder = ENCODER
    conversation = chat(*(turn for question, answer in pairs for turn in (("user", question), ("assistant", answer))))
    content = row(conversation)
    try:
        [encoded] = encoder.encode([content])
    except DataError:
        return
    prompt = encoder.prompt_ids(content)
    start, end = encoded.loss_spans[-1]
    assert encoded.input_ids[:start] == prompt
    assert encoder.decode(encoded.input_ids[start:end]) == pairs[-1][1].strip()
    places = [place for span in encoded.loss_spans for place in span]
    assert places == sorted(set(places))


ENCODER = encoder_of(CHATML)


def test_a_row_whose_prompt_merges_with_its_answer_is_named() -> None:
    """The tiny tokenizer knows ` the` as one token: a prompt that ends in a blank is cut inside it."""
    open_end = "{% for m in messages %}{{ m.role }}: {{ m.content }}</s>\n{% endfor %}"
    encoder = encoder_of(open_end + "{% if add_generation_prompt %}assistant: {% endif %}")
    fine, odd = row(chat(("user", "A?"), ("assistant", "Yes"))), row(chat(("user", "B?"), ("assistant", "the end")))
    with pytest.raises(DataError, match=r"row 1 \('B\?'\), answer: .* one token with the end of the prompt"):
        encoder.encode([fine, odd])


def test_a_row_that_the_template_refuses_is_named() -> None:
    with pytest.raises(DataError, match=r"row 1 \('Be short\.'\)"):
        encoder_of(GEMMA).encode([row(TWO), row(chat(("system", "Be short."), ("user", "A?"), ("assistant", "B.")))])


def test_a_cut_answer_does_not_end_in_a_stop_token() -> None:
    encoder = encoder_of("plain")
    [encoded] = encoder.encode([row(TWO)])
    start, end = encoded.loss_spans[-1]
    cut = encoder.cut(encoded, end - 2)
    assert cut.input_ids == encoded.input_ids[: end - 2]
    assert cut.loss_spans[-1] == (start, end - 2)
    assert encoder.cut(encoded, start).loss_spans == encoded.loss_spans[:-1]


def test_a_question_without_an_answer_has_no_target_and_a_row_of_two_texts_is_a_chat() -> None:
    encoder = encoder_of("plain")
    question, pair = encoder.encode([row(chat(("user", "Is it?"))), RowContent("Is it?", None, "It is.")])
    assert question.loss_spans == ()
    assert written(encoder, pair) == [" It is.</s>"]
    assert encoder.prompt_ids(RowContent("Is it?")) == pair.input_ids[: pair.loss_spans[0][0]]


def test_the_fingerprint_changes_with_tokenizer_template_layout_and_labels() -> None:
    tokenizer = settled()
    found = [
        encoder_of(CHATML).fingerprint,
        encoder_of("plain").fingerprint,
        encoder_of("plain", "<s> $A").fingerprint,
        pair_encoder(tokenizer).fingerprint,
        text_encoder(tokenizer).fingerprint,
        text_encoder(tokenizer, "masked").fingerprint,
        class_encoder(tokenizer, ["a", "b"]).fingerprint,
        class_encoder(tokenizer, ["b", "a"]).fingerprint,
    ]
    assert len(set(found)) == len(found)
    assert encoder_of(CHATML).fingerprint == found[0]


def test_classes_are_positions_among_the_labels() -> None:
    encoder = class_encoder(settled("<s> $A </s>"), ["no", "yes"])
    one, other = encoder.encode([RowContent("the wind", target="yes"), RowContent("the wind")])
    assert (one.target, other.target) == (1, IGNORED)
    assert (one.input_ids[0], one.input_ids[-1], one.loss_spans) == (BOS, EOS, ())
    assert encoder.cut(one, 3).input_ids == [BOS, one.input_ids[1], EOS]
    assert encoder.cut(one, 3).target == 1


@pytest.mark.parametrize("frame", [None, "$A </s>", "<s> $A </s>"])
def test_a_pair_holds_the_source_and_behind_it_the_labels(frame: str | None) -> None:
    encoder = pair_encoder(settled(frame))
    [encoded] = encoder.encode([RowContent("what is the wind", None, "there is no wind")])
    [(start, end)] = encoded.loss_spans
    source, labels = encoded.input_ids[:start], encoded.input_ids[start:end]
    assert end == len(encoded.input_ids)
    assert source == encoder.prompt_ids(RowContent("what is the wind"))
    assert labels[-1] == EOS
    assert labels.count(EOS) == 1
    assert encoder.decode(labels) == "there is no wind"
    assert encoder.length(encoded) == max(len(source), len(labels))
    cut = encoder.cut(encoded, 4)
    assert len(cut.input_ids) == 8
    assert cut.loss_spans == ((4, 8),)
    assert cut.input_ids[3] == source[-1] if frame else source[3]
    assert cut.input_ids[4:] == labels[:4], "a text that was cut does not end: it has no stop token"
    assert EOS not in cut.input_ids[4:]
    assert encoder.encode([RowContent("what is the wind")])[0].loss_spans == ()


def test_raw_text_is_a_target_from_its_second_token_to_its_eos() -> None:
    for frame, first in ((None, None), ("<s> $A", BOS), ("<s> $A </s>", BOS)):
        encoder = text_encoder(settled(frame))
        [encoded] = encoder.encode([RowContent("there is no wind")])
        assert encoded.input_ids[-1] == EOS
        assert encoded.input_ids.count(EOS) == 1
        assert encoded.loss_spans == ((1, len(encoded.input_ids)),)
        assert first is None or encoded.input_ids[0] == first
        assert encoder.prompt_ids(RowContent("there is no wind")) == encoded.input_ids[:-1]
        assert encoder.cut(encoded, 3).loss_spans == ((1, 3),)


def test_masked_text_keeps_its_specials_out_of_the_span() -> None:
    encoder = text_encoder(settled("<s> $A </s>"), "masked")
    [encoded] = encoder.encode([RowContent("there is no wind")])
    assert encoded.loss_spans == ((1, len(encoded.input_ids) - 1),)
    cut = encoder.cut(encoded, 4)
    assert (cut.input_ids[0], cut.input_ids[-1], cut.loss_spans) == (BOS, EOS, ((1, 3),))
    assert settled()._tokenizer.mask_token_id == settled().mask_id == MASK


def test_a_tokenizer_without_the_special_token_it_takes_is_refused() -> None:
    tokenizer = settled()
    tokenizer._tokenizer.mask_token = tokenizer._tokenizer.eos_token = None
    for build, what in (
        (lambda: text_encoder(tokenizer, "masked"), "mask token"),
        (lambda: text_encoder(tokenizer), "EOS token"),
        (lambda: pair_encoder(tokenizer), "EOS token"),
        (lambda: plain_template(tokenizer), "EOS token"),
    ):
        with pytest.raises(RecipeError, match=what):
            build()


def test_a_padding_token_is_lent_and_no_embedding_is_added() -> None:
    tokenizer = settled()
    assert tokenizer.special.pad == PAD
    own = tokenizer._tokenizer
    size = len(own)
    own.pad_token = None
    bare = type(tokenizer)(own, 128)
    assert bare.special.pad == PAD, "a token that is named after padding is taken first"
    assert len(own) == size
    assert own.pad_token is None


@pytest.mark.datasets
def test_six_thousand_conversations_are_encoded_in_seconds() -> None:
    root = os.environ.get("TUNEWRIGHT_DATASETS")
    if root is None:
        pytest.skip("TUNEWRIGHT_DATASETS names no folder")
    lines = (Path(root) / "dolly_6k" / "dolly_6k.jsonl").read_text(encoding="utf-8").splitlines()
    records = [json.loads(line) for line in lines]
    rows = [row(chat(("user", r["instruction"]), ("assistant", r["response"].strip()))) for r in records]
    began = time.perf_counter()
    encoded = encoder_of("plain").encode(rows)
    assert time.perf_counter() - began < 30, "a quiet machine takes about four seconds"
    assert all(found.loss_spans for found in encoded)
