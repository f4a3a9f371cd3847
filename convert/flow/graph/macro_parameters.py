"""Which parameters a macro assigns to: it changes what it is given at the place of the call."""

from __future__ import annotations

from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.graph.program import Program
from convert.flow.terms import arguments, call_name, root_name
from convert.profiles.callbacks import Callbacks
from convert.source.nodes import nodes_of

_NONE: frozenset[str] = frozenset()


@dataclass
class WrittenParameters:
    """Looks into bodies of macros, and of the macros that these use."""

    program: Program
    callbacks: Callbacks
    _known: dict[Routine, frozenset[str]] = field(default_factory=dict)

    def of(self, routine: Routine) -> frozenset[str]:
        """The parameters that the macro may assign to."""
        known = self._known.get(routine)
        if known is None:
            self._known[routine] = _NONE  # a macro that uses itself adds nothing
            names = frozenset(routine.parameters)
            known = self._known[routine] = frozenset(self._written(routine)) & names
        return known

    def _written(self, routine: Routine) -> set[str]:
        found: set[str] = set()
        for node in nodes_of(routine.variant.root):
            match node:
                case c_ast.Assignment(lvalue=target) | c_ast.UnaryOp(op="&", expr=target):
                    found.add(root_name(target) or "")
                case c_ast.FuncCall():
                    found |= self._passed(routine, node)
        return found

    def _passed(self, routine: Routine, node: c_ast.FuncCall) -> set[str]:
        """The names that a call inside the macro may assign to."""
        name = call_name(node)
        given = arguments(node)
        if name is None:
            return set()
        if name in self.callbacks.stores:
            return {root_name(argument) or "" for argument in given[:1]}
        found: set[str] = set()
        for key in self.program.keys(routine.path, name):
            for called in self.program.routines[key]:
                written = self.of(called) if called.is_macro else _NONE
                for parameter, argument in zip(called.parameters, given, strict=False):
                    if parameter in written:
                        found.add(root_name(argument) or "")
        return found
