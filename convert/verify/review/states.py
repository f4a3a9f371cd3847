"""The tree before and after each commit, with everything derived from it kept where it holds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from convert.errors import InputError
from convert.flow.code import Routine, routines_of
from convert.flow.provenance.facts import FileFacts, file_facts
from convert.flow.provenance.index import Index
from convert.flow.provenance.names import Names
from convert.flow.provenance.search import Provenance
from convert.semantics.capabilities import capabilities
from convert.semantics.gfp import GFP_HEADERS, GfpTable, load_gfp
from convert.semantics.scopes import ScopeTable, scope_table
from convert.source.dialect import Dialect, load_dialect
from convert.source.parse import ParsedFile, parse_file
from convert.source.text import BrokenSource, read_source
from convert.tree.kernel import KernelTree
from convert.verify.review.contracts import ConstantTable, Wrappers
from convert.verify.review.mails import Commit
from convert.verify.review.overlay import OverlayTree
from convert.verify.review.reader import SiteReader
from convert.verify.review.sizes import TreeSizes

C_SUFFIXES = (".c", ".h")
_MOST_PARSED = 200  # parsed files that are kept
_ORDER = 1  # what the page allocator promises __GFP_NOFAIL for where its source does not tell


def roots_of(paths: Iterable[str], tree: KernelTree) -> tuple[str, ...]:
    """The directories that files belong to: ``fs/NAME``, else the file's own directory.

    A header below ``include/`` stands for itself: what it declares belongs to no directory.
    """
    found: dict[str, None] = {}
    for path in paths:
        parts = PurePosixPath(path).parts
        if parts[0] in ("include", "arch") or len(parts) < 3:
            found[path] = None
        elif parts[0] == "fs":
            found["/".join(parts[:2])] = None
        else:
            found["/".join(parts[:-1])] = None
    return tuple(root for root in found if tree.exists(root))


def series_dialect(
    tree: KernelTree, commits: Sequence[Commit], roots: Sequence[str], cache_dir: Path | None
) -> Dialect:
    """The dialect of all states of a series: what any version of a header defines is known."""
    versions: dict[str, bytes | None] = {}
    for number, commit in enumerate(commits):
        for change in commit.changes:
            if change.path.endswith(".h") and change.after is not None:
                versions[f"{change.path[:-2]}-{number}-.h"] = change.after
    return load_dialect(OverlayTree(tree, versions), roots, cache_dir)


@dataclass
class Workshop:
    """What is read once for a whole series: files by content, headers by content."""

    names: Names
    dialect: Dialect
    roots: tuple[str, ...]
    _facts: dict[tuple[str, bytes], FileFacts | None] = field(default_factory=dict)
    _parsed: dict[tuple[str, bytes], ParsedFile] = field(default_factory=dict)
    _tables: dict[bytes, tuple[GfpTable, ScopeTable, int]] = field(default_factory=dict)
    broken: dict[tuple[str, bytes], BrokenSource] = field(default_factory=dict)

    def parsed(self, path: str, data: bytes) -> ParsedFile:
        """A file, parsed. Raises BrokenSource."""
        key = (path, _digest(data))
        if key not in self._parsed:
            parsed = parse_file(read_source(path, data), self.dialect)
            if len(self._parsed) >= _MOST_PARSED:
                del self._parsed[next(iter(self._parsed))]
            self._parsed[key] = parsed
        return self._parsed[key]

    def facts(self, path: str, data: bytes) -> FileFacts | None:
        """What a file says; None if it cannot be split into tokens."""
        key = (path, _digest(data))
        if key not in self._facts:
            try:
                known = self._parsed.get(key)
                parsed = known or parse_file(read_source(path, data), self.dialect)
                self._facts[key] = file_facts(parsed, self.names)
            except BrokenSource as error:
                self.broken[key] = error
                self._facts[key] = None
        return self._facts[key]

    def tables(self, tree: KernelTree) -> tuple[GfpTable, ScopeTable, int]:
        """The tree's masks and scopes, and the highest order for ``__GFP_NOFAIL``."""
        facts = self.names.stubs.scope
        order_file = self.names.stubs.capability.order_file
        paths = [*GFP_HEADERS, *facts.headers, *facts.constants, facts.reclaim_file, order_file]
        digest = hashlib.sha256()
        for path in dict.fromkeys(paths):
            digest.update(path.encode() + b"\0")
            if tree.exists(path):
                digest.update(_digest(tree.read(path)))
        key = digest.digest()
        if key not in self._tables:
            scopes = scope_table(tree, self.dialect, self.names.stubs)
            found = capabilities(tree, self.dialect, self.names.stubs).found.get("nofail-order")
            order = found.value if found is not None else None
            limit = order if isinstance(order, int) and not isinstance(order, bool) else _ORDER
            self._tables[key] = (load_gfp(tree), scopes, limit)
        return self._tables[key]


def _digest(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


@dataclass
class State:
    """One state of the tree."""

    tree: KernelTree
    workshop: Workshop
    _routines: dict[str, tuple[Routine, ...]] = field(default_factory=dict)

    @cached_property
    def index(self) -> Index:
        """The facts of all files below the roots."""
        files: dict[str, FileFacts] = {}
        for root in self.workshop.roots:
            if not self.tree.exists(root):
                continue
            for path in self.tree.files(root):
                if path.endswith(C_SUFFIXES):
                    facts = self.workshop.facts(path, self.tree.read(path))
                    if facts is not None:
                        files[path] = facts
        return Index(files)

    @cached_property
    def provenance(self) -> Provenance:
        """Which allocations reach which frees."""
        return Provenance(self.index, self.workshop.names)

    @cached_property
    def wrappers(self) -> Wrappers:
        """The contracts of the tree's wrappers."""
        gfp, scopes, _ = self.workshop.tables(self.tree)
        return Wrappers(
            self.tree, self.workshop.dialect, self.workshop.names, gfp, scopes, self.index,
            self.provenance,
        )  # fmt: skip

    @cached_property
    def sizes(self) -> TreeSizes:
        """How large allocations can be."""
        files = tuple(self.index.files)  # headers too: a Makefile may add directories
        order = self.workshop.tables(self.tree)[2]
        return TreeSizes(self.tree, files, self.workshop.dialect, order)

    @cached_property
    def reader(self) -> SiteReader:
        """Finds sites and what they promise."""
        constants = ConstantTable(self.tree, self.wrappers.gfp, self.index)
        return SiteReader(self.workshop.names, self.wrappers, constants, self.routines_named)

    def parsed(self, path: str) -> ParsedFile | None:
        """A file of this state, parsed; None if there is none. Raises BrokenSource."""
        if not self.tree.exists(path):
            return None
        return self.workshop.parsed(path, self.tree.read(path))

    def routines(self, path: str) -> tuple[Routine, ...]:
        """The functions and macros of a file, the same objects each time. Raises BrokenSource."""
        if path not in self._routines:
            parsed = self.parsed(path)
            traps = self.workshop.names.traps
            self._routines[path] = routines_of(parsed, traps) if parsed is not None else ()
        return self._routines[path]

    def routines_named(self, path: str, name: str) -> tuple[Routine, ...]:
        """The functions of a name in a file; none if the file cannot be read."""
        try:
            return tuple(one for one in self.routines(path) if one.key.name == name)
        except BrokenSource:
            return ()


def states_of(
    tree: KernelTree, commits: Sequence[Commit], workshop: Workshop
) -> Iterable[tuple[State, State, Commit]]:
    """Each commit with the states before and after it."""
    changed: dict[str, bytes | None] = {}
    before = State(tree, workshop)
    for commit in commits:
        changed = {**changed, **_changes(commit)}
        after = State(OverlayTree(tree, changed), workshop)
        yield before, after, commit
        before = after


def _changes(commit: Commit) -> Mapping[str, bytes | None]:
    return {change.path: change.after for change in commit.changes}


def check_tree(tree: KernelTree) -> None:
    """Raises InputError for a tree without gfp headers: masks could not be read."""
    if not any(tree.exists(path) for path in GFP_HEADERS):
        raise InputError(f"{tree.name}: no gfp header in there; name the top of a kernel tree")
