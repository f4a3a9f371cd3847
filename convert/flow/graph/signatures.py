"""Which functions a call through a pointer of unknown value may mean."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from convert.flow.code import FunctionKey, Routine
from convert.flow.graph.places import CallSite
from convert.flow.graph.types import Signature
from convert.flow.graph.typing import Typing
from convert.flow.terms import TypeRef, arguments


@dataclass
class Signatures:
    """Compares calls with the declared parameters of functions."""

    typing: Typing
    routines: Mapping[FunctionKey, list[Routine]]

    def of_call(self, site: CallSite) -> Signature | None:
        """The declared signature of the pointer that is called, if there is one."""
        kind = self.typing.type_of(site.routine, site.node.name)
        return self.typing.types.signature(kind)

    def text(self, site: CallSite) -> str:
        """The signature for a message; by the number of arguments where it is not known."""
        declared = self.of_call(site)
        if declared is not None:
            return str(declared)
        return f"{len(arguments(site.node))} arguments"

    def fitting(self, site: CallSite, taken: Iterable[FunctionKey]) -> tuple[FunctionKey, ...]:
        """The functions that could be meant: as many parameters, each of a kind that converts."""
        declared = self.of_call(site)
        count = len(arguments(site.node))
        given = declared.parameters if declared is not None and not declared.variadic else None
        return tuple(key for key in taken if self._fits(key, count, given))

    def _fits(self, key: FunctionKey, count: int, given: tuple[TypeRef, ...] | None) -> bool:
        for routine in self.routines.get(key, ()):
            if routine.is_macro:
                continue
            own = self.typing.types.signature(
                self.typing.types.reference(routine.variant.root.decl)
            )
            if own is None or own.variadic:
                return True
            if len(own.parameters) != count:
                continue
            if given is None or len(given) != count:
                return True
            if all(map(self._converts, own.parameters, given)):
                return True
        return False

    def _converts(self, left: TypeRef, right: TypeRef) -> bool:
        types = self.typing.types
        first, second = types.plain(left), types.plain(right)
        if "?" in (first.base, second.base):
            return True
        if (first.stars > 0) != (second.stars > 0):
            return False
        if not first.stars or "void" in (first.base, second.base):
            return True
        return first == second
