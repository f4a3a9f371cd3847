"""Scopes that a commit takes away, makes smaller, or leaves out of balance."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from convert.flow.code import Routine
from convert.flow.provenance.index import Index
from convert.flow.provenance.names import Names
from convert.source.variants import Call
from convert.verify.review.balance import Fault, FaultKind, scope_faults
from convert.verify.review.matching import FunctionPair
from convert.verify.review.model import Finding, Rule, Severity
from convert.verify.review.scopes import kinds_open


def balance_findings(pair: FunctionPair, names: Names) -> Iterator[Finding]:
    """The faults of a function's scopes that it did not have before the commit."""
    known = Counter(fault.kind for fault in _faults(pair.before, names))
    for fault in _faults(pair.after, names):
        if known[fault.kind]:
            known[fault.kind] -= 1
            continue
        unread = fault.kind is FaultKind.TOO_MANY_PATHS
        routine = pair.after[0]
        yield Finding(
            rule=Rule.NOT_REVIEWED if unread else Rule.SCOPE_BALANCE,
            severity=Severity.UNKNOWN if unread else Severity.ERROR,
            file=routine.path,
            line=fault.line,
            line_before=None,
            function=routine.key.name,
            message=fault.text,
        )


def _faults(routines: Iterable[Routine], names: Names) -> list[Fault]:
    """The faults in any ``#if`` variant, each once."""
    return list(dict.fromkeys(f for routine in routines for f in scope_faults(routine, names)))


@dataclass(frozen=True)
class _Cover:
    """How many calls of a name stand inside of a kind of scope, and how many outside."""

    inside: int
    outside: int


def removed_scopes(
    pair: FunctionPair, names: Names, index: Index, opened_elsewhere: frozenset[str]
) -> Iterator[Finding]:
    """Calls that were in a scope and are not any more.

    opened_elsewhere: the kinds of scope of which the commit opens more in other functions.
    """
    if not pair.before or not pair.after:
        return
    old, new = pair.before[0], pair.after[0]
    for kind in sorted(_kinds(old, names)):
        before, after = _covers(old, names, kind), _covers(new, names, kind)
        gone = kind not in _kinds(new, names)
        lost = [
            name
            for name, cover in before.items()
            if cover.inside
            and name in after
            and after[name].inside < cover.inside
            and after[name].outside > cover.outside
            and (_may_allocate(index, new.path, name) or (gone and not index.find(new.path, name)))
        ]
        if not lost:
            continue
        listed = ", ".join(f"{name}()" for name in sorted(lost))
        text = f"no {kind} scope is open around {listed} any more"
        if kind in opened_elsewhere:
            text += "; the commit opens one in another function"
        yield Finding(
            rule=Rule.SCOPE_REMOVED,
            severity=Severity.NOTE if kind in opened_elsewhere else Severity.WARNING,
            file=new.path,
            line=min(_line(new, call) for call in new.variant.calls if call.callee in lost),
            line_before=None,
            function=new.key.name,
            message=text,
        )


def opened_kinds(routines: Iterable[Routine], names: Names) -> Counter[str]:
    """How many scopes of each kind some functions open (first ``#if`` variants)."""
    return Counter(
        names.scopes[call.callee].kind
        for routine in routines
        for call in routine.variant.calls
        if call.callee in names.scopes and names.scopes[call.callee].opens
    )


def _kinds(routine: Routine, names: Names) -> frozenset[str]:
    return frozenset(opened_kinds([routine], names))


def _covers(routine: Routine, names: Names, kind: str) -> dict[str, _Cover]:
    calls = [c for c in routine.variant.calls if c.callee and c.callee not in names.scopes]
    kinds = kinds_open(routine, names, {id(call.node) for call in calls})
    inside = Counter(c.callee for c in calls if kind in kinds.get(id(c.node), ()))
    total = Counter(call.callee for call in calls)
    return {
        name: _Cover(inside[name], number - inside[name])
        for name, number in total.items()
        if name is not None and not _is_plain(names, name)
    }


def _is_plain(names: Names, name: str) -> bool:
    """Whether a call is judged by itself (an allocation) or cannot allocate."""
    known = names.primitive(name) is not None or name in names.frees
    return known or names.stubs.effect(name) is not None or name in names.touches


def _may_allocate(index: Index, path: str, name: str) -> bool:
    """Whether a function of the directory may get to an allocator, through any calls."""
    seen: set[tuple[str, str]] = set()
    waiting = [(path, name)]
    while waiting:
        at = waiting.pop()
        if at in seen:
            continue
        seen.add(at)
        for facts in index.find(*at):
            if facts.allocates:
                return True
            waiting += [(facts.path, callee) for callee in facts.callees]
    return False


def _line(routine: Routine, call: Call) -> int:
    return routine.source.line(call.span.start)
