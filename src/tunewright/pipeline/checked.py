"""What a check found, as people and programs read it."""

from __future__ import annotations

from collections.abc import Mapping  # noqa: TC003  # the type of a constant below
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from tunewright.core.codec import to_data
from tunewright.core.errors import DataError, Problem
from tunewright.core.rows import Finding  # noqa: TC001  # a type of the frozen record below
from tunewright.pipeline.show import ShownRow  # noqa: TC001  # a type of the frozen record below

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tunewright.core.errors import TunewrightError

BASE_NOT_HERE, DATA_NOT_HERE = "model_not_here", "data_not_here"
NOT_LOOKED_AT: Mapping[str, str] = {BASE_NOT_HERE: "the base", DATA_NOT_HERE: "the data"}
"""Kind of a finding to what could not be looked at, since it is on the hub and not on this machine."""


@dataclass(frozen=True, slots=True)
class Fault:
    """An error that a run would meet, and the exit code the run would end with."""

    kind: str
    """Who can act: `recipe`, `data`, `run` or `missing_package`."""
    exit_code: int
    problem: Problem

    def as_dict(self) -> dict[str, Any]:
        """The fault as JSON data: a finding of the severity `error`, and its problem's parts."""
        problem = self.problem
        message = f"{problem.place}: {problem.given}" + (f"; expected {problem.expected}" if problem.expected else "")
        found = {"kind": self.kind, "severity": "error", "message": message, "count": 1, "rows": []}
        return found | asdict(problem) | {"exit_code": self.exit_code}


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found, and what a run would do."""

    faults: tuple[Fault, ...]
    """What stops a run, in the order in which it would be met."""
    findings: tuple[Finding, ...]
    """What is allowed and unwise, or worth knowing."""
    plan: tuple[str, ...] = ()
    shown: tuple[ShownRow, ...] = ()
    """Training rows as the model will see them, where that was asked for."""

    @property
    def errors(self) -> int:
        """Faults that stop a run."""
        return self.count("error")

    @property
    def run_exit_code(self) -> int | None:
        """The exit code that a run would end with at its first fault; None where none is foreseen."""
        if self.faults:
            return self.faults[0].exit_code
        return DataError.exit_code if self.errors else None

    @property
    def not_looked_at(self) -> tuple[str, ...]:
        """What a run would fetch first, and nothing is known of yet."""
        return tuple(what for kind, what in NOT_LOOKED_AT.items() if any(f.kind == kind for f in self.findings))

    @property
    def fit_to_run(self) -> bool | None:
        """Whether a run would begin to train; None where nothing speaks against it and a part was not looked at."""
        if self.errors:
            return False
        return None if self.not_looked_at else True

    def count(self, severity: str) -> int:
        """Faults and findings of one severity; a line that sums up others is none of its own."""
        faults = sum(fault.problem.count for fault in self.faults) if severity == "error" else 0
        return faults + sum(f.severity == severity for f in self.findings)

    def as_dict(self) -> dict[str, Any]:
        """The check as JSON data."""
        found = [{**to_data(finding), "exit_code": None} for finding in self.findings]
        return {
            "fit_to_run": self.fit_to_run,
            "not_looked_at": list(self.not_looked_at),
            "run_exit_code": self.run_exit_code,
            "findings": [*(fault.as_dict() for fault in self.faults), *found],
            "plan": list(self.plan),
            "shown": [row.as_dict() for row in self.shown],
        }


def refuse(findings: Sequence[Finding]) -> None:
    """Raises DataError with all findings that are errors: a training on such rows would teach something else."""
    problems = [
        Problem(", ".join(f.rows[:3]) or f.kind, f"{f.kind}: {f.message}", "", f.remedy)
        for f in findings
        if f.severity == "error"
    ]
    if problems:
        raise DataError(*problems)


def faults_of(error: TunewrightError) -> list[Fault]:
    """A fault for each problem of an error."""
    return [Fault(error.kind, error.exit_code, problem) for problem in error.problems]
