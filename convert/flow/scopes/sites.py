"""Which calls the proofs are about: those that allocate, and those that keep a mask."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import Routine
from convert.flow.scopes.code import Call, Code
from convert.flow.scopes.results import IdleMask, SiteUse
from convert.flow.scopes.setup import Program
from convert.flow.terms import arguments
from convert.profiles.kernel import KernelNames, load_kernel_names
from convert.profiles.wrappers import load_profiles
from convert.source.nodes import nodes_of


@dataclass(frozen=True)
class FoundSite:
    """A call of the text: where, what, its mask; the instructions that run it, by function."""

    routine: Routine
    offset: int
    line: int
    callee: str
    use: SiteUse
    mask: tuple[str, ...]
    forbids: bool | None
    runs: tuple[tuple[int, int], ...]


@dataclass
class SiteFinder:
    """Finds the sites among the lowered functions."""

    program: Program
    kernel: KernelNames = field(default_factory=load_kernel_names)

    def __post_init__(self) -> None:
        prefixes = "|".join(re.escape(profile.flag_prefix) for profile in load_profiles())
        self.flag = re.compile(rf"(?:__)?GFP_[A-Z0-9_]+|(?:{prefixes})[A-Z0-9_]+")
        self.stores = {fact.name: fact.slot for fact in self.kernel.store}
        self.slots: dict[str, set[int]] = {}
        for code in self.program.codes:
            for _, call in code.calls():
                self.note(call)

    def note(self, call: Call) -> None:
        """A call with a mask spelled out tells which argument is the mask."""
        if call.name is None:
            return
        for slot, argument in enumerate(arguments(call.node)):
            if any(self.is_mask(name) for name in _names(argument)):
                self.slots.setdefault(call.name, set()).add(slot)

    def is_mask(self, name: str) -> bool:
        """Whether a name is a flag of an allocation."""
        return bool(self.flag.fullmatch(name))

    def sites(self) -> list[FoundSite]:
        """All sites, by path and offset."""
        found: dict[tuple[str, int], tuple[Code, Call, list[tuple[int, int]]]] = {}
        for number, code in enumerate(self.program.codes):
            for index, call in code.calls():
                if not self.is_site(call):
                    continue
                place = (call.origin.path, _offset(call))
                found.setdefault(place, (code, call, []))[2].append((number, index))
        return [self.site(offset, *found[path, offset]) for path, offset in sorted(found)]

    def is_site(self, call: Call) -> bool:
        """Whether a call allocates, stores a mask, or opens the scope."""
        name = call.name
        if name is None:
            return False
        if name in self.program.scopes.saves:
            return True
        return name in self.slots or self.program.stubs.primitive(name) is not None

    def site(self, offset: int, code: Code, call: Call, runs: list[tuple[int, int]]) -> FoundSite:
        name = call.name or ""
        use = SiteUse.ALLOCATES
        if name in self.stores:
            use = SiteUse.STORES
        elif name in self.program.scopes.saves:
            use = SiteUse.OPENS
        masks = self.masks(call)
        routine = call.origin
        line = routine.source.line(offset)
        return FoundSite(
            routine, offset, line, name, use, masks, self.forbids(call, masks), tuple(runs)
        )

    # -- masks ---------------------------------------------------------------------------------

    def slot(self, call: Call) -> set[int]:
        """The arguments that are masks."""
        name = call.name or ""
        primitive = self.program.stubs.primitive(name)
        if primitive is not None:
            return {primitive.gfp} if primitive.gfp is not None else set()
        return self.slots.get(name, set())

    def masks(self, call: Call) -> tuple[str, ...]:
        """The names in a call's mask: spelled out, or assigned to the variable that is given."""
        given = arguments(call.node)
        names: dict[str, None] = {}
        for slot in sorted(self.slot(call)):
            if slot >= len(given):
                continue
            for name in _names(given[slot]):
                if self.is_mask(name):
                    names[name] = None
                elif name in call.origin.types:
                    names.update(dict.fromkeys(self.assigned(call.origin, name)))
        primitive = self.program.stubs.primitive(call.name or "")
        if primitive is not None:
            names.update(dict.fromkeys(primitive.mask))
        return tuple(names)

    def assigned(self, routine: Routine, variable: str) -> Iterator[str]:
        """The flags that a variable of the function is assigned somewhere."""
        for node in nodes_of(routine.variant.root):
            value = None
            if isinstance(node, c_ast.Assignment) and _is(node.lvalue, variable):
                value = node.rvalue
            elif isinstance(node, c_ast.Decl) and node.name == variable:
                value = node.init
            if value is not None:
                yield from (name for name in _names(value) if self.is_mask(name))

    def forbids(self, call: Call, masks: tuple[str, ...]) -> bool | None:
        """Whether the mask forbids what the scope does; None if that depends on a parameter."""
        scope = self.program.scope.upper()
        if any(name.endswith(scope) for name in masks):
            plain = any(name == "GFP_KERNEL" for name in masks)
            return not plain or not self.spelled_out(call)
        given = arguments(call.node)
        for slot in self.slot(call):
            if (
                slot < len(given)
                and not masks
                and any(name in call.origin.types for name in _names(given[slot]))
            ):
                return None
        return False

    def spelled_out(self, call: Call) -> bool:
        """Whether the mask is a literal: then each of its names always counts."""
        given = arguments(call.node)
        return all(
            not any(name in call.origin.types for name in _names(given[slot]))
            for slot in self.slot(call)
            if slot < len(given)
        )

    # -- idle masks ----------------------------------------------------------------------------

    def idle(self, sites: Iterable[FoundSite]) -> tuple[IdleMask, ...]:
        """Masks in which one name holds all bits of another: ``GFP_KERNEL | GFP_NOFS``."""
        bits: Mapping[str, int] = self.program.table.executor.gfp.bits
        found = []
        for site in sites:
            for name, other, text in self.redundant(site, bits):
                function = site.routine.key.name
                found.append(
                    IdleMask(
                        site.routine.path, site.offset, site.line, function, text,
                        text_without(text, name) or other,
                    )
                )  # fmt: skip
        return tuple(found)

    def redundant(self, site: FoundSite, bits: Mapping[str, int]) -> Iterator[tuple[str, str, str]]:
        names = [name for name in site.mask if name in bits]
        if site.forbids is not False or len(names) < 2:
            return
        for name in names:
            for other in names:
                covered = name != other and bits[name] & ~bits[other] == 0 and bits[name]
                if covered and name.endswith(self.program.scope.upper()):
                    yield name, other, " | ".join(site.mask)


def text_without(text: str, name: str) -> str:
    """A mask's names without one of them."""
    return " | ".join(part for part in text.split(" | ") if part != name)


def _names(node: c_ast.Node) -> Iterator[str]:
    """The names of an expression, without those of calls."""
    for one in nodes_of(node, _outside_calls):
        if isinstance(one, c_ast.ID):
            yield str(one.name)


def _outside_calls(node: c_ast.Node) -> Iterable[c_ast.Node]:
    return () if isinstance(node, c_ast.FuncCall) else node


def _is(node: c_ast.Node, variable: str) -> bool:
    return isinstance(node, c_ast.ID) and node.name == variable


def _offset(call: Call) -> int:
    return call.origin.offset(call.node)
