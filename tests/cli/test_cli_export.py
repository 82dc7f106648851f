"""`export`: plain transformers and peft load what was written and agree with it; what is not sound leaves nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch
from peft import AutoPeftModelForCausalLM, PeftModel
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from tunewright.core.files import sha256_file, tree_hashes
from tunewright.pipeline.predict import load_classifier
from tunewright.pipeline.tuned import open_run

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli_room import Ran

RUN = Path("runs/recipe")
IDS = torch.arange(10, 70).reshape(2, 30)
TOLERANCE = 1e-4
"""Of logits of the size of ten, added up in another order."""


@torch.inference_mode()
def logits(model: Any) -> torch.Tensor:
    found: torch.Tensor = model.eval()(input_ids=IDS).logits
    return found


def test_a_merged_model_stands_alone_and_answers_as_the_adapter_did(
    talking: Path, tunewright: Callable[..., Ran]
) -> None:
    (RUN / "report").mkdir()
    (RUN / "report" / "README.md").write_text("the card", encoding="utf-8")
    told = tunewright("export", RUN, "--merge", "--to", "out/merged", "--json")
    assert told.code == 0
    out = talking / "out" / "merged"
    assert [path.name for path in out.parent.iterdir()] == ["merged"]
    assert told.json["files"] == {path.name: path.stat().st_size for path in sorted(out.iterdir())}
    assert "adapter_model.safetensors" not in told.json["files"]
    assert 0 <= told.json["logit_difference"] < TOLERANCE
    assert told.json["checked_rows"] > 0
    assert (out / "README.md").read_text(encoding="utf-8") == "the card"
    plain = AutoModelForCausalLM.from_pretrained(out)
    tuned = open_run(RUN)
    assert torch.allclose(logits(plain), logits(tuned.load()), atol=TOLERANCE)
    assert not torch.allclose(logits(plain), logits(AutoModelForCausalLM.from_pretrained("base")), atol=0.1)
    chat = [{"role": "user", "content": "how is it?"}]
    ids = AutoTokenizer.from_pretrained(out).apply_chat_template(chat, add_generation_prompt=True, return_dict=False)
    stops = plain.generation_config.eos_token_id
    assert set(stops if isinstance(stops, list) else [stops]) == set(tuned.prompt_encoder.special.stops)
    given = tunewright("predict", RUN, "--text", "how is it?", "--max-new-tokens", 8, "--json").json["predictions"]
    found = plain.generate(torch.tensor([ids]), max_new_tokens=8, do_sample=False)[0, len(ids) :]
    assert tuned.prompt_encoder.decode(found.tolist()) == given[0]["answer"]


def test_an_adapter_is_loaded_over_its_base_by_peft(talking: Path, tunewright: Callable[..., Ran]) -> None:
    told = tunewright("export", RUN, "--adapter", "--to", "adapter")
    assert (told.code, "it is loaded over its base, base, and no other" in told.err) == (0, True)
    assert "there is no model card yet" in told.err
    plain = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained("base"), "adapter")
    assert torch.equal(logits(plain), logits(open_run(RUN).load()))
    assert not (talking / "adapter" / "model.safetensors").exists()
    modes = {path.stat().st_mode for path in (talking / "adapter").iterdir()}
    assert len(modes) == 1, "weights may be read by whoever may read the rest"


def test_peft_finds_the_base_of_an_adapter_by_itself(
    talking: Path, tunewright: Callable[..., Ran], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = tunewright("export", RUN, "--adapter", "--to", "adapter")
    place = str(talking.resolve() / "base")
    assert json.loads((talking / "adapter" / "adapter_config.json").read_text())["base_model_name_or_path"] == place
    assert f"by its folder on this machine, {place}" in " ".join(told.err.split())
    assert "--merge writes a model that stands alone" in " ".join(told.err.split())
    expected = logits(open_run(RUN).load())
    monkeypatch.chdir(talking / "adapter")  # where no folder is called `base`
    assert torch.equal(logits(AutoPeftModelForCausalLM.from_pretrained(talking / "adapter")), expected)


def test_a_model_that_was_tuned_whole_is_written_as_it_is(whole: Path, tunewright: Callable[..., Ran]) -> None:
    refused = tunewright("export", RUN, "--adapter", "--to", "out")
    assert (refused.code, "was tuned whole: it has no adapter" in refused.err) == (2, True)
    assert "--merge" in refused.err
    (whole / "out").mkdir()
    told = tunewright("export", RUN, "--merge", "--to", "out", "--json")
    assert (told.code, told.json["logit_difference"], told.json["what"]) == (0, None, "the model")
    assert sha256_file(whole / "out" / "model.safetensors") == sha256_file(RUN / "model" / "model.safetensors")


def test_a_classifier_leaves_its_run_too(finished_run: Path, tunewright: Callable[..., Ran]) -> None:
    assert tunewright("export", RUN, "--merge", "--to", "out").code == 0
    plain = AutoModelForSequenceClassification.from_pretrained("out").eval()
    batch = AutoTokenizer.from_pretrained("out")("word1 billing1", return_tensors="pt")
    ours = load_classifier(RUN).probabilities(["word1 billing1"])
    with torch.inference_mode():
        assert torch.allclose(plain(**batch).logits.softmax(-1).double(), torch.tensor(ours), atol=1e-6)
    assert (finished_run / "out" / "README.md").read_text() == (RUN / "report" / "README.md").read_text()


def test_a_folder_that_holds_anything_is_left_as_it_is(talking: Path, tunewright: Callable[..., Ran]) -> None:
    (talking / "mine").mkdir()
    (talking / "mine" / "notes.txt").write_text("kept", encoding="utf-8")
    told = tunewright("export", RUN, "--merge", "--to", "mine")
    assert (told.code, "holds files already" in told.err) == (2, True)
    assert [path.name for path in (talking / "mine").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("how", [(), ("--merge", "--adapter")])
def test_one_of_the_two_must_be_said(how: tuple[str, ...], talking: Path, tunewright: Callable[..., Ran]) -> None:
    told = tunewright("export", RUN, "--to", "out", *how)
    assert (told.code, "expected one of them" in told.err) == (2, True)


def test_weights_that_were_altered_leave_nothing_behind(talking: Path, tunewright: Callable[..., Ran]) -> None:
    path = RUN / "model" / "adapter_model.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    before = tree_hashes(talking)
    told = tunewright("export", RUN, "--merge", "--to", "out")
    assert (told.code, "is not the model that was trained" in told.err) == (4, True)
    assert tree_hashes(talking) == before


def test_a_template_that_renders_otherwise_leaves_nothing_behind(talking: Path, tunewright: Callable[..., Ran]) -> None:
    """Even where the training vouches for its file: what it declares of its encoder decides."""
    path = RUN / "model" / "chat_template.jinja"
    path.write_text(path.read_text(encoding="utf-8").replace("message.content", "message.content ~ ' '"))
    manifest = json.loads((RUN / "training" / "manifest.json").read_text(encoding="utf-8"))
    manifest["outputs"]["model/chat_template.jinja"] = sha256_file(path)
    (RUN / "training" / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    before = tree_hashes(talking)
    told = tunewright("export", RUN, "--merge", "--to", "out")
    assert (told.code, "encodes otherwise than in the training" in told.err) == (4, True)
    assert tree_hashes(talking) == before


def test_an_adapter_over_a_tuned_adapter_is_merged_with_it(talking: Path, tunewright: Callable[..., Ran]) -> None:
    """`model: run:NAME` continues a tuned model: its base is the first base with the first adapter in it."""
    again = ("recipe.yaml", "name=again", "model.name=run:recipe", "train.max_steps=2", "train.epochs=2")
    assert tunewright("prepare", *again).code == 0
    assert tunewright("train", *again).code == 0
    told = tunewright("export", "runs/again", "--merge", "--to", "out", "--json")
    assert told.code == 0, told.err
    plain = logits(AutoModelForCausalLM.from_pretrained("out"))
    assert torch.allclose(plain, logits(open_run(Path("runs/again")).load()), atol=TOLERANCE)
    first = open_run(RUN)
    assert torch.allclose(logits(open_run(Path("runs/again")).base_writer()._model), logits(first.load()), atol=1e-3)
    asked = ("--text", "how is it?", "--max-new-tokens", "6", "--json")
    (beside,) = tunewright("chat", "runs/again", *asked, "--against", "base").json["turns"]
    (alone,) = tunewright("chat", RUN, *asked).json["turns"]
    assert beside["base"]["text"] == alone["tuned"]["text"]
