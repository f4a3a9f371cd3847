"""Callers in files that were not read: what they hold when they call is not known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from convert.flow.graph.model import Place, RootKind
from convert.flow.hazards.model import HazardReport
from convert.flow.scopes.model import Chain
from convert.source.text import BrokenSource, read_source
from convert.source.tokens import Kind
from convert.tree.kernel import KernelTree

# Where code may call functions that a filesystem exports; drivers do not.
_CODE = ("fs", "mm", "block", "kernel", "security", "net", "io_uring", "init", "ipc", "lib", "virt")
_WORD = re.compile(rb"\w+")
_OUTSIDE = (RootKind.EXPORTED, RootKind.OUTSIDE)


class OutsideCallers:
    """Looks through a tree for files outside of some paths that name a function."""

    def __init__(self, tree: KernelTree, paths: Sequence[str]) -> None:
        self.tree = tree
        self.read = {path for under in paths for path in tree.files(under)}
        self.wanted: set[str] = set()
        self._found: dict[str, Place | None] = {}

    def expect(self, report: HazardReport) -> None:
        """Note the functions of a report that the outside may call: one search finds all."""
        for one in report.sites:
            witness = one.site.evidence.witness
            if witness is not None and witness.root.kind in _OUTSIDE:
                self.wanted.add(witness.frames[0].function)

    def place(self, function: str) -> Place | None:
        """Where code outside of the paths names a function first; None if none does."""
        if function not in self._found:
            names = (self.wanted | {function}) - set(self._found)
            self._found |= dict.fromkeys(names) | self._search(names)
        return self._found[function]

    def why(self, chain: Chain | None) -> str | None:
        """Why nothing is known of what is held on a chain; None if its root is no outside call.

        A function that no code of the tree outside of the paths names is called by nobody else.
        """
        if chain is None or chain.root.kind not in _OUTSIDE:
            return None
        function = chain.frames[0].function
        place = self.place(function)
        if place is None:
            return None
        return (
            f"what is held in callers of {function}() is not known: {place} names it and was not "
            "read; give all paths that belong together"
        )

    def _search(self, names: Iterable[str]) -> dict[str, Place | None]:
        """The first place of code of each name outside of the paths."""
        wanted = {name.encode() for name in names}
        found: dict[str, Place | None] = {}
        for top in _CODE:
            for path in self.tree.files(top) if self.tree.exists(top) else ():
                if not path.endswith(".c") or path in self.read:
                    continue
                data = self.tree.read(path)
                # An expression of hundreds of alternatives takes forty times as long.
                if here := wanted.intersection(_WORD.findall(data)):
                    for name, line in _named(path, data, here):
                        found.setdefault(name, Place(path, line))
        return found


def _named(path: str, data: bytes, names: Iterable[bytes]) -> Iterable[tuple[str, int]]:
    """The names that stand in code, with their lines, in the order of the text."""
    pattern = re.compile(rb"\b(?:" + b"|".join(sorted(names)) + rb")\b")
    try:
        source = read_source(path, data)
    except BrokenSource:
        return [
            (m[0].decode(), data.count(b"\n", 0, m.start()) + 1) for m in pattern.finditer(data)
        ]
    tokens, found = source.tokens, []
    for match in pattern.finditer(data):
        if tokens.kinds[tokens.index_at(match.start())] != Kind.COMMENT:
            found.append((match[0].decode(), source.line(match.start())))
    return found
