"""What a family's wrappers mean, read off their own bodies: masks, plain calls, contracts.

The wrappers are executed for every combination of their flags (`convert.semantics.table`). All
allocators of a family must agree about what their flags mean, up to zeroing; those that do not, or
that cannot be run, are left out with the reason.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from convert.errors import InputError
from convert.semantics.contracts import FreeContract, WrapperContract
from convert.semantics.execution import CannotRun
from convert.semantics.flags import Flags, FlagSemantics, Mask, subsets
from convert.semantics.gfp import GfpTable
from convert.semantics.model import Contract
from convert.semantics.stubs import Stubs, load_stubs
from convert.semantics.table import ContractTable, wrapper_contracts
from convert.sites.family import Family
from convert.source.dialect import Dialect
from convert.tree.kernel import KernelTree

_ZERO = frozenset({"__GFP_ZERO"})
_NOFAIL = frozenset({"__GFP_NOFAIL"})
_HALVES = frozenset({"__GFP_DIRECT_RECLAIM", "__GFP_KSWAPD_RECLAIM"})


@dataclass(frozen=True)
class PlainAllocation:
    """The plain functions for an allocating wrapper; ``zeroes``: its memory is always zero."""

    plain: str
    zeroing: str
    zeroes: bool


@dataclass(frozen=True)
class PlainFree:
    """The plain function that a freeing wrapper calls."""

    plain: str


@dataclass(frozen=True)
class NotDerived:
    """Why a wrapper has no plain counterpart; ``reason`` starts with file and line."""

    reason: str


PlainForm = PlainAllocation | PlainFree | NotDerived


@dataclass(frozen=True)
class Meaning:
    """What a family means.

    semantics: the mask to write for each combination of flags, ``__GFP_NOFAIL`` standing for a
    retry loop, ``dropped`` bits left out. forms: the plain form of each wrapper.
    """

    semantics: FlagSemantics
    forms: Mapping[str, PlainForm]
    table: ContractTable
    gfp: GfpTable
    dropped: Mask
    stubs: Stubs

    def contracts(self, wrapper: str, combinations: Iterable[Flags]) -> tuple[WrapperContract, ...]:
        """The derived contracts of some combinations; empty for one that was not derived."""
        found = [self.table.get(wrapper, flags) for flags in combinations]
        return tuple(result for result in found if isinstance(result, WrapperContract))


def atoms(gfp: GfpTable, mask: int) -> Mask:
    """A mask as a set of single bits by name; both halves of ``__GFP_RECLAIM`` are one name."""
    names = frozenset(gfp.bit_names(mask))
    return (names - _HALVES) | {"__GFP_RECLAIM"} if names >= _HALVES else names


def derive(
    tree: KernelTree, family: Family, dialect: Dialect, dropped: Mask = frozenset()
) -> Meaning:
    """Execute a family's wrappers. ``dropped``: bits that the masks to write shall not carry.

    Raises InputError if no allocator of the family could be run, naming the first obstacle.
    """
    stubs = load_stubs()
    names = [(shape.name, shape.flags_slot) for shape in family.allocators.values()]
    wanted: list[str | tuple[str, int]] = [*names, *sorted(family.profile.freeing)]
    table = wrapper_contracts(
        tree, family.files, wanted, sorted(family.flags), dialect=dialect, stubs=stubs
    )
    masks: dict[str, dict[Flags, Mask]] = {}
    forms: dict[str, PlainForm] = {}
    for name in sorted(family.allocators):
        try:
            masks[name] = _masks(table, name, family.flags, dropped)
            forms[name] = _allocation_form(table, stubs, name, family.flags)
        except _Obstacle as obstacle:
            masks.pop(name, None)
            forms[name] = NotDerived(obstacle.reason)
    if not masks:
        reasons = "; ".join(f.reason for f in forms.values() if isinstance(f, NotDerived))
        raise InputError(f"the wrappers of {family.header} cannot be run: {reasons}")
    base = _base(masks)
    for name, own in masks.items():
        if any(own[flags] - _ZERO != base[flags] - _ZERO for flags in base):
            forms[name] = NotDerived(f"{family.header}:1: {name} gives its flags another meaning")
    for name in sorted(family.profile.freeing):
        forms[name] = _free_form(table, name)
    semantics = FlagSemantics(family.flags, base)
    return Meaning(semantics, forms, table, table.gfp, dropped, stubs)


class _Obstacle(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def _contract(table: ContractTable, name: str, flags: Flags) -> WrapperContract:
    result = table.get(name, flags)
    if isinstance(result, CannotRun):
        raise _Obstacle(f"{result}")
    if not isinstance(result, WrapperContract) or result.mask is None:
        text = " | ".join(sorted(flags)) or "0"
        raise _Obstacle(f"{name}({text}) asks for memory with more than one mask, or with none")
    return result


def _masks(
    table: ContractTable, name: str, flags: frozenset[str], dropped: Mask
) -> dict[Flags, Mask]:
    """The mask to write for each combination: what the wrapper passes, and that it never fails."""
    result: dict[Flags, Mask] = {}
    for some in subsets(flags):
        found = _contract(table, name, some)
        assert found.mask is not None
        mask = atoms(table.gfp, found.mask)
        if found.contract.may_fail is None:
            raise _Obstacle(f"whether {name} can fail depends on more than its flags")
        if found.contract.may_fail is False:
            mask |= _NOFAIL
        result[some] = mask - dropped
    return result


def _allocation_form(
    table: ContractTable, stubs: Stubs, name: str, flags: frozenset[str]
) -> PlainAllocation:
    found = [_contract(table, name, some) for some in subsets(flags)]
    plain = {allocator for contract in found for allocator in contract.allocators}
    if len(plain) != 1:
        raise _Obstacle(f"{name} uses {', '.join(sorted(plain))}, depending on its flags")
    only = plain.pop()
    primitive = stubs.primitive(only)
    zeroing = only.replace("alloc", "zalloc").replace("mzalloc", "zalloc")
    twin = stubs.primitive(zeroing)
    if primitive is None or twin is None or not twin.zeroes or twin.family != primitive.family:
        raise _Obstacle(f"{name} uses {only}, which has no zeroing twin")
    return PlainAllocation(only, zeroing, all(c.contract.zeroed for c in found))


def _free_form(table: ContractTable, name: str) -> PlainForm:
    result = table.get(name)
    if isinstance(result, CannotRun):
        return NotDerived(f"{result}")
    if isinstance(result, FreeContract):
        only = result.deallocators if not result.conditions else ()
        if len(only) == 1:
            return PlainFree(only[0])
    return NotDerived(f"{name} does not free its argument by one function, whatever it is")


def _base(masks: Mapping[str, Mapping[Flags, Mask]]) -> Mapping[Flags, Mask]:
    """The masks of the allocator that zeroes the least: its flags say all there is to say."""

    def zeroed(name: str) -> int:
        return sum(1 for mask in masks[name].values() if mask >= _ZERO)

    return masks[min(sorted(masks), key=zeroed)]


def joined(contracts: Iterable[Contract]) -> Contract:
    """What several contracts agree on; the rest is None."""
    given = tuple(contracts)

    def agreed(field: str) -> bool | None:
        values = {getattr(contract, field) for contract in given}
        return values.pop() if len(values) == 1 else None

    fields = ("zeroed", "may_fail", "fs_reclaim", "nowarn", "nolockdep", "sleeps")
    return Contract(**{field: agreed(field) for field in fields})
