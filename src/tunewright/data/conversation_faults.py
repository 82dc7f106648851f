"""Conversations that a run would refuse, told when a file is first looked at."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING

from tunewright.core.rows import Finding
from tunewright.data.columns import Columns
from tunewright.data.contents import content_of
from tunewright.data.faults import SHOWN, Fault, at, counted
from tunewright.data.frame import LINE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tunewright.data.proposals import Proposal, Proposals
    from tunewright.data.read import RawTable

KIND = "unfit_conversation"


def conversation_findings(table: RawTable, proposals: Proposals) -> Iterator[Finding]:
    """Each kind of fault for which a run would refuse records, in the run's words; nothing but of conversations."""
    for _, alike in groupby(sorted(_faults(table, proposals), key=lambda fault: fault.kind), lambda fault: fault.kind):
        faults = sorted(alike, key=lambda fault: fault.line)
        first = faults[0]
        where = tuple(at(fault.source, fault.line) for fault in faults[:SHOWN])
        message = f"{counted(len(faults), 'record')} would be refused: {first.place} {first.message}"
        yield Finding(KIND, "error", message, len(faults), where, first.remedy)


def _faults(table: RawTable, proposals: Proposals) -> Iterator[Fault]:
    messages, system, tools = map(_column, (proposals.messages, proposals.system, proposals.tools))
    columns = Columns(messages=messages, system=system, tools=tools)
    if columns.messages is None:
        return
    for record in table.frame.select(LINE, *(column for _, column in columns.pairs)).to_dicts():
        for unfit in content_of(record, columns, "generation")[1]:
            yield Fault(table.source, record[LINE], str(unfit.args[0]), str(unfit.args[1]))


def _column(proposal: Proposal | None) -> str | None:
    return None if proposal is None else proposal.column
