"""Callers in files that were not read: what they hold when they call is not known."""

from __future__ import annotations

import re
from collections.abc import Iterable

from convert.flow.graph.model import Place
from convert.source.text import BrokenSource, read_source
from convert.source.tokens import Kind
from convert.tree.kernel import KernelTree

# Where code may call functions that a filesystem exports; drivers do not.
_CODE = ("fs", "mm", "block", "kernel", "security", "net", "io_uring", "init", "ipc", "lib", "virt")
_WORD = re.compile(rb"\w+")


class OutsideCallers:
    """Looks through a tree for code outside of some files that names a function.

    wanted: functions that will be asked about: the first question looks for all of them.
    """

    def __init__(self, tree: KernelTree, read: Iterable[str], wanted: Iterable[str] = ()) -> None:
        self.tree = tree
        self.read = frozenset(read)
        self.wanted = frozenset(wanted)
        self._found: dict[str, Place | None] = {}

    def place(self, function: str) -> Place | None:
        """Where code outside names a function first; None if none does, so that none calls it."""
        if function not in self._found:
            names = (self.wanted | {function}) - set(self._found)
            self._found |= dict.fromkeys(names) | self._search(names)
        return self._found[function]

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
                        wanted.discard(name.encode())
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
