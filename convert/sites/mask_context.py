"""What code does with a name, read off the tokens to its left (and one to its right)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from convert.sites.inventory_model import Form
from convert.sites.outline import STATEMENT_KEYWORDS, Code

ASSIGNMENTS = frozenset(["=", "|=", "&=", "+=", "-=", "^="])
_COMPARISONS = frozenset(["==", "!="])
_CONDITIONS = frozenset(["if", "while", "for", "switch"])
_CLOSERS = frozenset([")", "]", "}"])
_IDENTIFIER = re.compile(r"[A-Za-z_$]")


@dataclass(frozen=True)
class Context:
    """The form of a use. For an assignment, ``first`` and ``operator`` are words of its left side
    and its operator; -1 otherwise. ``target``: the callee, or the left side as written.
    """

    form: Form
    target: str = ""
    first: int = -1
    operator: int = -1

    def assigns_member(self, code: Code) -> bool:
        """Whether a structure's member is assigned, also by ``.member = `` in an initialiser."""
        depth = 0
        for word in code.words[max(self.first, 0) : max(self.operator, 0)]:
            depth += (word in "([") - (word in ")]")
            if not depth and word in ("->", "."):
                return True
        return False


def context_of(code: Code, index: int) -> Context:
    """What is done with the word at ``index``.

    Goes left to the nearest call, assignment or statement boundary that holds the word.
    """
    if _neighbours(code, index) & _COMPARISONS:
        return Context(Form.TESTED)
    operator = -1
    at = index - 1
    while at >= 0:
        word = code.words[at]
        if word in (")", "]"):
            at = matching(code, at)
        elif word == "(":
            context = _at_parenthesis(code, at, operator)
            if context:
                return context
        elif word in ("{", "}", ";") or (word == "," and operator >= 0):
            break
        elif word in ASSIGNMENTS and operator < 0:
            operator = at
        elif word == "return":
            return Context(Form.RETURNED)
        at -= 1
    if operator >= 0:
        return _assignment(code, at + 1, operator)
    return Context(Form.OTHER)


def _neighbours(code: Code, index: int) -> set[str]:
    return {code.words[at] for at in (index - 1, index + 1) if 0 <= at < len(code.words)}


def _at_parenthesis(code: Code, at: int, operator: int) -> Context | None:
    """What an open ``(`` says about the words behind it; None: it only groups."""
    if operator >= 0:
        return _assignment(code, at + 1, operator)
    before = code.words[at - 1] if at else ""
    if before in _CONDITIONS:
        return Context(Form.TESTED)
    if _IDENTIFIER.match(before) and before not in STATEMENT_KEYWORDS:
        return Context(Form.ARGUMENT, before)
    return None


def _assignment(code: Code, first: int, operator: int) -> Context:
    """The assignment whose statement starts at ``first``, without labels, `else` and conditions."""
    at = first
    while at < operator:
        word = code.words[at]
        if word in _CONDITIONS and code.words[at + 1] == "(":
            at = first = _after(code, at + 1)
            continue
        if word in (":", "else", "do"):
            first = at + 1
        at += 1
    target = code.text(first, operator - 1) if first < operator else ""
    return Context(Form.ASSIGNED, target, first, operator)


def _after(code: Code, opening: int) -> int:
    """The index after the parenthesis that pairs with the one at ``opening``."""
    slots = arguments(code, opening)
    return slots[-1][1] + 2 if slots else opening + 1


def is_masked_by(code: Code, index: int) -> bool:
    """Whether the word is what ``&`` tests: ``flags & X``, ``flags & (Y | X)``."""
    at = index - 1
    while at >= 1 and code.words[at] in ("(", "|"):
        at -= 1 if code.words[at] == "(" else 2
    return at >= 0 and code.words[at] == "&" and code.words[at - 1] not in ("(", ",", "=")


def matching(code: Code, at: int) -> int:
    """The index of the bracket that pairs with the one at ``at``, to its left.

    The first word if there is none.
    """
    depth = 0
    for index in range(at, -1, -1):
        word = code.words[index]
        depth += (word in _CLOSERS) - (word in ("(", "[", "{"))
        if not depth:
            return index
    return 0


def arguments(code: Code, opening: int) -> list[tuple[int, int]] | None:
    """The arguments of the call whose ``(`` is at ``opening``: first and last word of each.

    An empty argument has last < first. None if the parenthesis is never closed.
    """
    slots: list[tuple[int, int]] = []
    depth, first = 0, opening + 1
    for at in range(opening, len(code.words)):
        word = code.words[at]
        depth += (word in ("(", "[", "{")) - (word in _CLOSERS)
        if (word == "," and depth == 1) or not depth:
            slots.append((first, at - 1))
            first = at + 1
        if not depth:
            return slots
    return None
