"""Expressions over wrapper flags, and the gfp expressions that mean the same.

A flag expression is understood or it is not: `FlagExpression` is a closed union, and whatever does
not fit is refused by the caller. The translation is checked by `check_translation`, which parses
the C that will be written, with pycparser's own grammar, and compares its value with the flag
table for every value that the variables can have.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product

from pycparser import c_ast
from pycparser.c_parser import CParser

from convert.errors import InternalCheckError
from convert.semantics.flags import Flags, FlagSemantics, Mask, mask_text, subsets


@dataclass(frozen=True)
class Constant:
    """Flags that the text spells out; the literal 0 is the empty set."""

    flags: Flags


@dataclass(frozen=True)
class Carrier:
    """A variable, parameter, macro or call that holds flags; ``text`` is how it will be written."""

    text: str


@dataclass(frozen=True)
class With:
    """``inner | flags``."""

    inner: FlagExpression
    flags: Flags


@dataclass(frozen=True)
class Without:
    """``inner & ~flags``."""

    inner: FlagExpression
    flags: Flags


@dataclass(frozen=True)
class Choice:
    """``condition ? then : other``; the condition's text is kept as it is."""

    condition: str
    then: FlagExpression
    other: FlagExpression


@dataclass(frozen=True)
class Retyped:
    """A cast to the flag type; ``cast`` is the cast to write instead, with parentheses."""

    cast: str
    inner: FlagExpression


FlagExpression = Constant | Carrier | With | Without | Choice | Retyped


class NotUniformError(Exception):
    """A flag whose effect on the mask depends on the other flags; ``flag`` is its name."""

    def __init__(self, flag: str) -> None:
        super().__init__(flag)
        self.flag = flag


def union(left: FlagExpression, right: FlagExpression) -> FlagExpression | None:
    """``left | right``, simplified; None where both sides are unknown flags."""
    if isinstance(left, Constant) and isinstance(right, Constant):
        return Constant(left.flags | right.flags)
    for one, other in ((left, right), (right, left)):
        if isinstance(one, Choice):
            then, otherwise = union(one.then, other), union(one.other, other)
            if then is None or otherwise is None:
                return None
            return Choice(one.condition, then, otherwise)
    if isinstance(right, Constant):
        return With(left, right.flags) if right.flags else left
    if isinstance(left, Constant):
        return With(right, left.flags) if left.flags else right
    return None


def without(inner: FlagExpression, flags: Flags) -> FlagExpression:
    """``inner & ~flags``, simplified."""
    if isinstance(inner, Constant):
        return Constant(inner.flags - flags)
    if isinstance(inner, Choice):
        return Choice(inner.condition, without(inner.then, flags), without(inner.other, flags))
    return Without(inner, flags)


def mask_change(semantics: FlagSemantics, flags: Flags, given: bool) -> tuple[Mask, Mask]:
    """The bits to clear and the bits to set for giving, or taking back, some flags.

    Raises NotUniformError where the effect of a flag depends on the others.
    """
    clears: set[str] = set()
    sets: set[str] = set()
    for flag in flags:
        effect = semantics.effect(flag)
        if effect is None:
            raise NotUniformError(flag)
        sets |= effect.sets if given else effect.clears
        clears |= effect.clears if given else effect.sets
    return frozenset(clears), frozenset(sets)


def complement_text(mask: Mask) -> str:
    """``~__GFP_X`` or ``~(__GFP_X | __GFP_Y)``."""
    text = mask_text(mask)
    return f"~({text})" if " " in text else f"~{text}"


def changed_text(inner: str, clears: Mask, sets: Mask) -> str:
    """``inner`` with bits cleared and set, as C."""
    if clears and sets:
        return f"({inner} & {complement_text(clears)}) | {mask_text(sets)}"
    if clears:
        return f"{inner} & {complement_text(clears)}"
    return f"{inner} | {mask_text(sets)}" if sets else inner


def gfp_text(
    expression: FlagExpression,
    semantics: FlagSemantics,
    drop: Mask = frozenset(),
    condition_text: Callable[[str], str] = str,
) -> str:
    """The gfp expression that means the same, as C.

    ``drop`` names bits that the plain call adds itself (``__GFP_ZERO`` of ``kzalloc``): constants
    are written without them. Raises NotUniformError (see `mask_change`).
    """
    match expression:
        case Constant(flags):
            return mask_text(semantics.mask(flags) - drop)
        case Carrier(text):
            return text
        case With(inner, flags) | Without(inner, flags):
            text = gfp_text(inner, semantics, drop, condition_text)
            clears, sets = mask_change(semantics, flags, isinstance(expression, With))
            atom = text if isinstance(inner, Carrier) else f"({text})"
            return changed_text(atom, clears - drop, sets - drop)
        case Choice(condition, then, other):
            arms = [gfp_text(arm, semantics, drop, condition_text) for arm in (then, other)]
            first, second = (f"({arm})" if " " in arm else arm for arm in arms)
            return f"{condition_text(condition)} ? {first} : {second}"
        case Retyped(cast, inner):
            text = gfp_text(inner, semantics, drop, condition_text)
            return f"{cast}({text})" if " " in text else f"{cast}{text}"


def carriers(expression: FlagExpression) -> frozenset[str]:
    """The texts of all carriers in an expression."""
    match expression:
        case Constant():
            return frozenset()
        case Carrier(text):
            return frozenset({text})
        case With(inner, _) | Without(inner, _) | Retyped(_, inner):
            return carriers(inner)
        case Choice(_, then, other):
            return carriers(then) | carriers(other)


def conditions(expression: FlagExpression) -> tuple[str, ...]:
    """The conditions of all choices in an expression, each once, outermost first."""
    match expression:
        case Constant() | Carrier():
            return ()
        case With(inner, _) | Without(inner, _) | Retyped(_, inner):
            return conditions(inner)
        case Choice(condition, then, other):
            return tuple(dict.fromkeys((condition, *conditions(then), *conditions(other))))


def flag_value(
    expression: FlagExpression, values: Mapping[str, Flags], truths: Mapping[str, bool]
) -> Flags:
    """The flags that an expression has, given its carriers' flags and its conditions' truth."""
    match expression:
        case Constant(flags):
            return flags
        case Carrier(text):
            return values[text]
        case With(inner, flags):
            return flag_value(inner, values, truths) | flags
        case Without(inner, flags):
            return flag_value(inner, values, truths) - flags
        case Choice(condition, then, other):
            return flag_value(then if truths[condition] else other, values, truths)
        case Retyped(_, inner):
            return flag_value(inner, values, truths)


def values_possible(expression: FlagExpression) -> frozenset[Flags]:
    """Every set of flags that an expression without carriers can have; empty with carriers."""
    if carriers(expression):
        return frozenset()
    names = conditions(expression)
    return frozenset(
        flag_value(expression, {}, dict(zip(names, truth, strict=True)))
        for truth in product((True, False), repeat=len(names))
    )


def masks_possible(expression: FlagExpression, semantics: FlagSemantics) -> frozenset[Mask]:
    """Every mask that an expression without carriers can stand for; empty with carriers."""
    return frozenset(semantics.mask(flags) for flags in values_possible(expression))


def check_translation(
    expression: FlagExpression, semantics: FlagSemantics, drop: Mask = frozenset()
) -> None:
    """Prove ``gfp_text(expression)`` equal to the flag table for all values of its carriers.

    Raises InternalCheckError with the counter-example. Carriers are replaced by plain names and
    conditions by plain variables before the text is parsed, so any C may stand in them.
    """
    held = sorted(carriers(expression))
    names = {text: f"carrier{index}" for index, text in enumerate(held)}
    asked = conditions(expression)
    truths = {text: f"condition{index}" for index, text in enumerate(asked)}
    renamed = _rename(expression, names)
    text = gfp_text(renamed, semantics, drop, lambda condition: truths[condition])
    tree = _parse(text)
    for values in _assignments(held, semantics):
        for truth in product((True, False), repeat=len(asked)):
            told = dict(zip(asked, truth, strict=True))
            wanted = semantics.mask(flag_value(expression, values, told)) - drop
            known: dict[str, Mask | bool] = {names[t]: semantics.mask(values[t]) for t in held}
            known |= {truths[t]: told[t] for t in asked}
            found = _evaluate(tree, known, _universe(semantics)) - drop
            if found != wanted:
                raise InternalCheckError(
                    f"translation of flags is wrong: {text!r} is {mask_text(found)}, "
                    f"but {mask_text(wanted)} is meant (carriers {values}, conditions {told})"
                )


def _rename(expression: FlagExpression, names: Mapping[str, str]) -> FlagExpression:
    match expression:
        case Constant():
            return expression
        case Carrier(text):
            return Carrier(names[text])
        case With(inner, flags):
            return With(_rename(inner, names), flags)
        case Without(inner, flags):
            return Without(_rename(inner, names), flags)
        case Choice(condition, then, other):
            return Choice(condition, _rename(then, names), _rename(other, names))
        case Retyped(_, inner):
            return _rename(inner, names)


def _assignments(held: list[str], semantics: FlagSemantics) -> Iterator[dict[str, Flags]]:
    for row in product(subsets(semantics.flags), repeat=len(held)):
        yield dict(zip(held, row, strict=True))


def _universe(semantics: FlagSemantics) -> Mask:
    return frozenset().union(*semantics.table.values())


def _parse(text: str) -> c_ast.Node:
    unit = CParser().parse(f"int x = {text};")
    init: c_ast.Node = unit.ext[0].init
    return init


def _evaluate(node: c_ast.Node, known: Mapping[str, Mask | bool], universe: Mask) -> Mask:
    match node:
        case c_ast.ID(name=name):
            value = known.get(name)
            if isinstance(value, frozenset):
                return value
            return _named(name)
        case c_ast.Constant(value="0"):
            return frozenset()
        case c_ast.BinaryOp(op="|", left=left, right=right):
            return _evaluate(left, known, universe) | _evaluate(right, known, universe)
        case c_ast.BinaryOp(op="&", left=left, right=right):
            return _evaluate(left, known, universe) & _evaluate(right, known, universe)
        case c_ast.UnaryOp(op="~", expr=inner):
            return universe - _evaluate(inner, known, universe)
        case c_ast.TernaryOp(cond=c_ast.ID(name=name), iftrue=then, iffalse=other):
            return _evaluate(then if known[name] else other, known, universe)
    raise InternalCheckError(f"translation of flags gave C that is no mask: {type(node).__name__}")


def _named(name: str) -> Mask:
    for mask in (
        frozenset({"__GFP_RECLAIM", "__GFP_IO", "__GFP_FS"}),
        frozenset({"__GFP_RECLAIM", "__GFP_IO"}),
        frozenset({"__GFP_RECLAIM"}),
    ):
        if mask_text(mask) == name:
            return mask
    return frozenset({name})
