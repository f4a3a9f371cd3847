"""The tokens that the parser sees: significant ones of one variant, classified by the dialect."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from convert.source.token_types import DROPPED, DROPPED_CALL, PUNCTUATORS, WordTypes
from convert.source.tokens import Kind, Tokens

_PADDING = 4  # the parser looks that far past the end


@dataclass
class Run:
    """The tokens of one variant as parallel lists; ``types`` and ``values`` end in padding."""

    types: list[str | None]
    values: list[str]
    starts: array[int]
    ends: array[int]

    def __len__(self) -> int:
        return len(self.starts)


def run_of(
    tokens: Tokens,
    words: WordTypes,
    first: int,
    following: int,
    excluded: Sequence[tuple[int, int]] = (),
) -> Run:
    """The significant tokens in ``first`` to ``following`` (exclusive), annotations dropped."""
    kinds, offsets, text = tokens.kinds, tokens.starts, tokens.source
    lowest = int(Kind.IDENTIFIER)
    indexes = [
        index
        for begin, end in _kept(first, following, excluded)
        for index in range(begin, end)
        if kinds[index] >= lowest
    ]
    starts = [offsets[index] for index in indexes]
    ends = [offsets[index + 1] for index in indexes]
    values = [text[start:end] for start, end in zip(starts, ends, strict=True)]
    return finish(values, [words[value] for value in values], starts, ends)


def finish(values: list[str], types: list[str], starts: list[int], ends: list[int]) -> Run:
    """Drop annotations and add the padding."""
    if DROPPED in types or DROPPED_CALL in types:
        keep = list(_without_annotations(types))
        values = [values[index] for index in keep]
        types = [types[index] for index in keep]
        starts = [starts[index] for index in keep]
        ends = [ends[index] for index in keep]
    padded: list[str | None] = [*types, *[None] * _PADDING]
    return Run(padded, values + [""] * _PADDING, array("I", starts), array("I", ends))


def _kept(
    first: int, following: int, excluded: Sequence[tuple[int, int]]
) -> Iterable[tuple[int, int]]:
    at = first
    for begin, end in sorted(excluded):
        if begin > at:
            yield at, min(begin, following)
        at = max(at, end)
    if at < following:
        yield at, following


def _without_annotations(types: list[str]) -> Iterable[int]:
    """The indexes of what is left; what only has an annotation's name becomes an ID."""
    index = 0
    before = "SEMI"
    while index < len(types):
        kind = types[index]
        if kind in (DROPPED, DROPPED_CALL):
            end = index + 1
            if kind == DROPPED_CALL and end < len(types) and types[end] == "LPAREN":
                end = _past_parentheses(types, end)
            following = types[end] if end < len(types) else ""
            if not _names_a_value(kind, before, following):
                index = end
                continue
            kind = types[index] = "ID"
        yield index
        before = kind
        index += 1


def _names_a_value(kind: str, before: str, following: str) -> bool:
    """Whether a word that may be an annotation stands where only a function or value can.

    As a macro's whole argument, or (with parentheses) after an operator or as a whole statement.
    """
    if before in ("LPAREN", "COMMA") and following in ("COMMA", "RPAREN"):
        return True
    return kind == DROPPED_CALL and (
        before in _BEFORE_VALUES or (before in _BEFORE_STATEMENTS and following == "SEMI")
    )


_BEFORE_VALUES = frozenset(
    kind for kind in PUNCTUATORS.values() if kind.endswith("EQUAL")
) | {
    "EQUALS", "RETURN", "CONDOP", "EQ", "NE", "LT", "GT", "LE", "GE", "LOR", "LAND", "OR", "XOR",
    "PLUS", "MINUS", "DIVIDE", "MOD", "LSHIFT", "RSHIFT", "LNOT", "NOT", "ARROW", "PERIOD",
}  # fmt: skip
_BEFORE_STATEMENTS = frozenset({"SEMI", "LBRACE", "COLON", "ELSE", "DO"})


def _past_parentheses(types: list[str], index: int) -> int:
    """The index after the parenthesis that closes the one at ``index``; unbalanced: just after."""
    depth = 0
    for at in range(index, len(types)):
        depth += (types[at] == "LPAREN") - (types[at] == "RPAREN")
        if depth == 0:
            return at + 1
    return index + 1
