"""Cutting a file into top-level items, before anything is parsed.

A slice is a run of tokens that holds one declaration, function or file-level macro call, or several
when ``#if`` branches tie them together. Slices never overlap. What is broken stays in its slice:
after a brace that never closes, cutting goes on after the next ``}`` in column one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from convert.source.conditionals import Condition, Conditionals, Group, bind, bindings
from convert.source.text import SourceFile
from convert.source.tokens import Kind
from convert.source.vocabulary import Dialect
from convert.source.words import KEYWORDS

_AGGREGATES = ("struct", "union", "enum")
_CLOSES = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True)
class Slice:
    """The tokens ``first`` to ``next`` (exclusive)."""

    first: int
    next: int


@dataclass
class _State:
    """Where the slicer stands: open brackets, and what it knows about the pending item."""

    stack: list[str] = field(default_factory=list)
    start: int | None = None  # first token of the pending item
    assigned: bool = False  # `=` seen outside brackets
    function: bool = False  # the brace that is open outside all others is a function's
    paren: int = -1  # the last `(` outside brackets

    def copy(self) -> _State:
        return _State(list(self.stack), self.start, self.assigned, self.function, self.paren)

    def reset(self) -> None:
        self.stack = []
        self.start = None
        self.assigned = False
        self.function = False


@dataclass
class _Open:
    """An open ``#if``: the state before it, the states at the ends of its branches."""

    group: Group
    before: _State
    ends: list[_State]
    chosen: int | None


class Slicer:
    """Cuts one file. Use `slices`."""

    def __init__(
        self, source: SourceFile, dialect: Dialect, groups: Conditionals, dead: list[Slice]
    ) -> None:
        self._text = source.text
        self._tokens = source.tokens
        self._starts = source.tokens.starts
        self._kinds = source.tokens.kinds
        self._dialect = dialect
        self._groups = {group.first: group for group in groups.groups}
        self._switches = {
            branch.first - 1: group for group in groups.groups for branch in group.branches[1:]
        }
        self._ends = {group.last: group for group in groups.groups}
        self._found: list[Slice] = []
        lowest = int(Kind.DIRECTIVE)
        self._order = [index for index, kind in enumerate(self._kinds) if kind >= lowest]
        if dead:
            skipped = _mask(len(self._kinds), dead)
            self._order = [index for index in self._order if not skipped[index]]

    def run(self) -> tuple[Slice, ...]:
        """All slices of the file, in order."""
        at = 0
        while at < len(self._order):
            at = self._scan(at)
        return tuple(self._merged())

    def _scan(self, at: int) -> int:
        """Cut from a place in the order; return where to go on (the end, or after what broke)."""
        state = _State()
        opens: list[_Open] = []
        truth: dict[str, bool] = {}
        kinds, starts, text, order = self._kinds, self._starts, self._text, self._order
        directive, punctuator = int(Kind.DIRECTIVE), int(Kind.PUNCTUATOR)
        begin = at
        for at in range(begin, len(order)):
            index = order[at]
            kind = kinds[index]
            if kind == directive:
                state = self._directive(index, state, opens, truth)
                continue
            if state.start is None:
                state.start = index
            if kind == punctuator:
                char = text[starts[index]]
                if char in "(){}[];=":
                    self._punctuator(char, index, at, state)
        if state.start is not None and state.stack:
            end = self._resume_after(state.start)
            self._found.append(Slice(state.start, order[end - 1] + 1))
            return end
        if state.start is not None:
            self._found.append(Slice(state.start, order[-1] + 1))
        return len(order)

    def _punctuator(self, char: str, index: int, at: int, state: _State) -> None:
        stack = state.stack
        if char in "([{":
            if not stack:
                if char == "(":
                    state.paren = index
                elif char == "{":
                    state.function = not state.assigned and not self._is_aggregate(at)
            stack.append(char)
        elif char in ")]}":
            self._close(char, index, at, state)
        elif not stack:
            if char == ";":
                self._end(index, state)
            elif self._starts[index + 1] - self._starts[index] == 1:
                state.assigned = True

    def _close(self, char: str, index: int, at: int, state: _State) -> None:
        stack = state.stack
        opening = _CLOSES[char]
        if stack and stack[-1] == opening:
            stack.pop()
        elif char == "}" and "{" in stack:
            while stack.pop() != "{":
                pass
        elif char == "}":
            self._stray_brace(index, state)
            return
        else:
            return  # the parser will refuse the slice
        if stack:
            return
        if (char == "}" and state.function) or (char == ")" and self._ends_here(at, state)):
            self._end(index, state)

    def _end(self, index: int, state: _State) -> None:
        assert state.start is not None
        if state.start != index or self._text[self._starts[index]] != ";":
            self._found.append(Slice(state.start, index + 1))
        state.reset()

    def _stray_brace(self, index: int, state: _State) -> None:
        """A `}` that closes nothing belongs to what stands before it, which lacks a brace."""
        first = state.start if state.start is not None else index
        for number in range(len(self._found) - 1, -1, -1):
            if self._text[self._starts[self._found[number].next - 1]] == "}":
                first = min(first, self._found[number].first)
                del self._found[number:]
                break
        self._found.append(Slice(first, index + 1))
        state.reset()

    def _directive(
        self, index: int, state: _State, opens: list[_Open], truth: dict[str, bool]
    ) -> _State:
        if index in self._groups:
            group = self._groups[index]
            opens.append(_Open(group, state.copy(), [], _choice(group, 0, truth)))
            return state
        if index in self._switches and opens and opens[-1].group is self._switches[index]:
            opened = opens[-1]
            opened.ends.append(state)
            if opened.chosen is None:
                opened.chosen = _choice(opened.group, len(opened.ends), truth)
            return opened.before.copy()
        if index in self._ends and opens and opens[-1].group is self._ends[index]:
            return _join(opens.pop(), state)
        return state

    def _is_aggregate(self, at: int) -> bool:
        """Whether the `{` at a place opens a struct, union, enum or the like, not a function."""
        at = self._before_annotations(at - 1)
        if self._word(at).isidentifier() and self._word(at) not in _AGGREGATES:
            at = self._before_annotations(at - 1)
        return self._word(at) in _AGGREGATES

    def _before_annotations(self, at: int) -> int:
        """The last place at or before one that is neither an annotation nor a directive."""
        while at >= 0:
            word = self._word(at)
            if word == ")":
                name = self._opening(at) - 1
                if self._word(name) not in self._dialect.annotations_with_arguments:
                    break
                at = name - 1
            elif not word or word in self._dialect.annotations:
                at -= 1
            else:
                break
        return at

    def _opening(self, at: int) -> int:
        """The place of the bracket that the one at a place closes (or the first place)."""
        depth = 0
        while at > 0:
            word = self._word(at)
            depth += (word == ")") - (word == "(")
            if depth == 0:
                break
            at -= 1
        return at

    def _word(self, at: int) -> str:
        """The text of the token at a place; empty for a directive and outside the file."""
        if not 0 <= at < len(self._order):
            return ""
        index = self._order[at]
        return "" if self._kinds[index] == Kind.DIRECTIVE else self._tokens.text(index)

    def _ends_here(self, at: int, state: _State) -> bool:
        """Whether `ID(…)` outside brackets is a whole item, as macros without `;` are."""
        if state.assigned or state.function or state.paren < 0:
            return False
        following = self._following(at)
        if following >= len(self._order):
            return False
        index = self._order[following]
        if self._kinds[index] != Kind.IDENTIFIER:
            return False
        word = self._word(following)
        dialect = self._dialect
        if word in dialect.annotations or word in dialect.annotations_with_arguments:
            return False
        between = self._text[self._starts[self._order[at]] : self._starts[index]]
        if "\n" not in between:
            return False
        name = self._opening(at) - 1
        return (
            self._kinds[self._order[name]] == Kind.IDENTIFIER
            and self._word(name) not in KEYWORDS
            and self._order[name] >= (state.start or 0)
            and self._word(name) not in dialect.annotations_with_arguments
        )

    def _following(self, at: int) -> int:
        """The place of the next token of code; an `#else` and what it guards are passed over."""
        at += 1
        while at < len(self._order) and self._kinds[self._order[at]] == Kind.DIRECTIVE:
            switch = self._switches.get(self._order[at])
            at += 1
            while switch and at < len(self._order) and self._order[at] < switch.last:
                at += 1
        return at

    def _resume_after(self, start: int) -> int:
        """The place after a broken item: past the next `}` in column one.

        A `{` in column one inside other braces opens the next function: then it is the place where
        that function's head starts.
        """
        text, starts = self._text, self._starts
        depth = 0
        ended = -1  # the last place after a `;` or `}`
        for at, index in enumerate(self._order):
            if index < start or self._kinds[index] != Kind.PUNCTUATOR:
                continue
            char = text[starts[index]]
            column_one = starts[index] == 0 or text[starts[index] - 1] == "\n"
            if char == "{" and column_one and depth > 0 and ended >= 0:
                return ended
            if char in "{}":
                depth += 1 if char == "{" else -1
            if char == "}" and column_one:
                return at + 2 if self._word(at + 1) == ";" else at + 1
            if char == ";" and depth <= 0 and self._starts_item(at + 1):
                return at + 1
            if char in ";}":
                ended = at + 1
        return len(self._order)

    def _starts_item(self, at: int) -> bool:
        if at >= len(self._order):
            return True
        start = self._starts[self._order[at]]
        return self._text[start - 1] == "\n" and self._text[start] != "{"

    def _merged(self) -> list[Slice]:
        """The slices in order, overlapping ones joined."""
        merged: list[Slice] = []
        for piece in sorted(self._found, key=lambda piece: (piece.first, piece.next)):
            if merged and piece.first < merged[-1].next:
                merged[-1] = Slice(merged[-1].first, max(merged[-1].next, piece.next))
            else:
                merged.append(piece)
        return merged


def slices(
    source: SourceFile, dialect: Dialect, groups: Conditionals, dead: list[Slice]
) -> tuple[Slice, ...]:
    """Cut a file into top-level items; the ``dead`` token ranges are not looked at."""
    return Slicer(source, dialect, groups, dead).run()


def _mask(length: int, ranges: Sequence[Slice]) -> bytearray:
    mask = bytearray(length)
    for piece in ranges:
        mask[piece.first : piece.next] = b"\1" * (piece.next - piece.first)
    return mask


def _choice(group: Group, number: int, truth: dict[str, bool]) -> int | None:
    """Take a branch in the one assignment that brackets are counted in, if it can be taken."""
    conditions: list[Condition] = list(bindings(group, number))
    bound = bind(truth, conditions)
    if bound is None:
        return None
    truth.update(bound)
    return number


def _join(opened: _Open, last: _State) -> _State:
    """The state after an ``#endif``: brackets as in the chosen branch, the earliest open item."""
    ends = [*opened.ends, last]
    if not opened.group.has_else:
        ends.append(opened.before)
    chosen = opened.chosen if opened.chosen is not None else len(ends) - 1
    result = ends[min(chosen, len(ends) - 1)].copy()
    starts = [end.start for end in ends if end.start is not None]
    if starts:
        result.start = min(starts)
    return result
