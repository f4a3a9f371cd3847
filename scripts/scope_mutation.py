"""Disable one opening call at a time: every proof that relies on it alone must fall.

Usage: python -m scripts.scope_mutation TREE PATH... [--most N]

Prints each opener with the proofs that fell and those that did not, with the reason: another opener
covers the place on every path that is left, or no path is left that reaches it. Exit code 1 if a
proof whose only opener was disabled still stands.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

from convert.flow.graph.build import build_graph
from convert.flow.graph.model import Place
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.prove import program_of, prove_program
from convert.flow.scopes.results import ProvenSite, ScopeProofs
from convert.source.collection import without_collections
from convert.tree.open import open_tree


def main(words: Sequence[str]) -> int:
    """Run the mutations that the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("tree")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--most", type=int, default=0, help="stop after this many openers")
    parser.add_argument("--cache", type=Path, default=None)
    given = parser.parse_args(words)
    tree = open_tree(given.tree)
    graph = build_graph(tree, given.paths, cache_dir=given.cache)
    program = program_of(tree, graph)
    before = prove_program(program, frozenset())
    survivors = 0
    openers = sorted(relied_upon(before), key=str)
    with without_collections():
        for place in openers[: given.most or None]:
            after = prove_program(program, frozenset({place}))
            survivors += report(place, before, after)
            del after
            gc.collect()  # what callers and callees know of each other is a circle
    print(f"{len(openers)} openers, {survivors} proofs that stand without their only opener")
    return 1 if survivors else 0


def relied_upon(proofs: ScopeProofs) -> frozenset[Place]:
    """The opening calls that some proof names."""
    return frozenset(o.place for site in proven(proofs) for o in site.evidence.openers)


def proven(proofs: ScopeProofs) -> list[ProvenSite]:
    """The proven sites."""
    return [site for site in proofs.sites if site.evidence.verdict is Verdict.PROVEN]


def report(place: Place, before: ScopeProofs, after: ScopeProofs) -> int:
    """Print what one mutation did; returns the number of proofs that should have fallen."""
    print(f"{place}:")
    wrong = 0
    for site in proven(before):
        if place not in {opener.place for opener in site.evidence.openers}:
            continue
        now = after.at(site.path, site.offset)
        where = f"{site.path}:{site.line} {site.callee}"
        if now.verdict is not Verdict.PROVEN:
            print(f"    fell: {where}: {now.verdict.value}")
            continue
        others = [o for o in now.openers if o.place != place]
        if others:
            print(f"    stands: {where}: covered by {others[0].text} at {others[0].place}")
        else:
            print(f"    WRONG: {where}: still proven, and nothing else opens the scope")
            wrong += 1
    return wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
