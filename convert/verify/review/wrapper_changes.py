"""Wrappers whose body a commit changes: the same call promises something else."""

from __future__ import annotations

from collections.abc import Iterator

from convert.semantics.cint import UINT, exact
from convert.verify.review.compare import lost
from convert.verify.review.contracts import Wrapper
from convert.verify.review.matching import FunctionPair
from convert.verify.review.model import Finding, Rule, Severity
from convert.verify.review.promises import Promise
from convert.verify.review.states import State

_WORDS = {
    Rule.NEVER_FAIL_LOST: "may fail where it could not",
    Rule.NOFS_LOST: "lets reclaim enter the filesystem where it did not",
    Rule.ZEROING_LOST: "returns memory that is not zeroed where it was",
}


def wrapper_findings(pair: FunctionPair, before: State, after: State) -> Iterator[Finding]:
    """What a changed wrapper promises less, for each set of flags that its callers pass."""
    if not pair.before or not pair.after:
        return
    routine = pair.after[0]
    old = before.wrappers.find(pair.before[0].path, pair.before[0].key.name)
    new = after.wrappers.find(routine.path, routine.key.name)
    if not isinstance(old, Wrapper) or not isinstance(new, Wrapper):
        return
    for bits in sorted(_passed(routine.key.name, after), key=str):
        values = None if bits is None else frozenset([exact(bits, UINT)])
        one = before.wrappers.promise(old, values, ())
        other = after.wrappers.promise(new, values, ())
        for rule in _broken(one, other):
            given = "" if bits is None else f" with flags {bits:#x}"
            yield Finding(
                rule=rule,
                severity=Severity.ERROR,
                file=routine.path,
                line=routine.source.line(routine.item.name_span.start),
                line_before=None,
                function=routine.key.name,
                message=f"{routine.key.name}(){given} {_WORDS[rule]}, in all of its callers",
                before=one.text,
                after=other.text,
            )


def _broken(old: Promise, new: Promise) -> Iterator[Rule]:
    if lost((c.may_fail for c in old.cases), (c.may_fail for c in new.cases)):
        yield Rule.NEVER_FAIL_LOST
    if lost((c.fs_reclaim for c in old.cases), (c.fs_reclaim for c in new.cases)):
        yield Rule.NOFS_LOST
    if old.contract.zeroed and new.contract.zeroed is False:
        yield Rule.ZEROING_LOST


def _passed(name: str, state: State) -> frozenset[int | None]:
    """The flags that callers pass to a wrapper; None where they are not known."""
    found: set[int | None] = set()
    for function in state.index.functions():
        if name not in function.callees:
            continue
        for routine in state.routines_named(function.path, function.key.name):
            for site in state.reader.sites(routine):
                if site.callee == name:
                    values = site.values or ()
                    found |= {value.number for value in values} if values else {None}
    return frozenset(found)
