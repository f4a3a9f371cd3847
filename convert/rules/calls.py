"""The exact conversion of one wrapper call: the plain call with the same contract."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from convert.profiles.wrappers import DifferenceFact, WrapperProfile
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
    values_possible,
)
from convert.rules.flag_expression import Choice as Chosen
from convert.rules.flag_reading import Holder
from convert.rules.flag_use import Use
from convert.rules.layout import Break
from convert.semantics.contracts import WrapperContract
from convert.semantics.derived import Meaning, PlainAllocation, atoms, joined
from convert.semantics.flags import Flags, Mask, mask_names, subsets
from convert.semantics.model import Contract
from convert.semantics.sizes import Consequence
from convert.semantics.table import lines_text
from convert.source.edits import Edit, Span
from convert.source.parse import Item
from convert.source.text import SourceFile
from convert.source.tokens import Kind
from convert.source.variants import Call

_ZERO = frozenset({"__GFP_ZERO"})


SizeJudge = Callable[[SourceFile, Item, Call, int], Consequence]


@dataclass(frozen=True)
class Given:
    """What all conversions of a run share.

    events: the wrappers' own trace events, by name. sizes: judges the size of a never-fail
    allocation by its call and the position of the size.
    """

    profile: WrapperProfile
    meaning: Meaning
    events: frozenset[str]
    sizes: SizeJudge


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
    evidence: tuple[str, ...]


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
    slot: int,
    form: PlainAllocation,
    use: Use,
    given: Given,
    names: Mapping[str, str],
    in_declaration: bool = False,
) -> CallChange | CallRefused:
    """Turn ``kmem_alloc(size, KM_…)`` into ``kmalloc(size, GFP_…)``.

    ``use`` is the flag expression in the call's flags ``slot``, ``names`` the new names of
    variables. ``in_declaration``: the call is (part of) an initialiser.
    """
    semantics = given.meaning.semantics
    values = values_possible(use.expression)
    found = given.meaning.contracts(call.callee or "", values)
    contract = joined(one.contract for one in found) if found else Contract()
    if comment_in(source, use.span):
        return CallRefused(use.span.start, "a comment stands inside the flags", contract)
    masks = frozenset(semantics.mask(value) for value in values)
    zeroing = form.zeroes or (bool(masks) and all(mask >= _ZERO for mask in masks))
    drop = _ZERO if zeroing else frozenset()
    try:
        check_translation(use.expression, semantics, drop)
        text = gfp_text(renamed(use.expression, names), semantics, drop)
    except NotUniformError as error:
        return CallRefused(
            use.span.start, f"what {error.flag} means depends on other flags", contract
        )
    plain = form.zeroing if zeroing else form.plain
    return CallChange(
        edits=(Edit(call.callee_span, plain), Edit(use.span, text)),
        place=_break_before(source, call, call.slots[slot].span, in_declaration),
        step="zalloc" if zeroing and not use.holders else "alloc",
        plain=plain,
        contract=contract,
        before=spelled_flags(use.expression),
        after=_after(masks, drop),
        differences=_differences(call.callee or "", values, given),
        evidence=_evidence(found),
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


def _differences(wrapper: str, values: frozenset[Flags], given: Given) -> tuple[str, ...]:
    """The declared differences that replacing a call makes; all combinations where none is told."""
    meaning = given.meaning
    found = meaning.contracts(wrapper, values or subsets(meaning.semantics.flags))

    def made(fact: DifferenceFact) -> bool:
        match fact.applies:
            case "retries":
                return any(one.retries and one.contract.may_fail is False for one in found)
            case "passes-flag":
                return fact.flag in meaning.dropped and any(
                    one.mask is not None and fact.flag in atoms(meaning.gfp, one.mask)
                    for one in found
                )
            case "fires-event":
                return bool(given.events)

    return tuple(fact.id for fact in given.profile.difference if made(fact))


def _evidence(found: Sequence[WrapperContract]) -> tuple[str, ...]:
    """What the contract rests on: the lines that were executed, and what was not looked into."""
    lines = lines_text(dict.fromkeys(line for one in found for line in one.lines))
    rows = [f"executed: {lines}"] if lines else []
    rows += [f"not looked into: {name}" for one in found for name in one.ignored]
    rows += [f"assumed: {text}" for one in found for text in one.assumptions]
    return tuple(dict.fromkeys(rows))


def _break_before(source: SourceFile, call: Call, slot: Span, in_declaration: bool) -> Break | None:
    """The white space before an argument, where a line may be broken."""
    comma = source.text.rfind(",", call.open, slot.start)
    gap = Span(comma + 1, slot.start)
    if comma < 0 or gap.of(source.text).strip():
        return None
    return Break(gap, call.open, call.span.start, in_declaration, in_directive(source, slot.start))


def in_directive(source: SourceFile, offset: int) -> bool:
    """Whether an offset lies in a preprocessor line, such as a macro's body."""
    return source.tokens.kind(source.tokens.index_at(offset)) is Kind.DIRECTIVE


def tied_to(use: Use) -> tuple[Holder, ...]:
    """The holders that a use depends on, in a fixed order."""
    return tuple(sorted(use.linked, key=repr))
