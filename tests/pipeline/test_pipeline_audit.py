"""An audit finds what a run would find, writes nothing, and says what it needs where it cannot go on."""

from __future__ import annotations

import csv
import json
import random
from pathlib import Path

import pytest

from tunewright.core.audit import Audit
from tunewright.core.codec import from_data, to_data
from tunewright.core.errors import DataError, MissingPackage, RecipeError
from tunewright.core.files import tree_hashes
from tunewright.data.prepare import Request, prepare
from tunewright.data.sniff import sniff
from tunewright.pipeline.audit import NO_LOCK, AuditRequest, audit, proposed_spec
from tunewright.pipeline.audit_files import write_tables
from tunewright.pipeline.audit_map import text_map
from tunewright.pipeline.context import Context
from tunewright.pipeline.init import propose, write_recipe
from tunewright.pipeline.prepare import prepared_rows
from tunewright.pipeline.unmeasured import Unmeasured
from tunewright.recipe.data import StratifiedSplit
from tunewright.recipe.load import load_recipe

WORDS = "parcel courier late van street door signature depot receipt week order refund".split()  # noqa: SIM905  # read as prose


def tickets(count: int, *, seed: int = 5) -> list[dict[str, str]]:
    draw = random.Random(seed)
    rows = []
    for n in range(count):
        label = draw.choice(["late", "late", "refund"])
        region = "Lisbon" if label == "refund" and draw.random() < 0.8 else draw.choice(["Cork", "Dublin", "Galway"])
        text = " ".join(draw.choice(WORDS) for _ in range(12)) + f" {n}"
        rows.append({"text": text, "label": label, "region": region, "ticket": f"T{n:05}"})
    return [*rows, dict(rows[0], ticket="T99998"), {"text": " ", "label": "late", "region": "Cork", "ticket": "T99999"}]


def written(path: Path, rows: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return written(Path("tickets.csv"), tickets(200))


def kinds(found: Audit) -> set[str]:
    return {finding.kind for finding in found.findings}


def test_the_findings_are_those_that_a_run_would_find(data: Path, bert: Path) -> None:
    found = audit(AuditRequest(data))
    write_recipe(propose(data, Path("recipe.yaml"), model=str(bert)), force=False)
    run = prepared_rows(Context(load_recipe(Path("recipe.yaml"))), Unmeasured())
    assert found.profile == run.profile
    assert set(run.profile.findings) <= set(found.findings)
    assert {"exact_duplicate", "missing_text", "shortcut", "identifier_column"} <= kinds(found)
    assert (found.read, found.exit_code) == (202, 0)


def test_the_columns_are_those_that_init_writes(data: Path, bert: Path) -> None:
    write_recipe(propose(data, Path("recipe.yaml"), model=str(bert)), force=False)
    assert proposed_spec(sniff(data)) == load_recipe(Path("recipe.yaml")).recipe.data


def test_nothing_is_written_and_no_lock_is_read(data: Path) -> None:
    Path("tunewright.lock").write_text("not a lock")
    before = tree_hashes(Path())
    audit(AuditRequest(data))
    assert tree_hashes(Path()) == before


def test_findings_stand_by_severity_and_the_audit_outlives_json(data: Path) -> None:
    found = audit(AuditRequest(data))
    order = [finding.severity for finding in found.findings]
    assert order == sorted(order, key=["error", "warning", "note"].index)
    again = json.loads(json.dumps(to_data(found), allow_nan=False))
    assert from_data(Audit, again, place="audit") == found


def test_labels_are_counted_over_kept_rows_with_their_entropy(data: Path) -> None:
    labels = audit(AuditRequest(data)).labels
    assert sum(labels.counts.values()) == 200
    assert list(labels.counts) == ["late", "refund"]
    assert 0 < labels.entropy_bits < 1
    assert labels.evenness == pytest.approx(labels.entropy_bits)  # of two labels, the most is one bit
    assert labels.imbalance_ratio == labels.counts["late"] / labels.counts["refund"]


def test_broken_records_are_listed_together_and_the_columns_stay_profiled(tmp_path: Path) -> None:
    rows = [{"text": f"my parcel is late again {n}", "label": "ab"[n % 2]} for n in range(40)]
    lines = [json.dumps(row) for row in rows]
    lines[6] = json.dumps({"text": ["no", "text"], "label": "a"})
    lines[9] = json.dumps({"text": "my parcel", "label": {"of": "b"}})
    path = tmp_path / "broken.jsonl"
    path.write_text("\n".join(lines))
    found = audit(AuditRequest(path, task="classification"))
    assert (found.exit_code, found.fault_kind, found.profile) == (3, "data", None)
    told = " ".join(problem.place for problem in found.faults)
    assert "broken.jsonl:7" in told
    assert "broken.jsonl:10" in told
    assert [column.name for column in found.columns] == ["text", "label"]


def test_an_unreadable_file_raises_and_a_recipe_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError):
        audit(AuditRequest(tmp_path / "empty.csv"))
    (tmp_path / "recipe.yaml").write_text("model: x\n")
    with pytest.raises(RecipeError, match="tunewright check"):
        audit(AuditRequest(tmp_path / "recipe.yaml"))


def test_a_file_without_a_task_is_profiled_by_its_columns_and_told_what_it_needs(tmp_path: Path) -> None:
    path = written(tmp_path / "numbers.csv", [{"a": str(n), "b": str(n % 7)} for n in range(60)])
    found = audit(AuditRequest(path))
    assert (found.task, found.profile, found.exit_code) == (None, None, 0)
    assert [column.name for column in found.columns] == ["a", "b"]
    finding = next(finding for finding in found.findings if finding.kind == "task_unknown")
    assert "--task" in finding.remedy


def test_bases_that_are_here_are_measured_and_others_are_told(data: Path, bert: Path, tmp_path: Path) -> None:
    found = audit(AuditRequest(data, models=(str(bert), "nobody/has-this", str(bert))))
    (fit,) = found.tokens
    assert (fit.model, fit.rows, fit.max_tokens) == (str(bert), 200, 40)
    assert fit.unknown_share == 1  # the tiny tokenizer knows none of these words
    assert (fit.overlong_share, fit.lost_share) == (0, None)
    assert fit.tokens_per_word == pytest.approx(1.0)
    assert "model_not_here" in kinds(found)
    assert "unknown_tokens" in kinds(found), "the data is prepared with the first base's tokenizer"
    (without,) = [audit(AuditRequest(data))]
    assert without.tokens == ()


def test_a_base_that_cannot_do_the_task_is_a_warning(tmp_path: Path, bert: Path) -> None:
    rows = [{"question": f"where is my parcel number {n}", "answer": f"it is in van {n} of ours"} for n in range(60)]
    found = audit(AuditRequest(written(tmp_path / "pairs.csv", rows), task="generation", models=(str(bert),)))
    assert (found.task, found.tokens) == ("generation", ())
    assert "model_unfit" in kinds(found)
    assert found.profile is not None


def test_production_is_compared_by_the_same_columns(data: Path) -> None:
    same = written(Path("same.csv"), [{k: v for k, v in row.items() if k != "label"} for row in tickets(150, seed=9)])
    found = audit(AuditRequest(data, against=same))
    assert found.shift.rows == 151
    assert found.shift.labels is None
    assert next(one for one in found.shift.compared if one.what == "label").value is None
    assert not {"shift", "uncovered", "length_shift"} & kinds(found)
    other = [{"text": f"tulip spade compost seed hedge lawn {n} rake bulb", "label": "garden"} for n in range(120)]
    shifted = audit(AuditRequest(data, against=written(Path("other.csv"), other)))
    assert {"shift", "uncovered", "vocabulary_shift", "label_shift", "unseen_label"} <= kinds(shifted)
    assert shifted.shift.two_sample.auc > 0.95
    assert audit(AuditRequest(data)).shift is None


def test_production_without_a_column_for_the_text_is_refused(data: Path) -> None:
    path = written(Path("numbers.csv"), [{"a": str(n), "b": str(n % 7)} for n in range(60)])
    with pytest.raises(RecipeError, match="'text'"):
        audit(AuditRequest(data, against=path))


def test_the_tables_hold_what_the_audit_holds_and_an_unknown_is_an_empty_cell(data: Path, tmp_path: Path) -> None:
    found = audit(AuditRequest(data))
    names = {path.stem for path in write_tables(found, tmp_path / "out")}
    assert names == {"columns", "labels", "lengths", "findings", "associations"}
    rows = {name: list(csv.DictReader((tmp_path / "out" / f"{name}.csv").open(encoding="utf-8"))) for name in names}
    assert {row["label"]: int(row["rows"]) for row in rows["labels"]} == dict(found.labels.counts)
    places = [row["place"] for row in rows["findings"] if row["kind"] == "exact_duplicate"]
    assert tuple(places) == next(f.rows for f in found.findings if f.kind == "exact_duplicate")
    assert {row["kind"] for row in rows["findings"]} == kinds(found)
    assert sum(int(row["rows"]) for row in rows["associations"] if row["column"] == "region") == 200


def test_the_map_places_rows_with_their_labels(data: Path) -> None:
    spec = proposed_spec(sniff(data))
    rows = prepare(Request(spec, StratifiedSplit(), "classification", Path(), NO_LOCK), encoder=Unmeasured())
    try:
        drawn = text_map(rows.splits["test"].head(20), seed=13)
    except MissingPackage as fault:
        pytest.skip(str(fault))
    assert (drawn.method, drawn.of_rows, len(drawn.points)) == ("principal components", 20, 20)
    assert drawn == text_map(rows.splits["test"].head(20), seed=13)
    assert text_map(rows.splits["test"].head(2), seed=13) is None
