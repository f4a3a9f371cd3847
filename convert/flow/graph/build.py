"""Building the call graph of some paths of a kernel tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

from convert.flow.code import FunctionKey, Routine
from convert.flow.graph.adopt import Callers
from convert.flow.graph.expand import Expander
from convert.flow.graph.graph import CallEdge, CallGraph, Stored, UnresolvedCall
from convert.flow.graph.headers import Headers
from convert.flow.graph.inlines import leading_back
from convert.flow.graph.macro_parameters import WrittenParameters
from convert.flow.graph.mentions import Mentions, Names, outside_mentions
from convert.flow.graph.model import Place, Resolution, Targets
from convert.flow.graph.paste import Pastes
from convert.flow.graph.places import UNKNOWN, CallSite, Spot
from convert.flow.graph.program import Program
from convert.flow.graph.reader import Reader
from convert.flow.graph.roots import Roots
from convert.flow.graph.signatures import Signatures
from convert.flow.graph.solve import Solver
from convert.flow.graph.types import Types
from convert.flow.graph.typing import Typing
from convert.profiles.callbacks import Callbacks, load_callbacks
from convert.progress import Progress, silent
from convert.semantics.stubs import load_stubs
from convert.sites.sources import Sources
from convert.source.collection import without_collections
from convert.source.dialect import load_dialect
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import read_source
from convert.tree.kernel import KernelTree

SCOPE_PREFIX = "memalloc_"  # what opens and closes scopes: include/linux/sched/mm.h
_WORD = re.compile(rb"[A-Za-z_]\w*")


class GraphBuilder(Protocol):
    """What `build_graph` is; others may remember what they built."""

    def __call__(
        self,
        tree: KernelTree,
        paths: Sequence[str],
        *,
        cache_dir: Path | None = None,
        progress: Progress = silent,
    ) -> CallGraph:
        """The call graph of the files below some paths."""


def build_graph(
    tree: KernelTree,
    paths: Sequence[str],
    *,
    cache_dir: Path | None = None,
    progress: Progress = silent,
) -> CallGraph:
    """Read all C files under the paths and find what each call may run.

    Raises InputError for a path that is not in the tree.
    """
    sources = Sources(tree, paths, lambda: load_dialect(tree, paths, cache_dir))
    with without_collections():
        return _Builder(sources, load_callbacks(), progress).build()


@dataclass
class _Builder:
    sources: Sources
    callbacks: Callbacks
    progress: Progress
    kept: dict[str, frozenset[int]] = field(default_factory=dict)
    expanded: list[ParsedFile] = field(default_factory=list)
    replaced: frozenset[int] = frozenset()

    def build(self) -> CallGraph:
        self.progress("reading")
        self.program.read(self.sources.c_files, self.traps)
        self.expand()
        self.add_inlines()
        self.progress("following functions' addresses")
        self.read_all()
        solver, roots = self.solve()
        found = self.graph(solver, roots)
        self.headers.forget("macro", "inline")
        return found

    @cached_property
    def traps(self) -> frozenset[str]:
        helpers = load_stubs().helper
        return frozenset(name for one in helpers if one.does == "trap" for name in one.names)

    @cached_property
    def headers(self) -> Headers:
        return Headers(self.sources.tree, frozenset(self.sources.c_files), self.sources.tables)

    @cached_property
    def program(self) -> Program:
        types = Types(elsewhere=self.headers.aggregate, more_typedefs=self.headers.typedef)
        return Program(self.sources, types)

    @cached_property
    def typing(self) -> Typing:
        return Typing(self.program, self.headers)

    @cached_property
    def reader(self) -> Reader:
        pastes = Pastes(self.program)
        return Reader(
            self.program,
            self.typing,
            self.callbacks,
            pastes,
            pastes.pasting(),
            Callers(self.headers),
        )

    # -- reading -------------------------------------------------------------------------------

    def read_all(self) -> None:
        pasting = self.reader.pasting
        ordered = sorted(self.program.routines, key=lambda key: key in pasting)
        for key in pasting:  # they may use each other
            for routine in self.program.routines[key]:
                self.reader.note_invocations(routine)
        for key in ordered:
            for routine in self.program.routines[key]:
                self.reader.read(routine)
        for parsed in self.program.files.values():
            kept = self.kept.get(parsed.source.path, frozenset())
            for item in parsed.declarations:
                plain = item.kind != "macro-call" and id(item) not in self.replaced
                if id(item) in kept or (plain and _has_value(item)):
                    self.read_declaration(parsed, item)
        for parsed in self.expanded:
            for item in parsed.declarations:
                if item.kind == "macro-call" or _has_value(item):
                    self.read_declaration(parsed, item)
        for found in tuple(self.program.constants.values()):
            for routine in found:
                self.reader.read_constant(routine)

        while self.reader.pending:
            for routine in self.program.routines[self.reader.pending.pop()]:
                self.reader.read(routine)

    def expand(self) -> None:
        """Read what file-level macro invocations stand for."""
        expander = Expander(self.program, self.headers, self.callbacks.understands)
        found = []
        for path, parsed in self.program.files.items():
            text, kept = expander.file(parsed)
            self.kept[path] = frozenset(map(id, kept))
            if text:
                source = read_source(path, text.encode("latin-1"))
                found.append(parse_file(source, self.sources.tables()))
        self.replaced = frozenset(expander.replaced)
        for parsed in found:
            self.program.add(parsed, self.traps)
            self.expanded.append(parsed)

    def read_declaration(self, parsed: ParsedFile, item: Item) -> None:
        key = FunctionKey(parsed.source.path, f"({item.name})")
        for variant in item.variants:
            self.reader.read_global(Routine(key, parsed.source, item, variant))

    # -- solving -------------------------------------------------------------------------------

    def solve(self) -> tuple[Solver, Roots]:
        facts = self.reader.facts
        signatures = Signatures(self.typing, self.program.routines)
        written = WrittenParameters(self.program, self.callbacks)
        solver = Solver(facts, self.program.routines, signatures, written)
        solver.prepare()
        for spot in (*solver.fields(), *solver.nameless(), *solver.variables()):
            if not self.is_own(spot):
                solver.fill_from_outside(spot)
        solver.run()
        roots = self.roots(solver)
        known: set[FunctionKey] = set()
        while True:
            for key in roots.found.keys() - known:
                known.add(key)
                for routine in self.program.routines.get(key, ()):
                    for name in routine.parameters:
                        solver.add(Spot("local", key, name), UNKNOWN)
            solver.run()
            solver.finish()
            roots = self.roots(solver)
            if roots.found.keys() <= known:
                return solver, roots

    def is_own(self, spot: Spot) -> bool:
        """Whether only the files read fill a place: a variable or a member of theirs."""
        types = self.program.types
        if spot.name in self.mentions.near and not (spot.kind == "variable" and spot.owner):
            return False  # files that were not read know it
        if spot.kind == "variable":
            return True
        if spot.kind == "field":
            return spot.owner in types.own
        return any(spot.name in types.structs[tag] for tag in types.own)

    def roots(self, solver: Solver) -> Roots:
        found = Roots(self.program, self.callbacks, self.is_own)
        found.mentioned(self.mentions.places)
        found.unparsed()
        found.cleanups()
        found.handed(self.reader.facts, solver)
        found.stored(self.reader.facts, solver)
        found.lost(solver, self.typing)
        return found

    @cached_property
    def mentions(self) -> Mentions:
        self.progress("searching the rest of the tree")
        external: set[str] = set()
        local: set[str] = set()
        for key, routines in self.program.routines.items():
            if not key.home:
                in_code = any(r.path.endswith(".c") and not r.is_macro for r in routines)
                (external if in_code else local).add(key.name)
        names = Names(frozenset(external), frozenset(local), frozenset(self.program.static))
        files = frozenset(self.sources.c_files)
        return outside_mentions(
            self.sources.tree, files, names, self.program.included(), SCOPE_PREFIX.encode()
        )

    def add_inlines(self) -> None:
        """Read what the kernel's headers define that leads back here, or changes a scope."""
        used = {
            word.decode()
            for path in self.sources.c_files
            for word in set(_WORD.findall(self.sources.data(path)))
        }
        names = frozenset(key.name for key in self.program.routines if not key.home)
        found = tuple(leading_back(self.headers, self.mentions.headers, names, SCOPE_PREFIX, used))
        self.program.adopt(found, self.traps)

    # -- result --------------------------------------------------------------------------------

    def graph(self, solver: Solver, roots: Roots) -> CallGraph:
        facts = self.reader.facts
        targets = {site.number: self.targets(solver, site) for site in facts.calls}
        return CallGraph(
            routines=self.program.frozen(),
            constants={key: tuple(found) for key, found in self.program.constants.items()},
            roots={key: tuple(found) for key, found in roots.found.items()},
            initialisers=self.initialisers(),
            tables=self.tables(),
            unresolved=tuple(self.unresolved(solver)),
            unparsed=tuple(refusal for refusal, _ in self.program.refusals),
            files=self.sources.c_files,
            _program=self.program,
            _typing=self.typing,
            _targets=targets,
            _callers=self.callers(targets),
            _by_node=self.reader.by_node,
            _constants=self.constants(),
        )

    def targets(self, solver: Solver, site: CallSite) -> Targets:
        if site.keys:
            return Targets(site.keys, (), Resolution.DIRECT, True)
        if site.outside is not None:
            known = not self.program.refused(site.outside)
            return Targets((), (site.outside,), Resolution.DIRECT, known)
        found = tuple(sorted(solver.targets[site.number], key=lambda key: (key.name, key.home)))
        if site.number in solver.unresolved:
            return Targets(found, (), Resolution.SIGNATURE, False)
        how = Resolution.VALUE if site.through is None else Resolution.FIELD
        if solver.from_outside(site) and site.through is not None:
            owner = site.through.owner or "?"
            return Targets(found, (f"{owner}.{site.through.name}",), how, False)
        known = site.through is None or site.through.kind == "field"
        return Targets(found, (), how, known)

    def callers(self, targets: Mapping[int, Targets]) -> Mapping[FunctionKey, tuple[CallEdge, ...]]:
        found: dict[FunctionKey, dict[CallEdge, None]] = {}
        for site in self.reader.facts.calls:
            reached = targets[site.number]
            for key in reached.functions:
                edge = CallEdge(site.routine.key, site.place, reached.how)
                found.setdefault(key, {})[edge] = None
        for user, constant, place in self.reader.facts.uses:
            edge = CallEdge(user.key, place, Resolution.DIRECT)
            found.setdefault(constant.key, {})[edge] = None
        return {key: tuple(edges) for key, edges in found.items()}

    def constants(self) -> Mapping[Routine, tuple[tuple[Routine, Place], ...]]:
        found: dict[Routine, list[tuple[Routine, Place]]] = {}
        for user, constant, place in self.reader.facts.uses:
            found.setdefault(user, []).append((constant, place))
        return {user: tuple(used) for user, used in found.items()}

    def initialisers(self) -> Mapping[tuple[str, str], tuple[Stored, ...]]:
        found: dict[tuple[str, str], dict[tuple[FunctionKey, Place], Stored]] = {}
        for one in self.reader.facts.stored:
            known = found.setdefault((str(one.spot.owner or "?"), one.spot.name), {})
            before = known.get((one.key, one.place))
            if before is None or before.table is None:
                known[one.key, one.place] = Stored(one.key, one.place, one.table, one.row)
        return {member: tuple(stored.values()) for member, stored in found.items()}

    def tables(self) -> Mapping[tuple[str, str], Mapping[str, tuple[FunctionKey, ...]]]:
        found: dict[tuple[str, str], dict[str, dict[FunctionKey, None]]] = {}
        for one in self.reader.facts.stored:
            if one.table is not None:
                found.setdefault(one.table, {}).setdefault(one.spot.name, {})[one.key] = None
        return {
            table: {member: tuple(keys) for member, keys in members.items()}
            for table, members in found.items()
        }

    def unresolved(self, solver: Solver) -> Iterable[UnresolvedCall]:
        for site in self.reader.facts.calls:
            if site.number in solver.unresolved:
                yield UnresolvedCall(
                    site.place,
                    site.routine.text(site.node),
                    solver.signatures.text(site),
                    len(solver.targets[site.number]),
                )


def _has_value(item: Item) -> bool:
    """Whether a declaration has an initialiser: only then it can hold a function's address."""
    return any(one.init is not None for variant in item.variants for one in variant.declarators)
