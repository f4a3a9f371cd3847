"""What a tree's own allocators do: which masks kvmalloc() takes, when vfree() sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.provenance.deferred import takes_both
from convert.flow.provenance.handling import Handling
from convert.flow.terms import call_name
from convert.semantics.capabilities import Capability, kvmalloc_takes
from convert.semantics.interpreter.values import Where
from convert.source.parse import Item, parse_file
from convert.source.text import BrokenSource, read_source
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree


@dataclass
class TreeFacts:
    """Questions to a tree's sources; each mask is asked for once."""

    tree: KernelTree
    dialect: Callable[[], Dialect]
    handling: Handling
    _masks: dict[int, Capability] = field(default_factory=dict)

    def takes(self, mask: int) -> Capability:
        """Whether kvmalloc() promises for a mask what kmalloc() promises."""
        if mask not in self._masks:
            self._masks[mask] = kvmalloc_takes(self.tree, mask, self.dialect())
        return self._masks[mask]

    def defers(self) -> Where | None:
        """Where vfree() asks for an interrupt and hands the memory to a worker then."""
        facts = self.handling.vfree
        functions = self._functions(facts.file)
        later = {
            name
            for name, item in functions.items()
            if any(callee in facts.defers for callee in _callees(item))
        }
        for name in facts.names:
            item = functions.get(name)
            for variant in item.variants if item is not None else ():
                for node in _tests(variant.root):
                    if not _calls(node.cond, facts.test):
                        continue
                    if any(_calls(node.iftrue, other) for other in later):
                        assert item is not None
                        return Where(facts.file, item.line)
        return None

    def takes_both(self, name: str) -> Where | None:
        """Where a macro that frees later is defined so that it takes vmalloc memory, too."""
        return takes_both(self.tree, self.handling, name)

    def _functions(self, path: str) -> dict[str, Item]:
        if not self.tree.exists(path):
            return {}
        try:
            source = read_source(path, self.tree.read(path))
        except BrokenSource:
            return {}
        facts = self.handling.vfree
        wanted = frozenset({*facts.names, *facts.defers})
        return {item.name: item for item in parse_file(source, self.dialect(), wanted).functions}


def _callees(item: Item) -> Iterator[str]:
    for variant in item.variants:
        for call in variant.calls:
            if call.callee is not None:
                yield call.callee


def _calls(node: c_ast.Node | None, name: str) -> bool:
    """Whether a tree holds a call of a function."""
    if node is None:
        return False
    return call_name(node) == name or any(_calls(child, name) for _, child in node.children())


def _tests(node: c_ast.Node) -> Iterator[c_ast.If]:
    """All ``if`` statements of a tree."""
    if isinstance(node, c_ast.If):
        yield node
    for _, child in node.children():
        yield from _tests(child)
