"""Macros that free after a grace period: whether they take vmalloc memory, a tree's headers say."""

from __future__ import annotations

from convert.flow.provenance.handling import Handling, load_handling
from convert.flow.provenance.names import FreeFact, Names, load_names
from convert.semantics.defines import definitions
from convert.semantics.interpreter.values import Where
from convert.source.text import read_source
from convert.tree.kernel import KernelTree


def takes_both(tree: KernelTree, handling: Handling, name: str) -> Where | None:
    """Where a macro that frees later is defined so that it takes vmalloc memory, too."""
    facts = handling.deferred
    if not tree.exists(facts.file):
        return None
    for one in definitions(read_source(facts.file, tree.read(facts.file))):
        if one.name == name and any(word in facts.takes for word in one.body):
            return Where(one.path, one.line)
    return None


def names_of(tree: KernelTree) -> Names:
    """The names that a review knows, with what the tree's own macros reject."""
    names, handling = load_names(), load_handling()
    source = f"{handling.deferred.file}: not defined by a macro that takes vmalloc memory"
    slab = tuple(
        FreeFact(name=one.name, rejects=("vmalloc", "kvmalloc"), in_review=False, source=source)
        for one in handling.free
        if one.later and takes_both(tree, handling, one.name) is None
    )
    return names.with_frees(slab)
