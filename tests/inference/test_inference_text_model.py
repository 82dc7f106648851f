"""A model with its encoder: texts in, texts out, in whole characters; the adapter switched off is the base."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from tiny_models import CHATML, tiny_model
from tunewright.core.encoded import RowContent
from tunewright.core.errors import RunError
from tunewright.core.generated import Decoding, Generated
from tunewright.inference.text_model import TextModel
from tunewright.models.base import Base, read_facts
from tunewright.models.encoders import chat_encoder, pair_encoder, text_encoder
from tunewright.models.template import settle_template
from tunewright.models.tokenizer import SettledTokenizer, load_tokenizer

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

ROWS = [RowContent("what is the weather like there?"), RowContent("no"), RowContent("is it fine? " * 4)]
GREEDY = Decoding(max_new_tokens=16)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> SettledTokenizer:
    return settled(tiny_model("qwen2", tmp_path_factory.mktemp("qwen2"), template=CHATML))


def settled(folder: Path) -> SettledTokenizer:
    base = Base("tiny", "folder", folder, "")
    return load_tokenizer(base, read_facts(base, "tiny"), max_tokens=None)


@pytest.fixture
def chat(tiny: Callable[..., Any], tokenizer: SettledTokenizer, tmp_path: Path) -> TextModel:
    return TextModel(tiny("qwen2"), chat_encoder(tokenizer, settle_template(tokenizer, "auto", tmp_path)), device="cpu")


def followed(stream: Generator[str, None, Generated]) -> tuple[list[str], Generated]:
    """All pieces, and what the stream returns."""
    pieces = []
    while True:
        try:
            pieces.append(next(stream))
        except StopIteration as end:
            return pieces, end.value


class Fixed(torch.nn.Module):
    """A causal model that writes the given ids after any prompt of `begun` tokens, and nothing else."""

    def __init__(self, like: Any, ids: list[int], begun: int) -> None:
        super().__init__()
        self.like, self.ids, self.begun, self.config = like, ids, begun, like.config
        self.lm_head = like.lm_head

    def get_output_embeddings(self) -> Any:
        return self.like.lm_head

    def forward(self, input_ids: Any = None, position_ids: Any = None, past_key_values: Any = None, **more: Any) -> Any:
        output = self.like(input_ids=input_ids, position_ids=position_ids, past_key_values=past_key_values, **more)
        at = (self.begun - 1 if input_ids.shape[1] > 1 else int(position_ids[0, 0])) - self.begun + 1
        output.logits[:, :, self.ids[at]] = 1e4
        return output


def test_answers_are_those_of_each_row_alone_in_order(chat: TextModel) -> None:
    together = chat.generate(ROWS, GREEDY)
    assert [chat.generate([row], GREEDY)[0] for row in ROWS] == together
    assert all(1 <= answer.new_tokens <= 16 for answer in together)
    assert chat.generate([RowContent(ROWS[0].input, target="its own answer")], GREEDY)[0] == together[0]
    assert chat.device.type == "cpu"


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_the_pieces_of_a_stream_make_the_answer(chat: TextModel, temperature: float) -> None:
    decoding = Decoding(max_new_tokens=40, temperature=temperature)
    for row, answer in zip(ROWS, chat.generate(ROWS, decoding), strict=True):
        pieces, returned = followed(chat.stream(row, decoding))
        assert "".join(pieces) == answer.text
        assert returned == answer
    assert list(chat.stream(ROWS[0], decoding, interrupted=lambda: True)) == []


def test_no_character_comes_in_halves(tiny: Callable[..., Any], tokenizer: SettledTokenizer) -> None:
    text = "né €5 😀 fin"
    ids = [*tokenizer.encode([text])[0], *tokenizer.special.stops]
    assert len(ids) > len(text), "characters of several tokens each"
    encoder = text_encoder(tokenizer)
    model = TextModel(Fixed(tiny("qwen2"), ids, len(encoder.prompt_ids(ROWS[0]))), encoder, device="cpu")
    decoding = Decoding(max_new_tokens=60)
    (answer,) = model.generate([ROWS[0]], decoding)
    assert (answer.text, answer.new_tokens, answer.stopped) == (text, len(ids), True)
    pieces = list(model.stream(ROWS[0], decoding))
    assert "".join(pieces) == text
    assert all("\ufffd" not in piece for piece in pieces)
    assert "😀" in pieces
    cut = Decoding(max_new_tokens=len(tokenizer.encode(["né €5 "])[0]) + 2)  # ends within a character
    (answer,) = model.generate([ROWS[0]], cut)
    assert "".join(model.stream(ROWS[0], cut)) == answer.text
    assert not answer.stopped


def test_the_loss_of_an_answer_falls_where_the_model_itself_wrote_it(chat: TextModel) -> None:
    encoder = chat._encoder  # the rows must be those of the model's own encoder
    rows = encoder.encode([RowContent(row.input, target="the weather") for row in ROWS])
    found = chat.nats(rows)
    np.testing.assert_allclose(found, [chat.nats([row])[0] for row in rows], atol=1e-4)
    assert (found > 0).all()


def test_with_the_adapter_off_it_is_the_base(tiny: Callable[..., Any], chat: TextModel) -> None:
    from peft import LoraConfig, get_peft_model  # noqa: PLC0415  # slow to import

    base = chat.generate(ROWS, GREEDY)
    adapted = get_peft_model(copy.deepcopy(tiny("qwen2")), LoraConfig(task_type="CAUSAL_LM", init_lora_weights=False))
    tuned = TextModel(adapted, chat._encoder, device="cpu")
    assert tuned.generate(ROWS, GREEDY) != base
    rows = chat._encoder.encode([RowContent(row.input, target="fine") for row in ROWS])
    with tuned.adapter_disabled() as untuned:
        assert untuned.generate(ROWS, GREEDY) == base
        assert "".join(untuned.stream(ROWS[0], GREEDY)) == base[0].text
        np.testing.assert_array_equal(untuned.nats(rows), chat.nats(rows))
    assert tuned.generate(ROWS, GREEDY) != base
    with pytest.raises(RunError, match="no adapter"), chat.adapter_disabled():
        pass


def test_every_module_is_left_in_the_mode_it_was_in(tiny: Callable[..., Any], chat: TextModel) -> None:
    model = copy.deepcopy(tiny("qwen2")).train()
    model.model.layers[0].eval()
    before = [module.training for module in model.modules()]
    TextModel(model, chat._encoder, device="cpu").generate(ROWS[:1], GREEDY)
    assert [module.training for module in model.modules()] == before


def test_a_source_beyond_the_context_is_cut_and_answered(tiny: Callable[..., Any], tmp_path: Path) -> None:
    encoder = pair_encoder(settled(tiny_model("t5", tmp_path)))
    model = TextModel(tiny("t5"), encoder, device="cpu")
    long, longer = (RowContent("is it fine? " * count) for count in (200, 300))
    assert model.generate([long], GREEDY) == model.generate([longer], GREEDY)
    assert model.generate([long], GREEDY)[0].new_tokens


def test_a_masked_model_writes_nothing(tiny: Callable[..., Any], tmp_path: Path) -> None:
    encoder = text_encoder(settled(tiny_model("bert", tmp_path)), "masked")
    with pytest.raises(RunError, match="writes no text"):
        TextModel(tiny("bert"), encoder, device="cpu").generate(ROWS, GREEDY)
