"""Break functions and see whether the parser notices.

    python -m scripts.mutation TREE PATH… [--functions N] [--seed S]

From a random sample of functions, one token of each kind is deleted in turn and the function's own
text is parsed again: each bracket kind, `;`, `,`, `=`, a name. Accepted means: one function of that
name and nothing refused. A bracket must always be refused, a `;` in at least 98 % of functions; the
others are printed for comparison (`a &b` for `a, &b` is valid C). Exit code 1 if a bound is missed.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from convert.source.dialect import Dialect
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.source.tokens import Kind
from scripts.kernel_files import dialect_of, open_tree, sources

_BRACKETS = "(){}[]"
_KINDS = (*_BRACKETS, ";", ",", "=", "name")
_BOUNDS = {**dict.fromkeys(_BRACKETS, 0.0), ";": 0.02}


@dataclass(frozen=True)
class Mutant:
    """A function's text without one token, and whether the parser took it."""

    path: str
    name: str
    line: int
    deleted: str
    accepted: bool


def tokens_of_kind(source: SourceFile, item: Item, kind: str) -> list[int]:
    """The tokens of an item that are of a kind and in its body, outside ``#if`` directives."""
    tokens = source.tokens
    first = tokens.index_at(item.span.start)
    last = tokens.index_at(item.span.end - 1)
    found = []
    for index in range(first, last + 1):
        is_name = kind == "name" and tokens.kinds[index] == Kind.IDENTIFIER
        if is_name or (kind != "name" and tokens.text(index) == kind):
            found.append(index)
    body = source.text.index("{", item.span.start)
    return [index for index in found if tokens.starts[index] >= body]


def mutate(source: SourceFile, item: Item, index: int, dialect: Dialect) -> bool:
    """Whether the function without a token still parses as one function of its name."""
    tokens = source.tokens
    start, end = tokens.starts[index], tokens.starts[index + 1]
    text = source.text[item.span.start : start] + " " + source.text[end : item.span.end]
    try:
        changed = read_source(source.path, (text + "\n").encode("latin-1"))
    except BrokenSource:
        return False
    parsed = parse_file(changed, dialect)
    names = [function.name for function in parsed.functions]
    others = [other for other in parsed.declarations if other.span != item.span]
    return names == [item.name] and not parsed.refusals and not others


def sample(parsed: Sequence[tuple[ParsedFile, Item]], count: int, seed: int) -> list[int]:
    """The indexes of the functions to break, the same for the same seed."""
    return random.Random(seed).sample(range(len(parsed)), min(count, len(parsed)))


def run(tree_name: str, paths: list[str], count: int, seed: int) -> list[Mutant]:
    """Break the functions of a sample, one token of each kind in each."""
    tree = open_tree(tree_name)
    dialect = dialect_of(tree, paths)
    functions: list[tuple[ParsedFile, Item]] = []
    for source in sources(tree, paths):
        if not isinstance(source, BrokenSource):
            parsed = parse_file(source, dialect)
            functions += [(parsed, item) for item in parsed.functions]
    choose = random.Random(seed + 1)
    mutants = []
    for number in sample(functions, count, seed):
        parsed, item = functions[number]
        source = parsed.source
        known = dialect_with_file(source, dialect)
        for kind in _KINDS:
            places = tokens_of_kind(source, item, kind)
            if places:
                index = choose.choice(places)
                line = source.line(source.tokens.starts[index])
                accepted = mutate(source, item, index, known)
                deleted = kind if kind != "name" else source.tokens.text(index)
                mutants.append(Mutant(source.path, item.name, line, deleted, accepted))
    return mutants


def dialect_with_file(source: SourceFile, dialect: Dialect) -> Dialect:
    """The words of the tree and those that the whole file defines: a function alone lacks them."""
    from convert.source.tables import file_dialect

    return file_dialect(source.text, dialect.at(source.path))


def main(arguments: Sequence[str]) -> int:
    """Run and print the acceptance rates and, for `;` and brackets, each accepted mutant."""
    parser = argparse.ArgumentParser(description=__doc__, add_help=True)
    parser.add_argument("tree")
    parser.add_argument("paths", nargs="+")
    parser.add_argument("--functions", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(list(arguments))
    mutants = run(options.tree, options.paths, options.functions, options.seed)
    failed = False
    print(f"{'deleted':8} {'mutants':>8} {'accepted':>9} {'%':>7}")
    for kind in _KINDS:
        of_kind = [mutant for mutant in mutants if kind_of(mutant.deleted) == kind]
        accepted = sum(mutant.accepted for mutant in of_kind)
        share = accepted / max(1, len(of_kind))
        failed |= share > _BOUNDS.get(kind, 1.0)
        print(f"{kind:8} {len(of_kind):8} {accepted:9} {100 * share:7.2f}")
    for mutant in mutants:
        if mutant.accepted and mutant.deleted in _BOUNDS:
            print(f"{mutant.path}:{mutant.line}: {mutant.name}: accepted without {mutant.deleted}")
    return 1 if failed else 0


def kind_of(deleted: str) -> str:
    """The row of the table that a deleted token belongs to."""
    return deleted if deleted in _KINDS else "name"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
