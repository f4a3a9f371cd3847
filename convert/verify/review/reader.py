"""Finding the sites of a function in one state of the tree, each with what it promises."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from pycparser import c_ast

from convert.flow.code import FunctionKey, Routine
from convert.flow.provenance.execution import Wrapper
from convert.flow.provenance.facts import FunctionFacts
from convert.flow.provenance.names import Names
from convert.flow.provenance.places import Param
from convert.flow.terms import arguments, place_text, spelled
from convert.semantics.cint import UINT, CInt, exact, unknown
from convert.semantics.execution import CannotRun
from convert.semantics.model import Contract
from convert.semantics.stubs import Primitive
from convert.source.variants import Call
from convert.verify.review.contracts import Wrappers
from convert.verify.review.promises import NO_PROMISE, Promise, united
from convert.verify.review.scopes import kinds_open
from convert.verify.review.sites import Site, SiteKind, size_text, targets_of
from convert.verify.review.values import ConstantSource, Values, masks_at

_MASK_TYPE = re.compile(r"gfp_t\Z|\w*flags?_t\Z")
RoutineSource = Callable[[str, str], tuple[Routine, ...]]


@dataclass(frozen=True)
class _Found:
    """A call that is a site, before its mask is known. ``slot``: the mask's argument."""

    kind: SiteKind
    call: Call
    slot: int | None = None
    primitive: Primitive | None = None
    wrapper: Wrapper | CannotRun | None = None


@dataclass(frozen=True)
class Forward:
    """A function that passes its argument ``slot`` on as a mask, to the sites ``inner``."""

    slot: int
    parameter: str
    inner: tuple[tuple[Site, _Found], ...]


@dataclass
class SiteReader:
    """Finds sites in one state of the tree. ``routines``: a function by file and name."""

    names: Names
    wrappers: Wrappers
    constants: ConstantSource
    routines: RoutineSource
    _sites: dict[Routine, tuple[tuple[Site, _Found], ...]] = field(default_factory=dict)
    _forwards: dict[FunctionKey, Forward | None] = field(default_factory=dict)
    _frees: dict[FunctionKey, tuple[int, frozenset[str]] | None] = field(default_factory=dict)

    def sites(self, routine: Routine) -> tuple[Site, ...]:
        """All sites of a routine in the order of the text."""
        return tuple(site for site, _ in self.with_origin(routine))

    def with_origin(self, routine: Routine) -> tuple[tuple[Site, _Found], ...]:
        """The sites with what they are known by; read once."""
        if routine not in self._sites:
            self._sites[routine] = self.read(routine)
        return self._sites[routine]

    def read(self, routine: Routine) -> tuple[tuple[Site, _Found], ...]:
        found = [one for call in routine.variant.calls if (one := self.found(routine, call))]
        wanted: dict[int, c_ast.Node] = {}
        for one in found:
            node = _mask_node(one)
            if node is not None:
                wanted[id(one.call.node)] = node
        values = masks_at(routine, wanted, self.constants)
        kinds = kinds_open(routine, self.names, {id(one.call.node) for one in found})
        return tuple(
            (self.site(routine, one, values, kinds.get(id(one.call.node), frozenset())), one)
            for one in found
        )

    def found(self, routine: Routine, call: Call) -> _Found | None:
        """What a call is, if it is a site."""
        name = call.callee
        if name is None or routine.is_local(name):
            return None
        primitive = self.names.primitive(name)
        if primitive is not None:
            return _Found(SiteKind.ALLOC, call, primitive.gfp, primitive)
        if name in self.names.frees:
            return _Found(SiteKind.FREE, call, None)
        if name in self.names.stores:
            return _Found(SiteKind.STORE, call, self.names.stores[name].slot)
        wrapper = self.wrappers.find(routine.path, name)
        if wrapper is not None:
            slot = wrapper.slot if isinstance(wrapper, Wrapper) else None
            return _Found(SiteKind.ALLOC, call, slot, None, wrapper)
        if self.frees(routine.path, name) is not None:
            return _Found(SiteKind.FREE, call)
        forward = self.forward(routine.path, name)
        return None if forward is None else _Found(SiteKind.FORWARD, call, forward.slot)

    def site(
        self,
        routine: Routine,
        one: _Found,
        values: Mapping[int, Values],
        kinds: frozenset[str],
    ) -> Site:
        node = one.call.node
        targets, kind = targets_of(routine, node)
        own = values.get(id(node))
        slots = self.size_slots(routine.path, one)
        given = arguments(node)
        return Site(
            kind=one.kind,
            routine=routine,
            call=one.call,
            callee=one.call.callee or "",
            targets=targets,
            target_type=self.wrappers.index.plain(kind),
            size=size_text(routine, tuple(given[slot] for slot in slots)),
            size_slots=slots,
            subject=self.subject(routine, one),
            mask=_mask_node(one),
            values=own,
            promise=self.promise(routine.path, one, own, kinds),
            deallocators=self.deallocators(routine, one),
        )

    def size_slots(self, path: str, one: _Found) -> tuple[int, ...]:
        """The arguments whose product is the size; of a wrapper all numbers that are no flags."""
        number = len(one.call.slots)
        if one.primitive is not None:
            return tuple(slot for slot in one.primitive.size if slot < number)
        facts = self.wrappers.index.find(path, one.call.callee or "")
        if one.kind is not SiteKind.ALLOC or not facts:
            return ()
        return tuple(
            slot
            for slot, kind in enumerate(facts[0].parameters[:number])
            if slot != one.slot and not kind.stars and not kind.base.startswith("struct ")
        )

    def subject(self, routine: Routine, one: _Found) -> str:
        """What is freed, or whose mask is stored."""
        given = arguments(one.call.node)
        slot = 0
        if one.kind is SiteKind.FREE:
            slot = self.freed_slot(routine.path, one.call.callee or "")
        elif one.kind is not SiteKind.STORE:
            return ""
        if slot >= len(given):
            return ""
        return place_text(given[slot]) or spelled(given[slot], routine.types)

    # -- promises ------------------------------------------------------------------------------

    def promise(
        self, path: str, one: _Found, values: Values | None, kinds: Iterable[str]
    ) -> Promise:
        """What a site promises for some values of its mask, inside scopes of some kinds."""
        reader = self.wrappers.reader
        if isinstance(one.wrapper, CannotRun):
            return Promise(Contract(), missing=str(one.wrapper))
        if isinstance(one.wrapper, Wrapper):
            return self.wrappers.promise(one.wrapper, values, kinds)
        if one.primitive is not None:
            if one.primitive.gfp is None:
                values = frozenset([exact(reader.gfp.mask(one.primitive.mask), UINT)])
            copies = one.primitive.name in self.names.copies
            known = values or frozenset([unknown(UINT)])
            return reader.of_primitive(one.primitive, known, kinds, copies)
        if one.kind is SiteKind.FORWARD and values is not None:
            forward = self.forward(path, one.call.callee or "")
            if forward is not None:
                return self.forwarded(forward, values, frozenset(kinds))
        return NO_PROMISE

    def forwarded(self, forward: Forward, values: Values, kinds: frozenset[str]) -> Promise:
        """What the sites behind a call promise together, given the mask that it passes on."""
        parts = [
            self.promise(
                site.path,
                one,
                _composed(site.values or frozenset(), forward.parameter, values),
                kinds | frozenset(site.promise.scopes),
            )
            for site, one in forward.inner
        ]
        missing = next((part.missing for part in parts if part.missing), "")
        cases = frozenset(case for part in parts for case in part.cases)
        if missing or not cases:
            return Promise(Contract(), missing=missing or "no mask that is passed on")
        return Promise(
            united(cases),
            cases,
            masks=tuple(dict.fromkeys(mask for part in parts for mask in part.masks)),
            scopes=tuple(sorted(kinds)),
        )

    # -- functions that pass a mask on, or free an argument ------------------------------------

    def forward(self, path: str, name: str) -> Forward | None:
        """What a function does with a parameter that is a mask; None if it has none."""
        facts = self.wrappers.index.find(path, name)
        if not facts or facts[0].is_macro or self.names.primitive(name):
            return None
        key = facts[0].key
        if key not in self._forwards:
            self._forwards[key] = None  # what calls itself passes nothing new on
            self._forwards[key] = self.read_forward(facts[0])
        return self._forwards[key]

    def read_forward(self, facts: FunctionFacts) -> Forward | None:
        slots = [i for i, kind in enumerate(facts.parameters) if _is_mask_type(kind.base)]
        for slot in slots:
            inner: list[tuple[Site, _Found]] = []
            parameter = ""
            for routine in self.routines(facts.path, facts.key.name):
                if slot >= len(routine.parameters):
                    continue
                parameter = routine.parameters[slot]
                inner += [
                    (site, one)
                    for site, one in self.with_origin(routine)
                    if any(value.source == parameter for value in site.values or ())
                    and site.kind is not SiteKind.STORE
                ]
            if inner:
                return Forward(slot, parameter, tuple(inner))
        return None

    def frees(self, path: str, name: str) -> tuple[int, frozenset[str]] | None:
        """Which argument a function frees, and how; None if it frees none of them."""
        facts = self.wrappers.index.find(path, name)
        if not facts:
            return None
        key = facts[0].key
        if key not in self._frees:
            freed: dict[int, set[str]] = {}
            for one in facts:
                for free in one.flows.frees:
                    for origin in free.origins:
                        if isinstance(origin, Param) and origin.key == key:
                            freed.setdefault(origin.index, set()).add(free.deallocator)
            found = next(iter(freed.items()), None) if len(freed) == 1 else None
            self._frees[key] = None if found is None else (found[0], frozenset(found[1]))
        return self._frees[key]

    def freed_slot(self, path: str, name: str) -> int:
        if name in self.names.frees:
            return self.names.frees[name]
        private = self.frees(path, name)
        return private[0] if private is not None else 0

    def deallocators(self, routine: Routine, one: _Found) -> frozenset[str]:
        """The primitive deallocators behind a free."""
        if one.kind is not SiteKind.FREE or one.call.callee is None:
            return frozenset()
        if one.call.callee in self.names.frees:
            return frozenset([one.call.callee])
        private = self.frees(routine.path, one.call.callee)
        return private[1] if private is not None else frozenset()


def _is_mask_type(base: str) -> bool:
    return bool(_MASK_TYPE.match(base))


def _mask_node(one: _Found) -> c_ast.Node | None:
    given = arguments(one.call.node)
    return given[one.slot] if one.slot is not None and one.slot < len(given) else None


def _composed(inner: Values, parameter: str, given: Values) -> Values:
    """Masks made of a parameter, with what is passed for it put in."""
    found: set[CInt] = set()
    for value in inner:
        if value.source != parameter:
            found.add(value)
            continue
        for passed in given:
            linked = value.linked
            source = passed.source if passed.linked & linked else None
            found.add(
                CInt(
                    UINT,
                    value.value | (passed.value & linked),
                    value.known | (passed.known & linked),
                    passed.linked & linked,
                    source,
                )
            )
    return frozenset(found)
