"""docs/benchmarks.md from the figures in benchmarks/results/: `python -m benchmarks.page > docs/benchmarks.md`."""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"

INTRO = """# Benchmarks

Made from `benchmarks/results/*.json` by `python -m benchmarks.page`; each file holds versions, machine, commit and
command. Ours and the peer take turns in one run, and a speed is the median of the pairwise ratios with the smallest and
the largest. Absolute times of a shared CPU mean nothing and are not quoted.
"""


def main() -> None:
    """Prints the page."""
    parts = [INTRO]
    for name, section in SECTIONS.items():
        path = RESULTS / f"{name}.json"
        parts.append(section(json.loads(path.read_text())) if path.exists() else f"## {name}\n\nNot run yet.\n")
    print("\n".join(parts).rstrip())


def speed(record: dict[str, Any]) -> str:
    """Training speed against Trainer."""
    lines = [
        "## Tuning MiniLM (22M) on banking77: examples/s, ours ÷ Trainer",
        "",
        f"{record['settings']['threads']} CPU threads, steps of {record['settings']['batch']} examples, rate "
        f"{record['settings']['lr']:g}, the same rows. Accuracy and loss are those after these few steps; whole "
        "trainings are compared below.",
        "",
        "| peer | ratio (median) | smallest to largest | pairs | steps | memory | accuracy (peer) | loss (peer) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        ours, peer = ([pair[side] for pair in row["pairs"]] for side in ("ours", "peer"))
        quality = [f"{_mean(ours, key)} ({_mean(peer, key)})" for key in ("accuracy", "loss")]
        span = f"{row['ratio_min']:.2f} to {row['ratio_max']:.2f}"
        cells = [
            row["peer"],
            f"**{row['ratio']:.2f}×**",
            span,
            str(len(row["pairs"])),
            str(row.get("steps", record["settings"]["steps"])),
            f"{row['memory_ratio']:.2f}×",
            *quality,
        ]
        lines.append(f"| {' | '.join(cells)} |")
    notes = [f"- {row['peer']}: {row['how'].rstrip('.')}." for row in record["rows"] if "how" in row]
    return "\n".join([*lines, "", *notes, ""])


def quality(record: dict[str, Any]) -> str:
    """Test accuracy and loss on banking77."""
    seeds = [row["seed"] for row in _of(record, "ours")]
    lines = [
        "## banking77: whole trainings, accuracy and loss on the official 3,080 test rows",
        "",
        "8 epochs, batch 32, rate 2e-4, linear decay with 10 % warm-up; the same "
        f"{record['counts']['train']:,} training rows for all. Ours in the type that a probe finds faster, Trainer's "
        "best flags in bf16, its default in fp32. Tunewright by `recipes/banking77.yaml`: the mean of the tokens is "
        "read, a probe of the base is the teacher, each row goes through twice (R-Drop), weights are averaged; `plain` "
        "without these. Ours keeps the best of 8 checkpoints by the validation rows, Trainer the last. "
        "Each cell: accuracy, then loss.",
        "",
        "| system | " + " | ".join(f"seed {seed}" for seed in seeds) + " | mean |",
        "|---|" + "---|" * (len(seeds) + 1),
    ]
    for system, mean in record["means"].items():
        cells = [f"{row['accuracy']:.4f}, {row['loss']:.4f}" for row in _of(record, system)]
        lines.append(f"| {TITLES[system]} | {' | '.join(cells)} | **{mean['accuracy']:.4f}**, {mean['loss']:.4f} |")
    first = _of(record, "ours")[0]
    baselines = ", ".join(f"{name} {value:.4f}" for name, value in first["baselines"].items())
    pooled = "; ".join(
        f"{found['against']} {found['difference']['value']:+.4f} ({found['difference']['low']:+.4f} to "
        f"{found['difference']['high']:+.4f}), p = {found['p_value']:.2g}"
        for found in record["over_seeds"]
    )
    lines += ["", f"Baselines on the same rows (base: linear probe on the untuned base): {baselines}.", ""]
    lines += [f"All seeds in one paired test by clusters of test rows; tuned minus {pooled}.", ""]
    return "\n".join([*lines, *_conditions(record)])


TITLES = {
    "ours": "Tunewright",
    "ours_plain": "Tunewright, plain",
    "trainer_default": "Trainer, default",
    "trainer_best": "Trainer, best flags",
}


def generation(record: dict[str, Any]) -> str:
    """Instruction tuning against TRL."""
    settings = record["rows"][0]["settings"]
    lines = [
        "## Instruction tuning of a small Llama on dolly_6k: target tokens/s, ours ÷ TRL's SFTTrainer",
        "",
        f"7 layers of 256, every weight, steps of {settings['batch']} rows, rate {settings['lr']:g}. Both sides train "
        "on the same tokens with the same targets: a hash of all ids and labels is compared. Held-out loss is nats a "
        "target token of the test rows, of both sides' saved weights by one function; a row counts as equal where ours "
        "is at most 1 % above the peer's. With packing the peer takes one sequence of 1,024 tokens a step, and sees as "
        "many rows in all.",
        "",
        "| peer | vocabulary | device | ratio (median) | smallest to largest | pairs | steps (not timed) | memory | "
        "held-out loss (peer) | equal |",
        "|---|---|---|---|---|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        ours, peer = ([pair[side] for pair in row["pairs"]] for side in ("ours", "peer"))
        cells = [
            row["peer"],
            f"{row['vocabulary']:,}",
            _device(row),
            f"**{row['ratio']:.2f}×**",
            f"{row['ratio_min']:.2f} to {row['ratio_max']:.2f}",
            str(len(row["pairs"])),
            f"{row['steps']} ({row['skipped']})",
            f"{row['memory_ratio']:.2f}×",
            f"{_mean(ours, 'loss')} ({_mean(peer, 'loss')})",
            "yes" if row["equal_quality"] else "no",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    notes = [
        f"- {row['peer']}, {row['vocabulary']:,}, {_device(row)}: TRL {row['versions']['trl']}; {_conditions(row)[0]}"
        for row in record["rows"]
    ]
    return "\n".join([*lines, "", *notes, ""])


def writing(record: dict[str, Any]) -> str:
    """Answers and label scores against transformers."""
    lines = [
        "## Writing answers and scoring labels for evaluation: examples/s, ours ÷ transformers",
        "",
        "The starter language model tuned on dolly_6k, fp32 on both sides, greedy; the same prompts.",
        "",
        "| work | peer | device | ratio (median) | smallest to largest | pairs | examples | agreement |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        cells = [
            row["work"],
            row["peer"],
            _device(row),
            f"**{row['ratio']:.2f}×**",
            f"{row['ratio_min']:.2f} to {row['ratio_max']:.2f}",
            str(len(row["pairs"])),
            str(row["examples"]),
            _agreement(row["pairs"]),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    notes = [f"- {row['work']}, {_device(row)}: {_conditions(row)[0]}" for row in record["rows"]]
    return "\n".join([*lines, "", *notes, ""])


def deduplication(record: dict[str, Any]) -> str:
    """Duplicate removal against peers, and its growth."""
    lines = [
        "## Cleaning and removing exact and near-duplicates: documents/s, ours ÷ peer",
        "",
        "Paragraphs of classic prose with planted copies: a tenth exact but for case, blanks and signs, a tenth with "
        f"one word changed; threshold {record['settings']['threshold']:g}. Recall is the share of planted copies "
        "that leave, precision the share of leaving documents of whose family another stays. The peers use the cores "
        "as their documentation says.",
        "",
        "| peer | documents | ratio (median) | smallest to largest | pairs | memory | recall (peer) | "
        "precision (peer) |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        ours, peer = ([pair[side] for pair in row["pairs"]] for side in ("ours", "peer"))
        memory = statistics.median(a["peak_mb"] / b["peak_mb"] for a, b in zip(ours, peer, strict=True))
        cells = [
            row["peer"],
            f"{row['documents']:,}",
            f"**{row['ratio']:.1f}×**",
            f"{row['ratio_min']:.1f} to {row['ratio_max']:.1f}",
            str(len(row["pairs"])),
            f"{memory:.2f}×",
            *(f"{_mean(ours, key)} ({_mean(peer, key)})" for key in ("recall", "precision")),
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if record["growth"]:
        lines += [
            "",
            "Growth, of short documents (40 words or a little more, of sentences drawn at random; some share a",
            "long one, and are near-duplicates that nobody planted, so that no precision is stated):",
            "",
        ]
        lines += ["| documents | time, smallest = 1 | peak memory | recall |", "|---|---|---|---|"]
        first = record["growth"][0]["seconds"]
        for row in record["growth"]:
            size = f"{row['documents']:,} | {row['seconds'] / first:.1f} | {row['peak_mb']:,.0f} MB"
            lines.append(f"| {size} | {row['recall']:.4f} |")
    if record["exponent"] is not None:
        lines += ["", f"Time grows with the {record['exponent']:.2f}th power of the number of documents."]
    return "\n".join([*lines, "", *_conditions(record)])


def augmentation(record: dict[str, Any]) -> str:
    """What each method of augmentation changes on few rows."""
    settings, effects = record["settings"], {effect["system"]: effect for effect in record["effects"]}
    seeds = sorted({row["seed"] for row in record["rows"]})
    lines = [
        f"## Augmentation on banking77 with {settings['per_class']} training rows a class",
        "",
        f"`starter/encoder`, {settings['steps']} steps of 32 rows with each method and without; the checkpoint is "
        f"chosen by {settings['validation_per_class']} other rows a class; accuracy on the official 3,080 test rows, "
        f"mean of {len(seeds)} seeds, each with training rows of its own. The difference is over all seeds, each "
        "test row a cluster.",
        "",
        "| method | training rows | refused | accuracy | minus none (95 % interval) | p |",
        "|---|---|---|---|---|---|",
    ]
    for method, mean in record["means"].items():
        rows = [row for row in record["rows"] if row["method"] == method]
        tried = sum(one["made"] for row in rows for one in row["augmented"])
        refused = sum(count for row in rows for one in row["augmented"] for count in one["refused"].values())
        share = f"{refused / tried:.1%}" if tried else "–"
        effect = effects.get(method)
        gain = effect["difference"] if effect else None
        told = f"{gain['value']:+.4f} ({gain['low']:+.4f} to {gain['high']:+.4f})" if gain else "–"
        p_value = f"{effect['p_value']:.2g}" if effect else "–"
        size = f"{statistics.mean(row['rows'] for row in rows):,.0f}"
        lines.append(f"| {method.replace('_', ' ')} | {size} | {share} | {mean:.4f} | {told} | {p_value} |")
    return "\n".join([*lines, "", *_conditions(record)])


def personal_data(record: dict[str, Any]) -> str:
    """Recognisers of personal data against presidio's."""
    speed = record["speed"]
    lines = [
        "## Personal data in presidio's synthetic texts, beside presidio-analyzer's pattern recognisers",
        "",
        f"{record['settings']['texts']:,} texts; {record['settings']['peer']}, at its best threshold for each type on "
        "these texts. A value counts as found where a span of its type overlaps it; F2 weighs recall four times as "
        "much as precision; exact is the share found with their very bounds.",
        "",
        "| type | values | precision (peer) | recall (peer) | F2 (peer) | exact (peer) |",
        "|---|---|---|---|---|---|",
    ]
    for row in record["rows"]:
        cells = [
            f"{_rate(row['ours'][key])} ({_rate(row['peer'][key])})" for key in ("precision", "recall", "f2", "exact")
        ]
        lines.append(f"| {row['type']} | {row['values']} | {' | '.join(cells)} |")
    span = f"{speed['ratio_min']:.0f} to {speed['ratio_max']:.0f}"
    lines += [
        "",
        f"Texts/s, ours ÷ the peer's, over {len(speed['pairs'])} pairs: **{speed['ratio']:.0f}×** ({span}).",
        "",
    ]
    return "\n".join([*lines, *_conditions(record)])


SECTIONS = {
    "train_classification": speed,
    "quality_classification": quality,
    "train_generation": generation,
    "generate_speed": writing,
    "deduplicate": deduplication,
    "personal_data": personal_data,
    "augmentation": augmentation,
}
"""Name of a result file to what is said of it."""


def _of(record: dict[str, Any], system: str) -> list[dict[str, Any]]:
    return [row for row in record["rows"] if row["system"] == system]


def _device(row: dict[str, Any]) -> str:
    return f"{row['threads']} CPU threads" if row["device"] == "cpu" else str(row["device"])


def _agreement(pairs: list[dict[str, Any]]) -> str:
    if "same_texts" in pairs[0]:
        return f"{min(pair['same_texts'] for pair in pairs):.1%} of texts the same"
    return f"probabilities within {max(pair['largest_difference'] for pair in pairs):.0e}"


def _rate(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


def _mean(answers: list[dict[str, Any]], key: str) -> str:
    values = [answer[key] for answer in answers if answer.get(key) is not None]
    return f"{statistics.mean(values):.4f}" if values else "–"


def _conditions(record: dict[str, Any]) -> list[str]:
    facts = record["environment"]
    versions = ", ".join(f"{name} {facts[name]}" for name in ("torch", "transformers", "accelerate") if name in facts)
    return [f"`{record['command']}`; {versions}; Python {facts['python']}; commit {facts['code_commit'][:12]}.", ""]


if __name__ == "__main__":
    main()
