"""What the placing of scopes has to be handed about a tree, and its edits in return."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property

from convert.flow.placement.model import Anchor, PlacedScope
from convert.rules.hazards.words import comment_words
from convert.rules.placing.edits import scope_edits
from convert.rules.placing.hidden import cookie_names, jumping_macros
from convert.rules.placing.including import files_with_header
from convert.rules.placing.model import NotPlaced, Placed, ScopeNames, Surroundings
from convert.rules.placing.placeholders import placeholder_edits
from convert.semantics.scopes import Scope
from convert.semantics.stubs import load_stubs
from convert.sites.sources import C_SUFFIXES
from convert.source.parse import ParsedFile, parse_file
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree

_INCLUDE = "include/"


class TreeEditor:
    """Makes the edits of scopes in the text of a tree, below some paths.

    base: the tree as given, which tells macros that jump and the names that cookies have.
    """

    def __init__(
        self,
        base: KernelTree,
        paths: Sequence[str],
        dialect: Callable[[], Dialect],
        about: Scope,
    ) -> None:
        self.base, self.paths, self.dialect, self.about = base, tuple(paths), dialect, about

    def scope(self, tree: KernelTree, scope: PlacedScope) -> Placed | NotPlaced:
        """The edits for a scope whose anchor is one of ``tree``."""
        anchor = scope.anchor
        files = self._files(tree, anchor)
        return scope_edits(files, anchor, self._around(tree, files), comment_words(scope))

    def placeholders(
        self, tree: KernelTree, place: tuple[str, str, int], calls: Sequence[int]
    ) -> Placed | NotPlaced:
        """The edits that put scopes around the statements of calls of one function.

        place: path, function and start of its definition. calls: offsets of the calls' names.
        """
        path, function, _ = place
        files = {path: self._parsed(tree, path, (function,))}
        return placeholder_edits(files, place, calls, self._around(tree, files))

    # -- the files -----------------------------------------------------------------------------

    def _parsed(self, tree: KernelTree, path: str, names: Iterable[str]) -> ParsedFile:
        return parse_file(read_source(path, tree.read(path)), self.dialect(), frozenset(names))

    def _files(self, tree: KernelTree, anchor: Anchor) -> dict[str, ParsedFile]:
        """The files of an anchor, each parsed as far as it is needed."""
        wanted: dict[str, set[str]] = {anchor.path: {anchor.function}}
        for end in anchor.ends:
            wanted.setdefault(end.path, set()).add(end.function)
        if anchor.structure:
            name = anchor.structure.removeprefix("struct ")
            head = re.compile(rb"\bstruct\s+" + re.escape(name).encode() + rb"\s*\{")
            for path in self._paths(tree):
                if head.search(tree.read(path)):
                    wanted.setdefault(path, set()).add(name)
        return {path: self._parsed(tree, path, names) for path, names in wanted.items()}

    def _paths(self, tree: KernelTree) -> list[str]:
        found = dict.fromkeys(path for under in self.paths for path in tree.files(under))
        return [path for path in found if path.endswith(C_SUFFIXES)]

    # -- what is around ------------------------------------------------------------------------

    def _around(self, tree: KernelTree, files: Iterable[str]) -> Surroundings:
        names = self._names
        return Surroundings(
            dialect=self.dialect(),
            traps=self._traps,
            jumping=jumping_macros(self._sources),
            with_header=files_with_header(tree, files, names.header, self._directories),
            cookies=cookie_names((one.text for one in self._sources), names.save),
            scope=names,
        )

    @cached_property
    def _names(self) -> ScopeNames:
        header = self.about.where.path
        return ScopeNames(self.about.save, self.about.restore, header.removeprefix(_INCLUDE))

    @cached_property
    def _traps(self) -> frozenset[str]:
        helpers = load_stubs().helper
        return frozenset(name for one in helpers if one.does == "trap" for name in one.names)

    @cached_property
    def _directories(self) -> tuple[str, ...]:
        """Where the compiler looks for quoted names, too: the directories below the paths."""
        return tuple(dict.fromkeys(path.rpartition("/")[0] for path in self._paths(self.base)))

    @cached_property
    def _sources(self) -> list[SourceFile]:
        found = []
        for path in self._paths(self.base):
            try:
                found.append(read_source(path, self.base.read(path)))
            except BrokenSource:
                continue  # it is refused where it matters: when it is parsed
        return found
