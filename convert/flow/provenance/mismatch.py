"""Memory of one kind that is given to the free of another."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from convert.flow.provenance.evidence import Reached
from convert.flow.provenance.load import Parser, load_provenance
from convert.flow.provenance.names import Names
from convert.flow.provenance.places import Cell, Field, Free, Origin, Out
from convert.flow.provenance.search import Provenance

Rejects = Mapping[str, frozenset[str]]
_WORD = re.compile(rb"[A-Za-z_]\w*")


@dataclass(frozen=True)
class Mismatch:
    """A free that may be given memory of a kind that it does not take.

    certain: all memory that can be meant is of the wrong kind; else other memory gets there too.
    """

    free: Free
    wrong: tuple[Reached, ...]
    certain: bool

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same mismatch in another state of the tree."""
        origins = sorted(
            {f"{r.alloc.path} {r.alloc.function} {r.alloc.family}" for r in self.wrong}
        )
        return (self.free.path, self.free.function, self.free.deallocator, *origins)


def mismatches(provenance: Provenance, rejects: Rejects) -> tuple[Mismatch, ...]:
    """All mismatches of a directory, in the order of the files.

    rejects: the families that each deallocator must not be given. What code gives to another
    function in another branch is told apart and no mismatch.
    """
    found = []
    for free in provenance.frees():
        rejected = rejects.get(free.deallocator)
        if rejected is None:
            continue
        reached = provenance.reaching(free)
        wrong = tuple(
            r for r in reached if r.alloc.family in rejected and not _apart(free, r, rejects)
        )
        if wrong:
            certain = _certain(reached, wrong) and not _replaced(provenance, free, wrong)
            found.append(Mismatch(free, wrong, certain))
    return tuple(found)


def _apart(free: Free, reached: Reached, rejects: Rejects) -> bool:
    """Whether another branch gives such memory to a function that takes it."""
    return any(
        reached.alloc.family not in rejects.get(apart.deallocator, frozenset())
        for apart in free.apart
    )


def _certain(reached: Sequence[Reached], wrong: Sequence[Reached]) -> bool:
    """Whether nothing but wrong memory gets there.

    A function that tries kmalloc() first and vmalloc() then gives memory of one kind: its own. But
    elements of one array, which are not told apart, may get memory of several kinds there.
    """
    if any(_is_element(place) for r in wrong for place in r.way):
        return len(wrong) == len(reached)
    bad = {(r.alloc.path, r.alloc.function) for r in wrong}
    direct = any(not r.way for r in wrong)
    return direct or all((r.alloc.path, r.alloc.function) in bad for r in reached)


def _replaced(provenance: Provenance, free: Free, wrong: Sequence[Reached]) -> bool:
    """Whether code that was not read is handed the address of a place that the memory lies in.

    It may have put other memory there, and the free may be for that memory alone.
    """
    graph = provenance.graph
    places = {graph.resolved(o) for o in free.origins} | {p for r in wrong for p in r.way}
    behind = places | {source for place in places for source in graph.sources.get(place, ())}
    return any(
        isinstance(place, Out)
        and place.key not in graph.index.definitions
        and not graph.names.leaves_alone(place.key.name)
        for place in behind
    )


def _is_element(place: Origin) -> bool:
    """Whether a place stands for all elements of an array, or what a pointer points to."""
    name = place.name if isinstance(place, Cell) else ""
    if isinstance(place, Field):
        name = place.chain[-1]
    return name.endswith("[]")


@dataclass(frozen=True)
class Unit:
    """Files that are looked at together: what they declare nobody else sees."""

    name: str
    files: tuple[str, ...]


def units_of(files: Iterable[str], under: str) -> tuple[Unit, ...]:
    """The files below a path by the directory right below ``fs``, ``drivers`` and the like.

    A path that is itself such a directory, or lies below one, is one unit with all of it.
    """
    found: dict[str, list[str]] = {}
    depth = max(2, len(under.split("/")) if under.count("/") else 2)
    for path in files:
        parts = path.split("/")
        name = "/".join(parts[:depth]) if len(parts) > depth else "/".join(parts[:-1])
        found.setdefault(name, []).append(path)
    return tuple(Unit(name, tuple(sorted(paths))) for name, paths in sorted(found.items()))


def may_mismatch(unit: Unit, data: Callable[[str], bytes], names: Names) -> bool:
    """Whether a unit names a deallocator and an allocator that do not fit; else it has no mismatch.

    Memory of functions outside of the unit is not known to be of any family.
    """
    words: set[str] = set()
    for path in unit.files:
        words |= {word.decode("ascii") for word in set(_WORD.findall(data(path)))}
    families = {names.family(word) for word in words}
    return any(names.all_rejects[word] & families for word in words & names.all_rejects.keys())


def mismatches_of(
    units: Iterable[Unit],
    parsed: Parser,
    names: Names,
    data: Callable[[str], bytes],
    progress: Callable[[str], None] = lambda _: None,
) -> Iterator[Mismatch]:
    """The mismatches of some units that are beyond doubt, one unit after the other.

    Only units that could have one are parsed. Left out is what rests on the type of an object
    alone, and what gets other memory as well: code that keeps both kinds in one place mostly knows
    which is which.
    """
    for unit in units:
        if not may_mismatch(unit, data, names):
            continue
        progress(f"following memory in {unit.name}")
        provenance = load_provenance(unit.files, parsed, names)
        found = mismatches(provenance, names.all_rejects)
        sure = [m for m in found if m.certain and not any(r.by_type for r in m.wrong)]
        yield from sorted(sure, key=lambda m: (m.free.path, m.free.line))
