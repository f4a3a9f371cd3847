"""Sizes of expressions in made-up trees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from convert.semantics.sizes import SizeClass, SizeReader
from convert.source.dialect import load_dialect
from convert.source.parse import parse_file
from convert.source.text import read_source
from tests.sites.memory_tree import MemoryTree

HEADER = "fs/a/a.h"
FILE = "fs/a/a.c"


def sizes_of(
    arguments: Sequence[str],
    header: str = "",
    *,
    file: str = "",
    parameters: str = "void",
    before: str = "",
    tree: Mapping[str, str] | None = None,
    positions: tuple[int, ...] = (0,),
) -> list[SizeClass]:
    """The size classes of ``get(argument)`` in a function of ``fs/a/a.c``, which includes ``a.h``.

    ``before``: statements before the calls; ``file``: text before the function; ``tree``: other
    files (which ``header`` may include).
    """
    calls = "\n".join(f"\tget({argument});" for argument in arguments)
    body = f"{{\n{before}\n{calls}\n}}\n"
    text = f'#include "a.h"\n{file}\nvoid caller({parameters})\n{body}'
    memory = MemoryTree({HEADER: header, FILE: text, **(tree or {})})
    dialect = load_dialect(memory, ["fs/a"])
    source = read_source(FILE, text.encode())
    parsed = parse_file(source, dialect)
    assert not parsed.refusals, parsed.refusals
    reader = SizeReader(memory, [FILE, HEADER], dialect)
    item = next(item for item in parsed.functions if item.name == "caller")
    calls_found = {c.callee_span: c for v in item.variants for c in v.calls if c.callee == "get"}
    return [reader.size_class(source, item, call, positions) for call in calls_found.values()]


def size_of(
    argument: str,
    header: str = "",
    *,
    file: str = "",
    parameters: str = "void",
    before: str = "",
    tree: Mapping[str, str] | None = None,
    positions: tuple[int, ...] = (0,),
) -> SizeClass:
    """The size class of one argument; see `sizes_of`."""
    (found,) = sizes_of(
        [argument], header, file=file, parameters=parameters, before=before, tree=tree,
        positions=positions,
    )  # fmt: skip
    return found
