"""Names that macros make by pasting: ``put_u##bits`` stands for what its invocations spell."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import product

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.graph.program import Program
from convert.flow.terms import arguments, call_name
from convert.source.nodes import nodes_of

_DEEPEST = 8
_MOST = 2000  # names that one pasted name may stand for
_NONE: frozenset[str] = frozenset()


@dataclass
class Pastes:
    """What the parameters of pasting macros are given, as text, in all invocations."""

    program: Program
    given: dict[tuple[FunctionKey, str], list[tuple[Routine, str]]] = field(default_factory=dict)

    def pasting(self) -> frozenset[FunctionKey]:
        """The macros that paste names, or pass their parameters to such macros."""
        macros = {
            key: [r for r in routines if r.is_macro]
            for key, routines in self.program.routines.items()
            if any(r.is_macro for r in routines)
        }
        found = {
            key
            for key, routines in macros.items()
            if any("##" in r.item.span.of(r.source.text) or _makes_member(r) for r in routines)
        }
        names = {key.name for key in found}
        while True:
            more = {
                key
                for key, routines in macros.items()
                if key not in found
                and any(called in names for r in routines for called in _called(r.variant.root))
            }
            if not more:
                return frozenset(found)
            found |= more
            names |= {key.name for key in more}

    def record(self, key: FunctionKey, routine: Routine, node: c_ast.FuncCall) -> None:
        """Note what an invocation in a routine gives a macro."""
        for macro in self.program.routines[key]:
            for name, argument in zip(macro.parameters, arguments(node), strict=False):
                known = self.given.setdefault((key, name), [])
                known.append((routine, routine.text(argument)))

    def names(self, routine: Routine, pasted: str) -> frozenset[str]:
        """All names that a pasted name of a macro may stand for."""
        parts = [self._spellings(routine, part, 0) for part in pasted.split("##")]
        found: set[str] = set()
        for choice in product(*map(sorted, parts)):
            found.add("".join(choice))
            if len(found) > _MOST:
                break
        return frozenset(found)

    def _spellings(self, routine: Routine, part: str, depth: int) -> frozenset[str]:
        if not routine.is_macro or part not in routine.parameters:
            return frozenset([part])
        if depth > _DEEPEST:
            return _NONE
        found: set[str] = set()
        for caller, text in self.given.get((routine.key, part), ()):
            found |= self._spellings(caller, text, depth + 1)
        return frozenset(found)


def _called(root: c_ast.Node) -> Iterator[str]:
    for node in nodes_of(root):
        name = call_name(node)
        if name is not None:
            yield name


def _makes_member(routine: Routine) -> bool:
    """Whether a parameter stands for a member: ``(p)->op(p)``, ``{ .op = f }``."""
    names = frozenset(routine.parameters)
    for node in nodes_of(routine.variant.root if names else None):
        match node:
            case c_ast.StructRef(field=field_) if field_.name in names:
                return True
            case c_ast.NamedInitializer(name=parts) if any(
                isinstance(part, c_ast.ID) and part.name in names for part in parts
            ):
                return True
    return False
