"""Whether a function that is given a mask only hands it on, or looks at it.

Inside of a scope two masks can mean the same to every allocator and still differ: a function of the
filesystem that tests a bit of the mask itself would see another value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.rules.scoped.places import Elsewhere, InCall, InVariable, is_target, use_of, uses_of
from convert.sites.sources import Sources
from convert.source.parse import Item, ParsedFile

_DEEPEST = 6  # functions handing a mask on to each other


@dataclass
class Receivers:
    """Answers for the functions that are defined in some files; others are allocators."""

    sources: Sources
    _known: dict[tuple[str, int], str | None] = field(default_factory=dict)

    def looks(self, callee: str, position: int, depth: int = 0) -> str | None:
        """Where a function does more with its argument than hand it on; None if nowhere."""
        key = (callee, position)
        if key not in self._known:
            self._known[key] = None  # a recursive call adds nothing
            self._known[key] = next(self._reasons(callee, position, depth), None)
        return self._known[key]

    def _reasons(self, callee: str, position: int, depth: int) -> Iterator[str]:
        for parsed, item in self._definitions(callee):
            where = f"{parsed.source.path}:{item.line}"
            name = _parameter(parsed, item, position)
            if name is None:
                yield f"{where}: which parameter of {callee}() gets the mask is not known"
                continue
            if depth > _DEEPEST:
                yield f"{where}: the mask is handed on through too many functions"
                continue
            yield from self._uses(parsed, item, name, depth)

    def _definitions(self, callee: str) -> Iterator[tuple[ParsedFile, Item]]:
        """The functions and macros of that name in the files."""
        word = re.escape(callee).encode()
        head = re.compile(
            rb"^(?:[A-Za-z_][^\n;]*\b)?" + word + rb"\s*\(|#\s*define\s+" + word, re.M
        )
        for path in self.sources.c_files:
            if not head.search(self.sources.data(path)):
                continue
            parsed = self.sources.parsed(path, frozenset({callee}))
            if parsed is not None:
                for item in (*parsed.functions, *parsed.macros):
                    if item.name == callee:
                        yield parsed, item

    def _uses(self, parsed: ParsedFile, item: Item, name: str, depth: int) -> Iterator[str]:
        """What is done with a parameter, or with a variable that it is put into."""
        followed, names = set(), [name]
        while names:
            one = names.pop()
            if one in followed:
                continue
            followed.add(one)
            for variant, node, offset in uses_of(item, one):
                if is_target(variant, node):
                    continue
                place = f"{parsed.source.path}:{parsed.source.line(offset)}"
                match use_of(item, variant, node):
                    case InVariable(_, variable):
                        names.append(variable)
                    case Elsewhere(what):
                        yield f"{place}: {item.name}() looks at the mask: {what}"
                    case InCall(_, call, slot):
                        if call.callee is None:
                            yield f"{place}: {item.name}() hands the mask to an unknown function"
                            continue
                        inner = self.looks(call.callee, call.slots.index(slot), depth + 1)
                        if inner is not None:
                            yield inner


def _parameter(parsed: ParsedFile, item: Item, position: int) -> str | None:
    """The name of a parameter; the same in all ``#if`` variants."""
    if item.kind == "macro":
        text = item.span.of(parsed.source.text)
        found = re.match(r"#\s*define\s+\w+\(([^)]*)\)", text)
        given = [part.strip() for part in found[1].split(",")] if found else []
        return given[position] if position < len(given) else None
    names = set()
    for variant in item.variants:
        declared = variant.root.decl.type
        given = (
            declared.args.params if isinstance(declared, c_ast.FuncDecl) and declared.args else []
        )
        names.add(getattr(given[position], "name", None) if position < len(given) else None)
    return names.pop() if len(names) == 1 else None
