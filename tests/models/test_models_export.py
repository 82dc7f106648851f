"""What leaves a run is what was trained: weights, adapter, tokenizer, template, and the very ids of its rows."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
import transformers
from peft import PeftModel
from writer_room import WEATHER, chat, logits, row, step, tokenizer_of

from tiny_models import CHATML, tiny_model
from tunewright.core.encoded import RowContent
from tunewright.core.errors import RecipeError, RunError
from tunewright.models.encoders import chat_encoder, pair_encoder, text_encoder
from tunewright.models.export import export_model, same_rendering
from tunewright.models.freeze import apply_method
from tunewright.models.load import load_causal, load_masked, load_seq2seq, save_model
from tunewright.models.template import ChatTemplate, settle_template
from tunewright.recipe.train import Full, Lora

if TYPE_CHECKING:
    from collections.abc import Callable

LOADERS = defaultdict(lambda: load_causal, t5=load_seq2seq, bart=load_seq2seq, bert=load_masked)
ROWS = [
    row(chat(("user", "Is it?"), ("assistant", "It is."), ("user", "Was it?"), ("assistant", "It was."))),
    row(chat(("user", "what is the weather"), ("assistant", "fine"))),
]


def tuned(base: Path, folder: Path, method: Any, source: str = CHATML) -> tuple[Any, torch.Tensor]:
    """A run's model folder, as training leaves it; its encoder and its logits."""
    tokenizer = tokenizer_of(base)
    template = ChatTemplate(tokenizer, source, name="test")
    model = apply_method(load_causal(base, dropout=0.0), method, seed=1, base_name="tiny")
    step(model)
    save_model(model, folder)
    tokenizer.save(folder, template=template.source)
    return chat_encoder(tokenizer, template), logits(model)


def test_an_adapter_leaves_with_its_tokenizer_and_template_or_merged(
    tiny: Callable[[str], Path], tmp_path: Path
) -> None:
    base = tiny("llama")
    encoder, expected = tuned(base, tmp_path / "model", Lora(rank=4))
    assert export_model(tmp_path / "model", base, merge=False, to=tmp_path / "out", encoder=encoder, rows=ROWS) is None
    theirs = PeftModel.from_pretrained(transformers.AutoModelForCausalLM.from_pretrained(base), str(tmp_path / "out"))
    assert torch.equal(logits(theirs.eval()), expected)
    difference = export_model(tmp_path / "model", base, merge=True, to=tmp_path / "whole", encoder=encoder, rows=ROWS)
    assert difference is not None
    assert not (tmp_path / "whole" / "adapter_config.json").exists()
    whole = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "whole").eval()
    torch.testing.assert_close(logits(whole), expected, rtol=0, atol=1e-3)
    saved = transformers.AutoTokenizer.from_pretrained(tmp_path / "whole")
    assert saved.chat_template == CHATML


def test_a_whole_model_leaves_as_it_is(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    encoder, expected = tuned(tiny("gpt2"), tmp_path / "model", Full())
    assert export_model(tmp_path / "model", None, merge=True, to=tmp_path / "out", encoder=encoder, rows=ROWS) is None
    assert torch.equal(logits(transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out").eval()), expected)


def test_a_folder_that_holds_anything_is_not_written_to(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    encoder, _ = tuned(tiny("gpt2"), tmp_path / "model", Full())
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("mine")
    with pytest.raises(RecipeError, match="holds files already"):
        export_model(tmp_path / "model", None, merge=False, to=tmp_path / "out", encoder=encoder)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["mine.txt"]


def test_a_template_that_was_changed_behind_the_runs_back_is_found(tiny: Callable[[str], Path], tmp_path: Path) -> None:
    encoder, _ = tuned(tiny("gpt2"), tmp_path / "model", Full())
    (tmp_path / "model" / "chat_template.jinja").write_text(CHATML.replace("\n", "\n\n"))
    with pytest.raises(RunError, match="training row 0 is encoded otherwise"):
        export_model(tmp_path / "model", None, merge=False, to=tmp_path / "out", encoder=encoder, rows=ROWS)
    assert not (tmp_path / "out").exists(), "a half-written export is no export"


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen2", "gemma2", "phi3", "mistral"])
def test_plain_transformers_encodes_chats_as_we_do(tiny: Callable[[str], Path], tmp_path: Path, family: str) -> None:
    tokenizer = tokenizer_of(tiny(family))
    source = (Path(__file__).parents[2] / "src/tunewright/models/plain.jinja").read_text()
    begin = "{{- bos_token -}}" if tokenizer.adds_bos else ""
    tooled = row(chat(("system", "Be brief."), ("user", "Rain?"), ("assistant", "No."), tools=[WEATHER]))
    for template in (CHATML, begin + source):
        rows = [*ROWS, tooled] if template is not CHATML else ROWS
        settled = ChatTemplate(tokenizer, template, name="test")
        folder = tmp_path / settled.hash[:8]
        tokenizer.save(folder, template=settled.source)
        same_rendering(chat_encoder(tokenizer, settled), folder, rows)


def test_texts_and_pairs_are_held_against_the_saved_tokenizer_too(tmp_path: Path) -> None:
    for family, build in (("t5", pair_encoder), ("llama", text_encoder)):
        folder = tiny_model(family, tmp_path / family)
        encoder = build(tokenizer_of(folder))
        rows = [RowContent("what is the weather", None, "fine")]
        same_rendering(encoder, folder, rows)
        path = folder / "tokenizer.json"
        content = json.loads(path.read_text())
        content["post_processor"] = None
        path.write_text(json.dumps(content))
        with pytest.raises(RunError, match="encoded otherwise"):
            same_rendering(encoder, folder, rows)


@pytest.mark.parametrize("family", ["gpt2", "llama", "qwen2", "gemma2", "t5", "bart", "bert"])
def test_the_encoder_read_back_from_a_runs_files_is_the_one_of_the_training(
    tiny: Callable[[str], Path], tmp_path: Path, family: str
) -> None:
    tokenizer = tokenizer_of(tiny(family))
    template = settle_template(tokenizer, "auto", tmp_path)
    save_model(LOADERS[family](tiny(family), dropout=None), tmp_path)
    tokenizer.save(tmp_path, template=template.source)
    again = tokenizer_of(tmp_path)
    own = settle_template(again, "own", tmp_path)
    assert chat_encoder(again, own).fingerprint == chat_encoder(tokenizer, template).fingerprint
    assert text_encoder(again).fingerprint == text_encoder(tokenizer).fingerprint
    assert again.special == tokenizer.special
