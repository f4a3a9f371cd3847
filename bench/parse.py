"""Lex and parse C files of a kernel tree completely, and say how many functions that were.

    python -m bench.parse TREE PATH...

A job of `make bench`: the parser alone, without anything that a report needs besides.
"""

from __future__ import annotations

import sys

from convert.source.dialect import load_dialect
from convert.source.parse import parse_file
from convert.source.text import read_source
from convert.tree.cache import cache_dir
from convert.tree.open import open_tree


def main(words: list[str]) -> int:
    """Parse all files below the paths; the exit code."""
    tree = open_tree(words[0])
    files = [f for path in words[1:] for f in tree.files(path) if f.endswith((".c", ".h"))]
    dialect = load_dialect(tree, words[1:], cache_dir())
    functions = refused = 0
    for path in files:
        parsed = parse_file(read_source(path, tree.read(path)), dialect)
        functions += len(parsed.functions)
        refused += len(parsed.refusals)
    print(f"{len(files)} files, {functions} functions, {refused} not read")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
