"""Stories as real runs would tell them, and degenerate ones, for the tests of the reporting room."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from tunewright.core.results import (
    ClassScore,
    Comparison,
    ConditionOutcome,
    Estimate,
    Gap,
    GateResult,
    Outcome,
    Results,
    SystemScores,
    Verdict,
)
from tunewright.core.rows import Distribution, Finding, Profile, SplitProfile
from tunewright.core.training import EvaluationReport, StepReport
from tunewright.reporting.story import DroppedRow, DroppedSample, ErrorSample, Story

HOSTILE = (
    "<script>document.title='owned'</script>",
    '"onload="document.title=1" x="',
    "</style></script></svg><img src=http://example.com/x onerror=alert(1)>",
    "a|b `c` [d](javascript:alert(1)) {{ 7*7 }} ]]>",
    "line one\nline two\x1b[31mred\x00\ufffe",
)
SYSTEMS = (
    ("majority", "majority class", "baseline", 0.0),
    ("tfidf_linear", "TF-IDF + logistic regression", "baseline", 0.82),
    ("probe", "untuned base + linear probe", "base", 0.86),
    ("tuned", "tuned", "tuned", 0.925),
)


def wilson(right: float, n: int) -> Estimate:
    if n == 0:
        return Estimate(None, None, None, 0, reason="no test row of this class")
    p, z = right / n, 1.96
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return Estimate(p, (middle - half) / (1 + z * z / n), (middle + half) / (1 + z * z / n), n, "wilson")


def make_story(k: int = 10, *, n: int = 1200, steps: int = 640, seed: int = 7) -> Story:
    """A run over `k` labels with `n` test rows that went well."""
    rng = np.random.default_rng(seed)
    labels = tuple(_label(i) for i in range(k))
    weights = rng.dirichlet(np.full(k, 3.0))
    targets = rng.choice(k, size=n, p=weights)
    systems = tuple(_system(rng, labels, targets, entry) for entry in SYSTEMS)
    return Story(
        name=f"tickets-{k}",
        task="classification",
        model="starter/encoder",
        data="tickets.csv",
        created_at="2026-03-14T09:26:53+00:00",
        recipe_text="model: starter/encoder\ndata: tickets.csv\ntask: classification\ntrain:\n  epochs: 8\n",
        results=_results(labels, n, systems),
        gate=GateResult(
            Verdict.SHIP,
            (
                ConditionOutcome(
                    "macro F1 is better than that of the base", Outcome.PASS, "+0.065 (0.041 to 0.089), p = 0.0003"
                ),
                ConditionOutcome("every class: recall at least 0.2", Outcome.PASS, f"lowest 0.71 in {labels[0]!r}"),
            ),
        ),
        profile=_profile(rng, labels, weights, n),
        dropped=(
            DroppedSample("exact_duplicate", "dropped", 214, (DroppedRow("tickets.csv:88", "my card has not come"),)),
            DroppedSample("missing_target", "dropped", 12),
            DroppedSample(
                "whitespace", "changed", 31, (DroppedRow("tickets.csv:90", "where is it", "where   is  it "),)
            ),
        ),
        steps=_steps(rng, steps),
        evaluations=_evaluations(steps),
        errors=tuple(
            ErrorSample(f"tickets.csv:{101 + i}", "I was charged twice for one thing.", labels[0], labels[-1], 0.99)
            for i in range(12)
        ),
        resolved={"lr": 2e-4, "precision": "bf16", "threads": 2, "schedule": {"kind": "linear", "warmup_steps": 64}},
        provenance={
            "command": "tunewright run recipe.yaml",
            "tunewright": "0.1.0",
            "recipe sha256": "5f2b" * 16,
            "seed": "13",
            "split seed": "13",
            "machine": "Linux x86_64, 2 threads, CPU",
            "torch": "2.13.0",
        },
    )


def hostile_story() -> Story:
    """Every text a user or a data set can reach holds markup, quotes and control characters."""
    story = make_story(len(HOSTILE), steps=40)
    bad = HOSTILE[0] + HOSTILE[1] + HOSTILE[2]
    names = dict(zip(story.profile.labels, HOSTILE, strict=True))
    systems = tuple(
        replace(s, title=s.title + bad, per_class=tuple(replace(c, label=names[c.label]) for c in s.per_class))
        for s in story.results.systems
    )
    splits = {
        name: replace(s, labels={names[label]: count for label, count in s.labels.items()})
        for name, s in story.profile.splits.items()
    }
    finding = Finding("label_variant", "warning", bad, 3, (bad,), bad)
    return replace(
        story,
        name=bad,
        model=bad,
        data=bad,
        recipe_text="\n".join(HOSTILE),
        results=replace(story.results, labels=HOSTILE, systems=systems, warnings=(bad,)),
        gate=GateResult(Verdict.DONT_SHIP, (ConditionOutcome(bad, Outcome.FAIL, bad, bad),), (bad,)),
        profile=replace(story.profile, labels=HOSTILE, splits=splits, findings=(finding,), sources={bad: "ab" * 32}),
        dropped=(DroppedSample(bad, "changed", 1, (DroppedRow(bad, bad, bad),)),),
        errors=tuple(ErrorSample(bad, text, text, bad, None) for text in HOSTILE),
        resolved={bad: bad},
        provenance={bad: bad},
        notes=(bad,),
    )


def empty_story() -> Story:
    """A run of which nothing is known: no metric, step, evaluation, label, row or reason."""
    story = make_story(2, n=10, steps=1)
    nothing = Estimate(None, None, None, 0, reason="no test row")
    system = SystemScores("tuned", "tuned", "tuned", {"accuracy": nothing, "macro_f1": nothing}, (), ())
    gate = GateResult(
        Verdict.NOT_ENOUGH_EVIDENCE,
        (ConditionOutcome("accuracy at least 0.9", Outcome.UNKNOWN, "no test row", "collect more rows"),),
    )
    return replace(
        story,
        results=Results("classification", 0, (), "accuracy", (system,), (), None),
        gate=gate,
        profile=Profile(0, 0, {}, {}, (), None, {"train": SplitProfile(0, {}, None, None, 0)}, (), {}),
        dropped=(),
        steps=(),
        evaluations=(),
        errors=(),
        resolved={},
        provenance={},
        recipe_text="",
    )


def gappy_story() -> Story:
    """One class has no test row, some numbers are NaN or infinite, and one step and one evaluation are all there is."""
    story = make_story(3, n=60, steps=1)
    nothing = Estimate(None, None, None, 0, reason="no test row of this class")
    odd = Estimate(math.nan, math.nan, math.inf, 60)
    step = StepReport(1, 0.1, math.nan, math.inf, 1e-4, 32, 400, 32, math.nan)
    systems = []
    for system in story.results.systems:
        empty = ClassScore("never seen", 0, nothing, nothing, nothing)
        counts = (*((*row, 0) for row in system.confusion), (0, 0, 0, 0))
        systems.append(
            replace(
                system,
                per_class=(*system.per_class, empty),
                confusion=counts,
                metrics={**system.metrics, "macro_f1": odd},
            )
        )
    comparison = Comparison("macro_f1", "tuned", "probe", odd, None, "approximate-randomisation", 0, 0, "one cluster")
    results = replace(story.results, systems=tuple(systems), comparisons=(comparison,))
    return replace(story, results=results, steps=(step,), evaluations=story.evaluations[:1])


def _label(index: int) -> str:
    verbs = ("card", "refund", "transfer", "top_up", "identity", "exchange_rate", "pin", "cash_withdrawal")
    states = ("arrival", "not_working", "pending", "fee_charged", "lost_or_stolen", "limit", "declined", "x", "y", "z")
    return f"{verbs[index % 8]}_{states[index // 8]}"


def _system(rng: np.random.Generator, labels: tuple[str, ...], targets: np.ndarray, entry: tuple) -> SystemScores:
    name, title, role, skill = entry
    k = len(labels)
    near = (targets + rng.integers(1, 3, size=len(targets))) % k
    predicted = np.where(rng.random(len(targets)) < skill, targets, near)
    if name == "majority":
        predicted = np.full(len(targets), np.bincount(targets, minlength=k).argmax())
    counts = np.zeros((k, k), dtype=int)
    np.add.at(counts, (targets, predicted), 1)
    per_class = tuple(_class_score(labels[i], counts, i) for i in range(k))
    f1 = float(np.mean([c.f1.value or 0.0 for c in per_class]))
    metrics = {
        "accuracy": wilson(int(np.trace(counts)), len(targets)),
        "macro_f1": Estimate(
            f1, max(f1 - 0.02, 0), min(f1 + 0.018, 1), len(targets), "bootstrap-expanded-percentile+unseen-outcomes"
        ),
    }
    confusion = tuple(tuple(int(n) for n in row) for row in counts)
    return SystemScores(name, title, role, metrics, per_class, confusion)


def _class_score(label: str, counts: np.ndarray, i: int) -> ClassScore:
    right, true, said = int(counts[i, i]), int(counts[i].sum()), int(counts[:, i].sum())
    f1 = wilson(2 * right, true + said)
    return ClassScore(label, true, wilson(right, said), wilson(right, true), f1)


def _results(labels: tuple[str, ...], n: int, systems: tuple[SystemScores, ...]) -> Results:
    tuned = systems[-1].metrics["macro_f1"]
    comparisons = []
    for system, p in zip(systems[:-1], (1e-9, 0.0021, 0.0325), strict=True):
        other = system.metrics["macro_f1"]
        gain = (tuned.value or 0) - (other.value or 0)
        difference = Estimate(gain, gain - 0.02, gain + 0.02, n, "bootstrap-expanded-percentile+unseen-outcomes")
        comparisons.append(
            Comparison("macro_f1", "tuned", system.name, difference, p, "approximate-randomisation", 90, 31)
        )
    gap = Gap(
        "macro_f1",
        Estimate(0.988, 0.982, 0.993, 4 * n, "bootstrap-expanded-percentile+unseen-outcomes"),
        Estimate(0.921, 0.901, 0.939, n // 2, "bootstrap-expanded-percentile+unseen-outcomes"),
        tuned,
        "The model fits its training rows better than new ones, by an amount usual for this many rows.",
    )
    return Results("classification", n, labels, "macro_f1", systems, tuple(comparisons), gap)


def _profile(rng: np.random.Generator, labels: tuple[str, ...], weights: np.ndarray, n: int) -> Profile:
    splits = {}
    for name, rows in (("train", 4 * n), ("validation", n // 2), ("test", n)):
        counts = rng.multinomial(rows, weights)
        lengths = rng.lognormal(2.6, 0.5, size=rows).round()
        histogram, edges = np.histogram(lengths, bins=30)
        p50, p95, p99 = np.quantile(lengths, [0.5, 0.95, 0.99])
        shape = Distribution(
            rows,
            float(lengths.min()),
            float(p50),
            float(p95),
            float(p99),
            float(lengths.max()),
            float(lengths.mean()),
            tuple(map(float, edges)),
            tuple(map(int, histogram)),
        )
        splits[name] = SplitProfile(rows, dict(zip(labels, map(int, counts), strict=True)), shape, shape, 2)
    kept = sum(split.rows for split in splits.values())
    findings = (
        Finding(
            "contradiction",
            "warning",
            "17 texts stand with two labels.",
            17,
            ("tickets.csv:17", "tickets.csv:912"),
            "Look at them: the model cannot learn both.",
        ),
        Finding("imbalance", "note", "The largest class has 9.4 times the rows of the smallest.", 1),
    )
    dropped = {"exact_duplicate": 214, "missing_target": 12}
    sources = {"tickets.csv": "9c1e" * 16}
    return Profile(kept + 226, kept, dropped, {"whitespace": 31}, labels, 9.4, splits, findings, sources)


def _steps(rng: np.random.Generator, steps: int) -> tuple[StepReport, ...]:
    warm = max(steps // 10, 1)
    reports = []
    for step in range(1, steps + 1):
        loss = 0.06 + 2.6 * math.exp(-4 * step / steps) + float(rng.gamma(2, 0.05))
        lr = 2e-4 * min(step / warm, (steps - step) / max(steps - warm, 1))
        reports.append(StepReport(step, 8 * step / steps, loss, 1.2, lr, 32, 640, 32, 0.1))
    return tuple(reports)


def _evaluations(steps: int) -> tuple[EvaluationReport, ...]:
    marks = sorted({max(steps * i // 8, 1) for i in range(1, 9)})
    reports = []
    for i, step in enumerate(marks):
        loss = 0.28 + 2.0 * math.exp(-0.9 * (i + 1)) + 0.015 * i
        metrics = {"loss": loss, "accuracy": 0.93 - 0.5 * math.exp(-i), "macro_f1": 0.92 - 0.55 * math.exp(-i)}
        reports.append(EvaluationReport(step, 8 * step / steps, metrics, i <= 5, 0.8))
    return tuple(reports)
