"""The large allocations read again: the new text is parsed, and its memory followed, anew.

Nothing here trusts what was decided. Every function makes the same calls as before but for the
names that a site says; and the frees of the new text are judged as those of any text are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from convert.errors import InternalCheckError
from convert.flow.provenance.evidence import Reached
from convert.flow.provenance.facts import file_facts
from convert.flow.provenance.forward import Forward, is_structure
from convert.flow.provenance.handling import Handling
from convert.flow.provenance.index import Index
from convert.flow.provenance.names import Names
from convert.flow.provenance.places import Alloc, Free, Heap, Origin
from convert.flow.provenance.search import Provenance
from convert.plan import FileChange, PlannedSite
from convert.rules.model import Converted
from convert.source.edits import Edit, apply_edits
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import read_source
from convert.source.vocabulary import Dialect


@dataclass(frozen=True)
class Ground:
    """What was read before: parsed files, the facts of all files, what names mean."""

    parsed: Callable[[str], ParsedFile | None]
    index: Index
    names: Names
    handling: Handling
    dialect: Dialect


def checked(ground: Ground, sites: Sequence[PlannedSite], changes: Sequence[FileChange]) -> None:
    """Raises InternalCheckError, with the place, for anything that is not as it was meant."""
    files = dict(ground.index.files)
    made: set[tuple[str, int]] = set()
    for change in changes:
        own = [p for p in sites if p.site.file == change.path]
        after = _reread(ground, change, own)
        files[change.path] = file_facts(after, ground.names)
        made |= _made(ground, own, change.edits, after)
    _judge(Forward(Provenance(Index(files), ground.names), ground.handling), made)


def _reread(ground: Ground, change: FileChange, sites: Sequence[PlannedSite]) -> ParsedFile:
    """The new text of a file, whose functions call what they called, renamed where a site says."""
    before = ground.parsed(change.path)
    assert before is not None  # sites of it were found
    text = apply_edits(before.source.text, change.edits)
    after = parse_file(read_source(change.path, text.encode("latin-1")), ground.dialect)
    renamed = {
        p.site.span.start: (p.site.callee, p.decision.replacement.split("(")[0].strip())
        for p in sites
        if isinstance(p.decision, Converted)
    }
    old, new = (*before.functions, *before.macros), (*after.functions, *after.macros)
    if [item.name for item in old] != [item.name for item in new]:
        raise InternalCheckError(f"{change.path}: other functions than before")
    for was, now in zip(old, new, strict=True):
        _same_calls(change.path, was, now, renamed)
    return after


def _same_calls(path: str, was: Item, now: Item, renamed: dict[int, tuple[str, str]]) -> None:
    if len(was.variants) != len(now.variants):
        raise InternalCheckError(f"{path}:{was.line}: {was.name} has other #if variants afterwards")
    for old, new in zip(was.variants, now.variants, strict=True):
        expected = []
        for call in old.calls:
            known = renamed.get(call.span.start)
            named = known is not None and known[0] == call.callee
            expected.append(known[1] if known is not None and named else call.callee)
        if expected != [call.callee for call in new.calls]:
            raise InternalCheckError(f"{path}:{was.line}: {was.name} makes other calls afterwards")


def _made(
    ground: Ground, sites: Sequence[PlannedSite], edits: Sequence[Edit], after: ParsedFile
) -> set[tuple[str, int]]:
    """File and line of each converted allocation in the new text."""
    found = set()
    for planned in sites:
        if not isinstance(planned.decision, Converted):
            continue
        if planned.site.callee in ground.handling.allocators:
            start = planned.site.span.start
            shift = sum(
                len(e.text) - (e.span.end - e.span.start) for e in edits if e.span.end <= start
            )
            found.add((planned.site.file, after.source.line(start + shift)))
    return found


def _judge(forward: Forward, made: set[tuple[str, int]]) -> None:
    """No free of the new text may get memory of a converted allocation that it does not take.

    Asked from both ends: where the memory goes, and what reaches each free.
    """
    provenance = forward.provenance
    rejects = provenance.names.all_rejects
    allocs = [node for node in forward.readers if _is_made(node, made)]
    if len({(one.path, one.line) for one in allocs if isinstance(one, Alloc)}) != len(made):
        raise InternalCheckError("a converted allocation is not found in the new text")
    for alloc in allocs:
        assert isinstance(alloc, Alloc)
        for free in forward.reached(forward.holders(alloc)):
            _fits(free, alloc, rejects)
    for free in provenance.frees():
        for reached in provenance.account(free.origins).reached:
            if _is_made(reached.alloc, made) and not _by_any_type(reached):
                _fits(free, reached.alloc, rejects)


def _fits(free: Free, alloc: Alloc, rejects: Mapping[str, frozenset[str]]) -> None:
    if alloc.family in rejects.get(free.deallocator, frozenset()):
        raise InternalCheckError(
            f"{free.path}:{free.line}: {free.deallocator}() can get memory of "
            f"{alloc.callee}() at {alloc.path}:{alloc.line}"
        )


def _by_any_type(reached: Reached) -> bool:
    """Whether a lookup of objects of no type leads there, such as ``void *``.

    It finds what was inserted; memory that is inserted anywhere was not converted.
    """
    return any(isinstance(place, Heap) and not is_structure(place.base) for place in reached.way)


def _is_made(node: Origin, made: set[tuple[str, int]]) -> bool:
    return isinstance(node, Alloc) and (node.path, node.line) in made
