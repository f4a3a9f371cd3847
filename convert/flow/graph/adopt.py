"""Macros and inlines of the kernel's headers that call what they are given."""

from __future__ import annotations

from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import Routine, routines_of
from convert.flow.graph.headers import Headers
from convert.flow.terms import arguments, strip
from convert.source.nodes import nodes_of
from convert.source.parse import ParsedFile

_DEEPEST = 6


@dataclass
class Callers:
    """Finds definitions that call a parameter, by themselves or through others of the headers."""

    headers: Headers
    _known: dict[str, tuple[ParsedFile, ...]] = field(default_factory=dict)

    def of(self, name: str, depth: int = 0) -> tuple[ParsedFile, ...]:
        """The definitions of ``name`` and of those it uses to call a parameter; often none."""
        if name in self._known or depth > _DEEPEST or not name.isidentifier():
            return self._known.get(name, ())
        self._known[name] = ()  # one that uses itself adds nothing
        found: list[ParsedFile] = []
        for file in self.headers.macro(name) or self.headers.inline(name):
            for routine in routines_of(_with_functions(file), frozenset()):
                others = self._through(routine, depth)
                if others is not None:
                    found += [file, *others]
        self._known[name] = tuple(dict.fromkeys(found))
        return self._known[name]

    def _through(self, routine: Routine, depth: int) -> list[ParsedFile] | None:
        """None if no parameter is called; else the other definitions that are needed for it."""
        names = frozenset(routine.parameters)
        calls = False
        others: list[ParsedFile] = []
        for node in nodes_of(routine.variant.root):
            if not isinstance(node, c_ast.FuncCall):
                continue
            callee = strip(node.name)
            while isinstance(callee, c_ast.UnaryOp) and callee.op == "*":
                callee = strip(callee.expr)
            if not isinstance(callee, c_ast.ID):
                continue
            if callee.name in names:
                calls = True
            elif any(isinstance(a, c_ast.ID) and a.name in names for a in arguments(node)):
                inner = self.of(callee.name, depth + 1)
                calls = calls or bool(inner)
                others += inner
        return others if calls else None


def _with_functions(file: ParsedFile) -> ParsedFile:
    """The file if the heads of its functions can be read, else without its functions."""
    for item in file.functions:
        if any(not isinstance(v.root.decl, c_ast.Decl) for v in item.variants):
            return ParsedFile(file.source, (), (), file.macros, (), (), ())
    return file
