"""What a call promises: a contract, the kinds of memory, and what the page allocator is told."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from convert.semantics.cint import UINT, CInt, exact
from convert.semantics.contracts import WrapperContract
from convert.semantics.gfp import GfpTable
from convert.semantics.interpreter.values import CannotExecute
from convert.semantics.model import Contract
from convert.semantics.scopes import ScopeTable
from convert.semantics.stubs import Primitive
from convert.verify.review.values import Values

PAGE_ALLOCATOR = frozenset({"kmalloc", "pages"})


@dataclass(frozen=True)
class Promise:
    """The contract of one call where it stands, visible scopes applied.

    cases: one contract for each mask that the call may be given. families: where its memory may
    come from. masks: what is asked with, as text. nofail: the page
    allocator is told never to fail; None if not known. retries: a wrapper tries again by itself.
    scopes: kinds of scope that are open around the call. missing: why the contract is not known.
    """

    contract: Contract
    cases: frozenset[Contract] = frozenset()
    families: tuple[str, ...] = ()
    masks: tuple[str, ...] = ()
    nofail: bool | None = None
    retries: bool = False
    scopes: tuple[str, ...] = ()
    missing: str = ""

    @property
    def text(self) -> str:
        """The contract in words; what is not known is left out."""
        if self.missing:
            return f"not known: {self.missing}"
        c = self.contract
        words = [
            _word(c.may_fail, "may fail", "never fails"),
            _word(c.zeroed, "zeroed", "not zeroed"),
            _word(c.fs_reclaim, "enters fs reclaim", "no fs reclaim"),
            _word(c.sleeps, "", "does not sleep"),
            _word(c.nowarn, "no warning", ""),
            _word(c.nolockdep, "hidden from lockdep", ""),
            f"{' or '.join(self.families)} memory" if self.families else "",
            f"inside a {' and '.join(self.scopes)} scope" if self.scopes else "",
            f"mask {' or '.join(self.masks)}" if self.masks else "",
        ]
        return ", ".join(word for word in words if word)


NO_PROMISE = Promise(Contract())


def _word(value: bool | None, yes: str, no: str) -> str:
    return "" if value is None else yes if value else no


@dataclass(frozen=True)
class PromiseReader:
    """Reads promises off masks, as the gfp headers and scopes of one tree define them."""

    gfp: GfpTable
    scopes: ScopeTable

    def of_primitive(
        self, primitive: Primitive, values: Values, kinds: Iterable[str], copies: bool
    ) -> Promise:
        """The promise of a primitive allocator. copies: it fills the memory that it returns."""
        open_kinds = tuple(sorted(kinds))
        effective = [self.effective(value, open_kinds) for value in values]
        cases = frozenset(self.case(primitive, mask, copies) for mask in effective)
        in_pages = primitive.family in PAGE_ALLOCATOR
        nofail = any_of(self.has(mask, "__GFP_NOFAIL") for mask in effective)
        return Promise(
            united(cases),
            cases,
            (primitive.family,),
            self.texts(values),
            nofail if in_pages else False,
            scopes=open_kinds,
        )

    def case(self, primitive: Primitive, mask: CInt, copies: bool) -> Contract:
        """The contract for one effective mask."""
        sleeps = self.has(mask, self.gfp.sleeping)
        zeroed = True if primitive.zeroes else self.has(mask, "__GFP_ZERO")
        return Contract(
            zeroed=None if copies else zeroed,
            may_fail=negated(all_of((sleeps, self.has(mask, "__GFP_NOFAIL")))),
            fs_reclaim=all_of((sleeps, self.has(mask, "__GFP_FS"))),
            nowarn=self.has(mask, "__GFP_NOWARN"),
            nolockdep=self.has(mask, "__GFP_NOLOCKDEP"),
            sleeps=sleeps,
        )

    def of_wrapper(self, results: Iterable[WrapperContract], kinds: Iterable[str]) -> Promise:
        """What the runs of a wrapper promise together."""
        runs = list(results)
        cases = frozenset(run.contract for run in runs)
        families = tuple(dict.fromkeys(family for run in runs for family in run.families))
        nofail = any_of(
            None if run.mask is None else self.has(exact(run.mask, UINT), "__GFP_NOFAIL")
            for run in runs
        )
        return Promise(
            united(cases),
            cases,
            families,
            tuple(dict.fromkeys(text for run in runs for text in run.masks)),
            nofail if set(families) & PAGE_ALLOCATOR else False,
            any(run.retries for run in runs),
            tuple(sorted(kinds)),
        )

    def effective(self, mask: CInt, kinds: tuple[str, ...]) -> CInt:
        """A mask inside the scopes of some kinds; kinds that the tree lacks count as none."""
        known = [kind for kind in kinds if kind in self.scopes.scopes]
        if not known:
            return mask
        try:
            return self.scopes.effective(mask, exact(self.scopes.bits(known), UINT))
        except CannotExecute:
            return CInt(UINT, 0, 0)

    def has(self, mask: CInt, name: str) -> bool | None:
        """Whether a mask has the bits of a name; None if that is not known."""
        bits = self.gfp.bits.get(name, 0)
        if not bits:
            return False
        if mask.value & bits == bits:
            return True
        return False if mask.known & ~mask.value & bits else None

    def texts(self, values: Values) -> tuple[str, ...]:
        """The masks in C; what is passed on is named."""
        return tuple(sorted(self.text(value) for value in values))

    def text(self, mask: CInt) -> str:
        """A mask in C."""
        if mask.number is not None:
            return self.gfp.names(mask.number).text
        if not mask.source:
            return "not known"
        cleared = self.gfp.bit_names(mask.known & ~mask.value)
        added = self.gfp.bit_names(mask.value)
        text = mask.source
        if cleared:
            text = f"{text} & ~({' | '.join(cleared)})"
        return " | ".join((f"({text})" if added and cleared else text, *added))


def united(cases: Iterable[Contract]) -> Contract:
    """One contract for several cases: what may happen in any, what is promised in all."""
    given = list(cases)
    return Contract(
        zeroed=all_of(case.zeroed for case in given),
        may_fail=any_of(case.may_fail for case in given),
        fs_reclaim=any_of(case.fs_reclaim for case in given),
        nowarn=all_of(case.nowarn for case in given),
        nolockdep=all_of(case.nolockdep for case in given),
        sleeps=any_of(case.sleeps for case in given),
    )


def any_of(values: Iterable[bool | None]) -> bool | None:
    """Three-valued ``any``; None for nothing."""
    found = set(values)
    if True in found:
        return True
    return None if None in found or not found else False


def all_of(values: Iterable[bool | None]) -> bool | None:
    """Three-valued ``all``; None for nothing."""
    found = set(values)
    if False in found:
        return False
    return None if None in found or not found else True


def negated(value: bool | None) -> bool | None:
    """Three-valued ``not``."""
    return None if value is None else not value
