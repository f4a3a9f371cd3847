"""Whether two masks are the same to an allocator while a scope is open.

Masks are combined bit by bit, so a name that is not known is taken as all zeros and as all ones:
what holds for both holds for every value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from types import MappingProxyType

from pycparser import c_ast

from convert.errors import InputError
from convert.semantics.interpreter.values import CannotExecute
from convert.semantics.scopes import ScopeTable
from convert.source.tokens import Kind, lex_body
from convert.source.variants import Node, Variant

_ALL = 0xFFFFFFFF
_WORD = re.compile(r"[A-Za-z_]\w*")
_MOST = 6  # unknown names in one mask: 64 combinations


@dataclass(frozen=True)
class Differs:
    """The masks differ, or it could not be shown that they do not; ``why`` is one line."""

    why: str


@dataclass(frozen=True)
class MaskJudge:
    """Compares masks by executing the tree's own function that applies scopes."""

    table: ScopeTable
    scope: str

    def difference(self, before: str, after: str) -> Differs | None:
        """Why two mask expressions are not the same inside the scope; None if they are."""
        gfp = self.table.executor.gfp
        unknown = sorted({*_names(before), *_names(after)} - set(gfp.bits))
        if len(unknown) > _MOST:
            return Differs(f"too many names with no known value: {', '.join(unknown)}")
        try:
            for values in self._values(unknown):
                pair = [gfp.evaluate(_with(text, values)) for text in (before, after)]
                seen = [self.table.inside(mask, [self.scope]) for mask in pair]
                if seen[0] is None or seen[0] != seen[1]:
                    return Differs(
                        f"`{before}` is {_hex(seen[0])} inside of the {self.scope} scope, "
                        f"`{after}` is {_hex(seen[1])}"
                    )
        except (InputError, CannotExecute) as error:
            return Differs(str(error))
        return None

    def widening(self, before: str, after: str, gained: Iterable[str]) -> Differs | None:
        """Why a mask expression does more than gain some bits; None if that is all it does.

        No scope counts here. The bits are gained together or not at all.
        """
        gfp = self.table.executor.gfp
        unknown = sorted({*_names(before), *_names(after)} - set(gfp.bits))
        if len(unknown) > _MOST:
            return Differs(f"too many names with no known value: {', '.join(unknown)}")
        try:
            allowed = gfp.mask(gained)
            for values in self._values(unknown):
                was, now = (gfp.evaluate(_with(text, values)) for text in (before, after))
                more = now & ~was
                if was & ~now or more & ~allowed or (more and allowed & ~now):
                    return Differs(
                        f"`{before}` is {_hex(was)}, `{after}` is {_hex(now)}: not only "
                        f"{' and '.join(gfp.bit_names(allowed))} came in"
                    )
        except InputError as error:
            return Differs(str(error))
        return None

    @staticmethod
    def _values(names: list[str]) -> Iterator[dict[str, int]]:
        for chosen in product((0, _ALL), repeat=len(names)):
            yield dict(zip(names, chosen, strict=True))


def shape(
    node: Node, variant: Variant, text: str, renamed: Mapping[str, str] = MappingProxyType({})
) -> str:
    """A mask expression as C of known names, bitwise operators and names for all other parts.

    Equal parts get equal names. ``text``: of the file. ``renamed``: names to write differently.
    """
    match node:
        case c_ast.ID(name=name):
            return renamed.get(name, str(name))
        case c_ast.Constant(value=value):
            return str(value)
        case c_ast.Cast(expr=inner):
            return shape(inner, variant, text, renamed)
        case c_ast.UnaryOp(op="~", expr=inner):
            return f"~({shape(inner, variant, text, renamed)})"
        case c_ast.BinaryOp(op="|" | "&" | "^" as op, left=left, right=right):
            sides = (shape(side, variant, text, renamed) for side in (left, right))
            return f"({f' {op} '.join(sides)})"
        case c_ast.TernaryOp(iftrue=then, iffalse=other) if then is not None:
            arms = (shape(arm, variant, text, renamed) for arm in (then, other))
            return f"({_opaque(node.cond, variant, text)} ? {' : '.join(arms)})"
    return _opaque(node, variant, text)


def _opaque(node: Node, variant: Variant, text: str) -> str:
    """A name that stands for an expression, made of its text."""
    try:
        code = code_of(variant.span_of(node).of(text))
    except KeyError:
        code = type(node).__name__
    return "opaque_" + code.encode("latin-1", "replace").hex()


def code_of(text: str) -> str:
    """An expression in one line, without comments."""
    tokens = lex_body(text)
    parts = [
        " " if tokens.kinds[at] in (Kind.SPACE, Kind.COMMENT) else tokens.text(at)
        for at in range(len(tokens))
    ]
    return " ".join("".join(parts).split())


def _names(text: str) -> list[str]:
    return _WORD.findall(text)


def _with(text: str, values: dict[str, int]) -> str:
    return _WORD.sub(lambda m: f"{values[m[0]]:#x}U" if m[0] in values else m[0], text)


def _hex(mask: int | None) -> str:
    return "not decided" if mask is None else f"{mask:#x}"
