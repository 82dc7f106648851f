"""What a first look at a file proposes: its task and columns, each with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from tunewright.core.rows import Finding
    from tunewright.recipe.recipe import TaskName

Family = Literal["encoder", "causal", "seq2seq"]
"""What the base that is to be tuned is, as the catalogue says it."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A column, or several that belong together, and in one sentence why."""

    column: str
    reason: str
    more: tuple[str, ...] = ()
    """Columns whose texts follow behind it."""

    @property
    def columns(self) -> tuple[str, ...]:
        """All of them, in their order."""
        return (self.column, *self.more)

    @property
    def value(self) -> str | list[str]:
        """As the recipe says it."""
        return list(self.columns) if self.more else self.column


@dataclass(frozen=True, slots=True)
class Proposals:
    """The columns of a file by what they seem to hold, and the task that fits."""

    input: Proposal | None = None
    target: Proposal | None = None
    messages: Proposal | None = None
    system: Proposal | None = None
    tools: Proposal | None = None
    group: Proposal | None = None
    time: Proposal | None = None
    id: Proposal | None = None
    task: TaskName | None = None
    label_delimiter: str | None = None
    """What divides the labels of one text."""
    task_reason: str = ""
    alternatives: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    """Shapes that the file has and that no task of this version trains."""
