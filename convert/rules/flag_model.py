"""What following flags gives: uses, declarations, failures, and the groups that they form."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from convert.rules.flag_reading import Holder
from convert.rules.flag_use import Use
from convert.sites.occurrences import Occurrence
from convert.source.edits import Span


@dataclass(frozen=True)
class Failure:
    """Why something is not understood, with its place."""

    path: str
    line: int
    what: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}"


@dataclass(frozen=True)
class Declared:
    """A declaration of a holder: where its type stands and what a reader would call the place."""

    holder: Holder
    path: str
    function: str | None
    type_span: Span  # the bytes to become gfp_t
    name_start: int  # where the declared name (or what follows the type) starts
    whole: Span
    name_spans: tuple[Span, ...]  # every place in the function where the name stands, for renaming
    name: str


@dataclass
class FlagFlow:
    """All uses and declarations met, and what was not understood.

    ``failures`` are by holder; ``lost`` are flag or type names in code that no use explains.
    """

    uses: set[Use] = field(default_factory=set)
    declared: set[Declared] = field(default_factory=set)
    failures: dict[Holder, Failure] = field(default_factory=dict)
    lost: dict[tuple[str, Occurrence], Failure] = field(default_factory=dict)
    dead: set[tuple[str, Occurrence]] = field(default_factory=set)

    def group_failure(self) -> dict[Holder, Failure]:
        """For every holder that cannot be converted, the failure that its group goes back to."""
        ties: dict[Holder, set[Holder]] = defaultdict(set)
        for use in self.uses:
            for one in use.linked:
                ties[one] |= use.linked
        shared: dict[tuple[str, Span], set[Holder]] = defaultdict(set)
        for declared in self.declared:  # `flags_t a, b;`: one type for both
            shared[declared.path, declared.type_span].add(declared.holder)
        for together in shared.values():
            for one in together:
                ties[one] |= together
        result = dict(self.failures)
        pending = sorted(self.failures, key=repr)
        while pending:
            holder = pending.pop()
            for other in sorted(ties[holder], key=repr):
                if other not in result:
                    result[other] = result[holder]
                    pending.append(other)
        return result


def lost_in(flow: FlagFlow, path: str, spans: Iterable[Span]) -> Failure | None:
    """The first thing that was not understood inside one of the spans of a file."""
    held = tuple(spans)
    for (where, found), failure in sorted(flow.lost.items(), key=lambda row: row[0][1].span):
        if where == path and any(found.span in span for span in held):
            return failure
    return None
