"""The exact conversion of one wrapper call: the plain call with the same contract."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from convert.profiles.wrappers import Allocator, DifferenceFact, WrapperProfile
from convert.rules.flag_expression import (
    Carrier,
    Constant,
    FlagExpression,
    NotUniformError,
    Retyped,
    With,
    Without,
    check_translation,
    conditions,
    flag_value,
    gfp_text,
    masks_possible,
)
from convert.rules.flag_expression import Choice as Chosen
from convert.rules.flag_use import Holder, Use
from convert.rules.layout import Break
from convert.semantics.flags import FlagSemantics, Mask, mask_names
from convert.semantics.model import Contract
from convert.source.edits import Edit, Span
from convert.source.text import SourceFile
from convert.source.variants import Call

_ZERO = frozenset({"__GFP_ZERO"})


@dataclass(frozen=True)
class CallChange:
    """The new text of a wrapper call: its callee and its flags, and what they mean."""

    edits: tuple[Edit, ...]
    place: Break | None
    step: str
    plain: str
    contract: Contract
    before: tuple[str, ...]
    after: tuple[str, ...]
    differences: tuple[str, ...]


@dataclass(frozen=True)
class CallRefused:
    """Why a call cannot be converted."""

    offset: int
    what: str
    contract: Contract = field(default_factory=Contract)


def renamed(expression: FlagExpression, names: Mapping[str, str]) -> FlagExpression:
    """The expression with its carriers under new names."""
    match expression:
        case Constant():
            return expression
        case Carrier(text):
            return Carrier(names.get(text, text))
        case With(inner, flags):
            return With(renamed(inner, names), flags)
        case Without(inner, flags):
            return Without(renamed(inner, names), flags)
        case Chosen(condition, then, other):
            return Chosen(condition, renamed(then, names), renamed(other, names))
        case Retyped(cast, inner):
            return Retyped(cast, renamed(inner, names))


def contract_of(masks: frozenset[Mask], zeroes: bool, nowarn: bool) -> Contract:
    """What an allocation promises whose mask is one of ``masks`` (none: not known)."""

    def agreed(answers: set[bool]) -> bool | None:
        return answers.pop() if len(answers) == 1 else None

    def bit(name: str) -> bool | None:
        return agreed({name in mask for mask in masks})

    never_fails = bit("__GFP_NOFAIL")
    return Contract(
        zeroed=True if zeroes else bit("__GFP_ZERO"),
        may_fail=None if never_fails is None else not never_fails,
        fs_reclaim=bit("__GFP_FS"),
        nowarn=nowarn,
        nolockdep=bit("__GFP_NOLOCKDEP"),
        sleeps=bit("__GFP_RECLAIM"),
    )


def directive_in(source: SourceFile, span: Span) -> bool:
    """Whether a preprocessor line stands inside a span."""
    return any(d.start in span for d in source.tokens.directives() if d.start > span.start)


def comment_in(source: SourceFile, span: Span) -> bool:
    """Whether a comment stands inside a span."""
    text = span.of(source.text)
    return "/*" in text or "//" in text


def convert_allocation(
    source: SourceFile,
    call: Call,
    allocator: Allocator,
    use: Use,
    semantics: FlagSemantics,
    profile: WrapperProfile,
    names: Mapping[str, str],
    kept_options: frozenset[str],
    in_declaration: bool = False,
) -> CallChange | CallRefused:
    """Turn ``kmem_alloc(size, KM_…)`` into ``kmalloc(size, GFP_…)``.

    ``use`` is the flag expression in the call's flags slot, ``names`` the new names of variables,
    ``kept_options`` the ids of differences that an option avoids. ``in_declaration``: the call is
    (part of) an initialiser.
    """
    masks = masks_possible(use.expression, semantics)
    contract = contract_of(masks, allocator.zeroes, "__GFP_NOWARN" in profile.mask.dropped)
    slot = call.slots[allocator.flags_slot]
    if comment_in(source, use.span):
        return CallRefused(use.span.start, "a comment stands inside the flags", contract)
    zeroing = allocator.zeroes or (bool(masks) and all(mask >= _ZERO for mask in masks))
    drop = _ZERO if zeroing else frozenset()
    try:
        check_translation(use.expression, semantics, drop)
        text = gfp_text(renamed(use.expression, names), semantics, drop)
    except NotUniformError as error:
        return CallRefused(
            use.span.start, f"what {error.flag} means depends on other flags", contract
        )
    plain = allocator.zeroing if zeroing else allocator.plain
    edits = (Edit(call.callee_span, plain), Edit(use.span, text))
    return CallChange(
        edits=edits,
        place=_break_before(source, call, slot.span, in_declaration),
        step="zalloc" if zeroing and not use.holders else "alloc",
        plain=plain,
        contract=contract,
        before=spelled_flags(use.expression),
        after=_after(masks, drop),
        differences=_differences(masks, profile, kept_options),
    )


def spelled_flags(expression: FlagExpression) -> tuple[str, ...]:
    """The flags that an expression can give, sorted."""
    names = conditions(expression)
    if isinstance(expression, Constant):
        return tuple(sorted(expression.flags))
    try:
        both = [dict.fromkeys(names, truth) for truth in (True, False)]
        given = [flag_value(expression, {}, truths) for truths in both]
    except KeyError:
        return ()
    return tuple(sorted(frozenset().union(*given)))


def _after(masks: frozenset[Mask], drop: Mask) -> tuple[str, ...]:
    if not masks:
        return ()
    return tuple(sorted({name for mask in masks for name in mask_names(mask - drop)}))


def _differences(
    masks: frozenset[Mask], profile: WrapperProfile, kept_options: frozenset[str]
) -> tuple[str, ...]:
    def made(fact: DifferenceFact) -> bool:
        if fact.option in kept_options and fact.option is not None:
            return False
        never_fails = not masks or any("__GFP_NOFAIL" in mask for mask in masks)
        return fact.applies != "never-fails" or never_fails

    return tuple(fact.id for fact in profile.difference if made(fact))


def _break_before(source: SourceFile, call: Call, slot: Span, in_declaration: bool) -> Break | None:
    """The white space before an argument, where a line may be broken."""
    comma = source.text.rfind(",", call.open, slot.start)
    gap = Span(comma + 1, slot.start)
    if comma < 0 or gap.of(source.text).strip():
        return None
    return Break(gap, call.open, call.span.start, in_declaration)


def tied_to(use: Use) -> tuple[Holder, ...]:
    """The holders that a use depends on, in a fixed order."""
    return tuple(sorted(use.linked, key=repr))
