"""The model's card, filled from the records of its training and of its comparison."""

from __future__ import annotations

import json
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starter_lm.comparison import Comparison

TEMPLATE = Path(__file__).with_name("card.md")


def write_card(folder: Path, comparison: Comparison) -> None:
    """Write `README.md` beside the model from `pretraining.json`, `config.json` and the comparison."""
    pretraining = json.loads((folder / "pretraining.json").read_text(encoding="utf-8"))
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    (folder / "README.md").write_text(render_card(pretraining, config, comparison), encoding="utf-8")


def render_card(pretraining: dict[str, object], config: dict[str, object], comparison: Comparison) -> str:
    """Return the card; a record that lacks a field the card states is a KeyError."""
    rows = "\n".join(f"| {row.kind} | {row.name} | {row.bits_per_byte:.3f} |" for row in comparison.rows)
    flat = {**config, **_section(pretraining, "settings"), **_section(pretraining, "versions"), **pretraining}
    minutes = f"{float(str(pretraining['seconds'])) / 60:.1f}"
    thousands = {
        f"{name}_grouped": f"{flat[name]:,}" for name in ("parameters", "tokens", "training_tokens", "training_bytes")
    }
    table = {"rows": rows, "n_bytes": f"{comparison.n_bytes:,}", "n_documents": comparison.n_documents}
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(flat, minutes=minutes, **thousands, **table)


def _section(record: dict[str, object], name: str) -> dict[str, object]:
    section = record[name]
    if not isinstance(section, dict):
        raise TypeError(f"{name} of pretraining.json: given {type(section).__name__}, expected an object")
    return section
