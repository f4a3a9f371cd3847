"""Wrappers and masks by name that a commit changes: the same call promises something else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from convert.flow.provenance.execution import Wrapper
from convert.flow.provenance.facts import FunctionFacts
from convert.semantics.cint import UINT, exact
from convert.source.parse import Item, ParsedFile
from convert.verify.review.compare import lost
from convert.verify.review.model import Finding, Rule, Severity
from convert.verify.review.promises import Promise
from convert.verify.review.states import State

_WORDS = {
    Rule.NEVER_FAIL_LOST: "may fail where it could not",
    Rule.NOFS_LOST: "lets reclaim enter the filesystem where it did not",
    Rule.ZEROING_LOST: "returns memory that is not zeroed where it was",
}


def wrapper_findings(changed: Iterable[str], before: State, after: State) -> Iterator[Finding]:
    """What wrappers promise less than before, for each set of flags that callers pass.

    changed: the names of the functions and macros that the commit changes. A wrapper is looked at
    if it is one of them or rests on one.
    """
    names = frozenset(changed)
    seen: set[tuple[str, str]] = set()
    for function in after.index.functions():
        at = (function.path, function.key.name)
        if at in seen or not after.wrappers.is_candidate(function):
            continue
        seen.add(at)
        if names & after.wrappers.builder.closure(function):
            yield from _wrapper(function, before, after)


def _wrapper(function: FunctionFacts, before: State, after: State) -> Iterator[Finding]:
    name = function.key.name
    old = before.wrappers.find(function.path, name)
    new = after.wrappers.find(function.path, name)
    if not isinstance(old, Wrapper) or not isinstance(new, Wrapper):
        return
    for bits in sorted(_passed(name, after), key=str):
        values = None if bits is None else frozenset([exact(bits, UINT)])
        one = before.wrappers.promise(old, values, ())
        other = after.wrappers.promise(new, values, ())
        for rule in _broken(one, other):
            given = "" if bits is None else f" with flags {bits:#x}"
            yield Finding(
                rule=rule,
                severity=Severity.ERROR,
                file=function.path,
                line=function.line,
                line_before=None,
                function=name,
                message=f"{name}(){given} {_WORDS[rule]}, in all of its callers",
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


def mask_macro_findings(path: str, before: State, after: State) -> Iterator[Finding]:
    """Macros that name a mask and stand for a laxer one now, wherever they are used."""
    sides = [state.parsed(path) for state in (before, after)]
    old, new = (_masks(side) if side is not None else {} for side in sides)
    reader = after.wrappers.reader
    for name, item in new.items():
        if name not in old or _words(sides[0], old[name]) == _words(sides[1], item):
            continue
        values = [state.reader.constants.constant(path, name) for state in (before, after)]
        if None in values:
            continue
        masks = [exact(value, UINT) for value in values if value is not None]
        for bit, kept, rule, text in (
            ("__GFP_FS", False, Rule.NOFS_LOST, "lets reclaim enter the filesystem"),
            ("__GFP_NOFAIL", True, Rule.NEVER_FAIL_LOST, "does not say __GFP_NOFAIL any more"),
        ):
            had, has = (reader.has(mask, bit) for mask in masks)
            if had is kept and has is not kept:
                yield Finding(
                    rule=rule,
                    severity=Severity.ERROR,
                    file=path,
                    line=item.line,
                    line_before=old[name].line,
                    function=None,
                    message=f"{name} {text}, wherever it is used",
                    before=reader.text(masks[0]),
                    after=reader.text(masks[1]),
                )


def _masks(parsed: ParsedFile) -> dict[str, Item]:
    """The macros whose text names a mask."""
    return {
        item.name: item
        for item in parsed.macros
        if "GFP_" in item.span.of(parsed.source.text).partition(item.name)[2]
    }


def _words(parsed: ParsedFile | None, item: Item) -> tuple[str, ...]:
    if parsed is None:
        return ()
    return tuple(item.span.of(parsed.source.text).split())
