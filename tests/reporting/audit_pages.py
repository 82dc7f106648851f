"""Audits that the page is tried on: one with everything, one with hardly anything, one of hostile texts."""

from __future__ import annotations

from dataclasses import replace

from tunewright.core.audit import (
    Association,
    Audit,
    ColumnProfile,
    Compared,
    Group,
    LabelFigures,
    MapPoint,
    SampleRow,
    Shift,
    TextMap,
    TokenFit,
    TwoSample,
    Vocabulary,
)
from tunewright.core.errors import Problem
from tunewright.core.rows import Distribution, Finding, Profile, SplitProfile

EDGES = tuple(float(10 * n) for n in range(21))
SHAPE = Distribution(400, 4.0, 55.0, 150.0, 180.0, 200.0, 62.0, EDGES, (20,) * 20)
LABELS = tuple(f"label_{n}_of_a_long_name" for n in range(14))
HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title=1\">\x00\u202e{{ 7*7 }}"


def column(name: str, **more) -> ColumnProfile:
    given = {"kind": "words", "filled": 400, "missing": 3, "distinct": 14, "examples": ("one", "two")}
    given |= {"mean_chars": 9.0, "mean_words": 1.2, "top_share": 0.2, "trait": None, "role": ""} | more
    return ColumnProfile(name=name, **given)


def profile() -> Profile:
    split = SplitProfile(400, dict.fromkeys(LABELS, 28), SHAPE, None, 0)
    splits = dict.fromkeys(("train", "validation", "test"), split)
    languages, private = {"en": 390, "es": 10}, {"email": 3, "phone": 1}
    return Profile(
        403, 400, {"missing_text": 3}, {}, LABELS, 1.0, splits, (), {"t.csv": "0"}, languages=languages, private=private
    )


def association(name: str = "region", labels: tuple[str, ...] = LABELS) -> Association:
    counts = tuple(tuple((v * k) % 9 for k in range(len(labels))) for v in range(1, 6))
    values = tuple(f"value {n}" for n in range(5))
    return Association(name, 400, values, labels, counts, 0.44, 0.2, 1e-6, "chi-square", 1e-5, skewed=True)


def shift() -> Shift:
    compared = (
        Compared("length", "Kolmogorov–Smirnov distance of lengths in characters", 0.21, 0.002),
        Compared("label", "total variation distance of label shares", None, reason="not both have labels"),
        Compared("vocabulary", "share of production's words that the data lacks", 0.08),
    )
    test = TwoSample((400, 200), 0.81, 0.78, 0.84, 1e-9, ("tulip", "spade"), ("parcel", "courier"))
    groups = (Group(14, ("tulip", "spade"), "where is my tulip", "production.jsonl:17"),)
    return Shift("production.jsonl", 200, compared, test, 0.07, 200, groups, SHAPE, None)


def points(text: str, labels: tuple[str, ...]) -> tuple[MapPoint, ...]:
    return tuple(
        MapPoint((n * 37 % 100) / 7, (n * 61 % 100) / 9, labels[n % len(labels)], f"{text} {n}", f"t.csv:{n + 2}")
        for n in range(120)
    )


def whole_audit() -> Audit:
    """Everything that an audit can hold."""
    places = tuple(f"some/folder/t.csv:{n}" for n in range(2, 22))
    findings = (
        Finding("secret", "error", "3 rows hold private keys", 3, places[:3], "remove them and revoke the keys"),
        Finding("near_duplicate", "warning", "40 rows are nearly the same", 40, places, "write `data.near: drop`"),
        Finding("short_text", "note", "9 texts of at most 2 words", 9, places[:9]),
        Finding("something_new", "note", "a kind that no page knows", 1),
    )
    columns = (column("text", kind="text", role="input"), column("label", role="target"), column("region"))
    fit = TokenFit("starter/lm", 400, 512, SHAPE, 1.4, 3.9, 0.0, 0.02, 0.01)
    return Audit(
        source="some/folder/t.csv",
        format="csv",
        encoding="utf-8",
        read=403,
        task="classification",
        task_reason="'text' holds texts, 'label' one of 14 labels for each",
        alternatives=("'region' could also be the label",),
        columns=(*columns, column("ticket", trait="identifier")),
        findings=findings,
        profile=profile(),
        characters=SHAPE,
        words=SHAPE,
        labels=LabelFigures(dict.fromkeys(LABELS, 28), 1.0, 3.8, 1.0),
        associations=(association(), replace(association("length"), skewed=False)),
        vocabulary=Vocabulary(400, 10_000, 900, 0.09, 0.4, 0.7, 0.31, "where is my", 0.12),
        tokens=(fit, replace(fit, model="t5", unknown_share=None, lost_share=None)),
        shift=shift(),
        map=TextMap("t-SNE", "starter/encoder", 400, points("a text", LABELS)),
        samples=(SampleRow("t.csv:9", "where is my parcel", "late"), SampleRow("t.csv:10", "two\nlines", None)),
    )


def bare_audit() -> Audit:
    """A file that cannot be prepared."""
    problem = Problem("t.jsonl:7", "'text' is a list", "a text", "join its parts", "t.jsonl")
    return Audit("t.jsonl", "jsonl", "utf-8", 9, None, "no column holds free text", (), (), (), (problem,), "data")


def hostile_audit() -> Audit:
    """Markup and control characters wherever the data's own words stand."""
    whole = whole_audit()
    labels = (HOSTILE, "fine", "x" * 300)
    return replace(
        whole,
        source=HOSTILE,
        task_reason=HOSTILE,
        columns=(column(HOSTILE, examples=(HOSTILE,), role=HOSTILE), column("y" * 200)),
        findings=tuple(replace(f, message=HOSTILE, remedy=HOSTILE, rows=(f"{HOSTILE}:3",)) for f in whole.findings),
        labels=LabelFigures(dict.fromkeys(labels, 28), 1.0, 1.58, 1.0),
        associations=(replace(association(HOSTILE, labels), values=tuple(f"{HOSTILE}{n}" for n in range(5))),),
        tokens=(replace(whole.tokens[0], model=HOSTILE),),
        vocabulary=replace(whole.vocabulary, top_opening=HOSTILE),
        shift=replace(shift(), against=HOSTILE, groups=(Group(3, (HOSTILE,), HOSTILE, HOSTILE),)),
        map=TextMap("t-SNE", "starter/encoder", 400, points(HOSTILE, labels)),
        samples=(SampleRow(HOSTILE, HOSTILE, HOSTILE), SampleRow("t.csv:1", "z" * 500, "w" * 300)),
    )


AUDITS = {"whole": whole_audit, "bare": bare_audit, "hostile": hostile_audit}
