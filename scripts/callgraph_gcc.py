"""Compare the call graph with the one that gcc writes for the same files.

    python -m scripts.callgraph_gcc TREE BUILD PATH… [--show N]

BUILD is an output directory in which the paths were compiled with `-fcallgraph-info`:

    make O=BUILD defconfig prepare
    make O=BUILD -k KCFLAGS='-fcallgraph-info -fno-inline -fno-ipa-icf -fno-ipa-cp -fno-ipa-sra
        -fno-partial-inlining -fno-optimize-sibling-calls -Wno-error' PATH…

Every edge that gcc sees between two functions of the paths must be ours: a call, or calls through
macros. Where gcc's caller is not in the paths, or is made by a macro that we do not follow (trace
events), the callee must be a root. Every indirect call that gcc sees must be one of ours. Exit code
1 if something is missing.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from convert.flow.code import FunctionKey
from convert.flow.graph.build import build_graph
from convert.flow.graph.graph import CallGraph
from convert.flow.graph.model import Resolution
from convert.tree.cache import cache_dir
from scripts.kernel_files import open_tree

_NODE = re.compile(r'^node: \{ title: "([^"]*)" label: "([^"\\]*)(?:\\n([^"\\]*):(\d+):\d+)?')
_EDGE = re.compile(r'^edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"(?: label: "([^"]*)")?')
_INDIRECT = "__indirect_call"
_CLONE = re.compile(r"\.(?:part|isra|constprop|cold|lto_priv)(?:\.\d+)*")


@dataclass(frozen=True)
class Node:
    """A function as gcc knows it. ``path``: where it is defined, or only ``declared``."""

    name: str
    path: str
    declared: bool


@dataclass(frozen=True)
class GccEdge:
    """A call; ``callee`` is None for an indirect one. ``place`` is ``path:line``."""

    caller: Node
    callee: Node | None
    place: str


@dataclass
class Outcome:
    """Counts by category, and the edges that are missing."""

    counts: Counter[str] = field(default_factory=Counter)
    missing: list[tuple[str, GccEdge]] = field(default_factory=list)


def read_edges(files: Iterable[Path], top: str) -> Iterator[GccEdge]:
    """All calls of some ``.ci`` files; paths are made relative to the tree's ``top``."""
    for file in files:
        nodes: dict[str, Node] = {}
        edges = []
        for line in file.read_text("utf-8", "replace").splitlines():
            if (node := _NODE.match(line)) is not None:
                path = _relative(node[3] or "", top)
                nodes[node[1]] = Node(_CLONE.sub("", node[2]), path, "shape : ellipse" in line)
            elif (edge := _EDGE.match(line)) is not None:
                edges.append((edge[1], edge[2], edge[3] or ""))
        for source, target, label in edges:
            callee = None if target == _INDIRECT else nodes.get(target, Node(target, "", True))
            place = _relative(":".join(label.split(":")[:2]), top)
            yield GccEdge(nodes.get(source, Node(source, "", True)), callee, place)


def _relative(path: str, top: str) -> str:
    return path.removeprefix("./").removeprefix(f"{top}/")


@dataclass
class Comparison:
    """Looks gcc's edges up in the graph."""

    graph: CallGraph
    _reached: dict[FunctionKey, frozenset[FunctionKey]] = field(default_factory=dict)
    callees: dict[FunctionKey, set[FunctionKey]] = field(default_factory=dict)
    pointers: set[FunctionKey] = field(default_factory=set)
    macros: set[FunctionKey] = field(default_factory=set)

    def prepare(self) -> None:
        """Index the graph by caller."""
        for key, routines in self.graph.routines.items():
            if any(routine.is_macro for routine in routines):
                self.macros.add(key)
            for edge in self.graph.callers(key):
                self.callees.setdefault(edge.caller, set()).add(key)
        for key in self.graph.constants:
            self.macros.add(key)
            for edge in self.graph.callers(key):
                self.callees.setdefault(edge.caller, set()).add(key)
        for key, how in self.graph.indirect_callers():
            if how is not Resolution.DIRECT:
                self.pointers.add(key)

    @cached_property
    def rooted(self) -> frozenset[FunctionKey]:
        """What macros call that are roots themselves, as text that was not parsed names them."""
        roots = [key for key in self.graph.roots if key in self.macros]
        return frozenset(callee for key in roots for callee in self.reached(key))

    def reached(self, key: FunctionKey) -> frozenset[FunctionKey]:
        """What a function calls, by itself or through macros."""
        known = self._reached.get(key)
        if known is None:
            found: set[FunctionKey] = set()
            waiting = [key]
            while waiting:
                for callee in self.callees.get(waiting.pop(), ()):
                    if callee not in found:
                        found.add(callee)
                        if callee in self.macros:
                            waiting.append(callee)
            known = self._reached[key] = frozenset(found)
        return known

    def key_of(self, node: Node) -> FunctionKey | None:
        """Our key of gcc's function, if it is one of the graph's."""
        for home in (node.path, ""):
            key = FunctionKey(home, node.name)
            found = [one for one in self.graph.routines.get(key, ()) if not one.is_macro]
            if any(one.path == node.path for one in found) or (found and node.declared):
                return key
        return None

    def judge(self, edge: GccEdge) -> str:
        """The category of an edge; it starts with "missing" if we do not have it."""
        caller = self.key_of(edge.caller)
        if edge.callee is None:
            if caller is None:
                return "indirect call outside the paths or made by a macro"
            has = any(key in self.pointers for key in (caller, *self.reached(caller)))
            return "indirect call" if has else "missing: indirect call"
        callee = self.key_of(edge.callee)
        if callee is None:
            return "call of a function outside"
        if caller is not None:
            return "call" if callee in self.reached(caller) else "missing: call"
        rooted = callee in self.graph.roots or callee in self.rooted
        return "callee of code outside is a root" if rooted else "missing: callee is no root"


def main(arguments: list[str]) -> int:
    """Compare and print the counts and the missing edges; 1 if there are any."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("tree", type=Path)
    parser.add_argument("build", type=Path)
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--show", type=int, default=20, help="missing edges to print")
    given = parser.parse_args(arguments)
    graph = build_graph(open_tree(str(given.tree)), given.paths, cache_dir=cache_dir())
    comparison = Comparison(graph)
    comparison.prepare()
    outcome = Outcome()
    files = [file for path in given.paths for file in sorted((given.build / path).rglob("*.ci"))]
    if not files:
        print(f"no .ci files below {given.build}: compile with -fcallgraph-info", file=sys.stderr)
        return 2
    for edge in dict.fromkeys(read_edges(files, str(given.tree.resolve()))):
        category = comparison.judge(edge)
        outcome.counts[category] += 1
        if category.startswith("missing"):
            outcome.missing.append((category, edge))
    print(f"{len(files)} files of gcc, {len(graph.files)} files read")
    for category, count in sorted(outcome.counts.items()):
        print(f"{count:7} {category}")
    for category, edge in outcome.missing[: given.show]:
        callee = edge.callee.name if edge.callee is not None else "(indirect)"
        print(f"{category}: {edge.caller.name} -> {callee} at {edge.place}")
    return 1 if outcome.missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
