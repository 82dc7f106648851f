"""The starter language model is in the package, whole, and as it was when its figures were measured."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tunewright.core.errors import MissingPackage, RunError
from tunewright.models.base import find_local, read_facts
from tunewright.models.load import load_causal
from tunewright.models.template import plain_template, settle_template
from tunewright.models.tokenizer import load_tokenizer
from tunewright.recipe.model import ModelSpec
from tunewright.starter import lm

FOLDER = Path(lm.__file__).with_name("lm")
carried = pytest.mark.skipif(not (FOLDER / lm.WEIGHTS).is_file(), reason="this tree holds no starter/lm yet")


@carried
def test_the_starter_lm_is_found_by_its_name_and_loads(tmp_path: Path) -> None:
    base = find_local(ModelSpec(name="starter/lm"), tmp_path)
    assert base is not None
    facts = read_facts(base, base.name)
    assert (base.origin, facts.family, facts.model_type, facts.max_positions) == ("starter", "causal", "llama", 1024)
    assert (base.folder / lm.WEIGHTS).stat().st_size <= 16_000_000
    model = load_causal(base.folder, dropout=None)
    assert sum(p.numel() for p in model.parameters()) == facts.parameters
    tokenizer = load_tokenizer(base, facts, max_tokens=None)
    assert tokenizer.max_tokens == 1024
    template = settle_template(tokenizer, "auto", tmp_path)
    assert template.name == "own"
    assert template.source == plain_template(tokenizer).source
    assert template.end_token == "<|end|>"  # no password


@carried
def test_changed_or_absent_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lm, "WEIGHTS_SHA256", "0" * 64)
    with pytest.raises(RunError, match="sha256"):
        lm.lm_folder()
    monkeypatch.setattr(lm, "WEIGHTS", "elsewhere.safetensors")
    with pytest.raises(MissingPackage, match="starter/lm"):
        lm.lm_folder()


@carried
def test_its_record_holds_what_was_measured() -> None:
    record = json.loads((FOLDER / "pretraining.json").read_text())
    assert record["validation"]["bits_per_byte_plain"] > 0
    assert record["seed"] is not None
