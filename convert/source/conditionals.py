"""``#if`` groups and the variants of code they make.

A *variant* is one consistent truth assignment to the conditions. Variants are chosen greedily until
every branch, and every absent ``#else``, is in one of them; branches are never merged.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from convert.source.edits import Span
from convert.source.text import SourceFile
from convert.source.tokens import Kind


@dataclass(frozen=True)
class Directive:
    """One preprocessor line. ``argument`` is the text after the name, as written, stripped.

    ``index`` is the directive's token, ``name`` is empty for a lone ``#``.
    """

    name: str
    span: Span
    line: int
    argument: str
    argument_span: Span
    index: int


@dataclass(frozen=True)
class Condition:
    """A condition reduced to one atom and the truth value that takes the branch.

    ``#ifdef X``, ``defined(X)`` and ``IS_ENABLED(X)`` are the same atom; any other expression is an
    atom by its text. ``atom`` is empty for a constant, whose value is ``value``.
    """

    atom: str
    value: bool


@dataclass(frozen=True)
class Branch:
    """The tokens ``first`` to ``next`` (exclusive) that a condition guards; None is ``#else``."""

    condition: Condition | None
    first: int
    next: int


@dataclass
class Group:
    """One ``#if … #endif``. Tokens from ``first`` (the #if) to ``last`` (the #endif).

    ``parent`` is the group and the number of its branch that hold this group.
    """

    first: int
    parent: tuple[Group, int] | None
    branches: list[Branch] = field(default_factory=list)
    last: int = 0

    @property
    def choices(self) -> int:
        """The number of ways through the group; an absent ``#else`` is the last way."""
        return len(self.branches) + (0 if self.has_else else 1)

    @property
    def has_else(self) -> bool:
        """Whether the last branch is an ``#else``."""
        return bool(self.branches) and self.branches[-1].condition is None


@dataclass(frozen=True)
class Conditionals:
    """All groups of a file in order, and the directives that have no partner."""

    groups: tuple[Group, ...]
    unmatched: tuple[Directive, ...]


@dataclass(frozen=True)
class Selection:
    """One variant: its assignment and the token ranges that it leaves out."""

    conditions: tuple[tuple[str, bool], ...]
    excluded: tuple[tuple[int, int], ...]


_NAME = re.compile(r"#(?:[ \t]|\\\r?\n|/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)*([A-Za-z_]\w*)?")
_COMMENTS = re.compile(r"/\*[^*]*\*+(?:[^/*][^*]*\*+)*/|//(?:\\\r?\n|[^\n])*|\\\r?\n")
_ENDING = re.compile(r"(?:[ \t\r\f\v]|\\\s*\Z)+\Z")
_ONE_SYMBOL = re.compile(r"(!?)(?:defined|IS_ENABLED)\((\w+)\)")
# Never defined where C code is read: assembler text, and C++ wrappers of user-space headers.
_NEVER_DEFINED = frozenset({"__cplusplus", "__ASSEMBLY__", "__ASSEMBLER__"})


def directives(source: SourceFile) -> tuple[Directive, ...]:
    """All directives of a file, in order."""
    return tuple(_directive(source, index) for index in source.tokens.of_kind(Kind.DIRECTIVE))


def _directive(source: SourceFile, index: int) -> Directive:
    span = source.tokens.span(index)
    match = _NAME.match(source.text, span.start)
    assert match is not None  # a directive starts with `#`
    text = source.text[match.end() : span.end]
    start = match.end() + len(text) - len(text.lstrip())
    ending = _ENDING.search(text)
    argument = Span(start, max(start, match.end() + (ending.start() if ending else len(text))))
    name = match.group(1) or ""
    return Directive(name, span, source.line(span.start), argument.of(source.text), argument, index)


def condition_of(name: str, argument: str) -> Condition:
    """Reduce the condition of ``#if``, ``#ifdef``, ``#ifndef`` or ``#elif`` to an atom."""
    text = _COMMENTS.sub(" ", argument).strip()
    if name in ("ifdef", "ifndef", "elifdef", "elifndef"):
        symbol = text.split()[0] if text else ""
        return _defined(symbol, name.endswith("ifdef"))
    text = re.sub(r"\bdefined\s+(\w+)", r"defined(\1)", text)
    text = "".join(text.split()) if text.count('"') == 0 else text
    wanted = True
    while True:
        if text.startswith("!(") and _encloses(text[1:]):
            wanted, text = not wanted, text[2:-1]
        elif text.startswith("(") and _encloses(text):
            text = text[1:-1]
        else:
            break
    if re.fullmatch(r"[0-9]+[uUlL]*", text):
        return Condition("", (int(text.rstrip("uUlL"), 10) != 0) == wanted)
    symbol_test = _ONE_SYMBOL.fullmatch(text)
    if symbol_test:
        return _defined(symbol_test.group(2), wanted != bool(symbol_test.group(1)))
    return Condition(text or "?", wanted)


def _defined(symbol: str, value: bool) -> Condition:
    if symbol in _NEVER_DEFINED:
        return Condition("", not value)
    return Condition(f"defined({symbol})", value)


def _encloses(text: str) -> bool:
    """Whether the parenthesis that opens a text closes at its very end."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char == "(") - (char == ")")
        if depth == 0:
            return at == len(text) - 1
    return False


def conditionals(lines: Iterable[Directive], end: int) -> Conditionals:
    """Nest the conditional directives of a file of ``end`` tokens into groups."""
    groups: list[Group] = []
    unmatched: list[Directive] = []
    stack: list[tuple[Group, Condition | None, int, Directive]] = []
    for line in lines:
        name = line.name
        if name in ("if", "ifdef", "ifndef"):
            parent = (stack[-1][0], len(stack[-1][0].branches)) if stack else None
            group = Group(line.index, parent)
            groups.append(group)
            stack.append((group, condition_of(name, line.argument), line.index + 1, line))
        elif name in ("else", "elif", "elifdef", "elifndef", "endif"):
            if not stack or (stack[-1][1] is None and name != "endif"):
                unmatched.append(line)
                continue
            group, condition, first, opened = stack.pop()
            group.branches.append(Branch(condition, first, line.index))
            if name == "endif":
                group.last = line.index
            else:
                following = None if name == "else" else condition_of(name, line.argument)
                stack.append((group, following, line.index + 1, opened))
    for group, condition, first, opened in stack:
        group.branches.append(Branch(condition, first, end))
        group.last = end
        unmatched.append(opened)
    return Conditionals(tuple(groups), tuple(unmatched))


def bindings(group: Group, choice: int) -> Iterable[Condition]:
    """What must hold for one way through a group: it, and none of those before it."""
    for branch in group.branches[:choice]:
        assert branch.condition is not None  # only the last branch can be #else
        yield Condition(branch.condition.atom, not branch.condition.value)
    if choice < len(group.branches):
        condition = group.branches[choice].condition
        if condition is not None:
            yield condition


def bind(assignment: Mapping[str, bool], wanted: Iterable[Condition]) -> dict[str, bool] | None:
    """The assignment with more conditions, or None if they contradict it."""
    result = dict(assignment)
    for condition in wanted:
        if not condition.atom:
            if not condition.value:
                return None
        elif result.setdefault(condition.atom, condition.value) != condition.value:
            return None
    return result


def path_conditions(group: Group | None, choice: int) -> list[Condition]:
    """What must hold for a branch and for all branches around it."""
    result: list[Condition] = []
    while group is not None:
        result += bindings(group, choice)
        if group.parent is None:
            break
        group, choice = group.parent
    return result


def selections(
    groups: Sequence[Group], outer: Mapping[str, bool]
) -> tuple[tuple[Selection, ...], tuple[tuple[int, int], ...]]:
    """The variants of a piece of code, and the token ranges that no variant holds.

    ``groups`` are those inside the code, in order; ``outer`` is what holds around it.
    """
    if not groups:
        return (Selection(tuple(sorted(outer.items())), ()),), ()
    inside = {id(group) for group in groups}
    open_choices = {
        (id(group), choice): (group, choice) for group in groups for choice in range(group.choices)
    }
    found: list[Selection] = []
    dead: list[tuple[int, int]] = []
    while open_choices:
        key = next(iter(open_choices))
        group, choice = open_choices.pop(key)
        seed = bind(outer, path_conditions(group, choice))
        if seed is None:
            if choice < len(group.branches):
                dead.append((group.branches[choice].first, group.branches[choice].next))
            continue
        open_choices[key] = (group, choice)
        found.append(_walk(groups, inside, seed, open_choices))
        open_choices.pop(key, None)
    if not found:
        found.append(_walk(groups, inside, dict(outer), {}))
    return tuple(found), tuple(dead)


def _walk(
    groups: Sequence[Group],
    inside: set[int],
    assignment: dict[str, bool],
    open_choices: dict[tuple[int, int], tuple[Group, int]],
) -> Selection:
    """Take one way through all groups, preferring ways not yet covered; forget those taken."""
    taken: dict[int, int] = {}
    excluded: list[tuple[int, int]] = []
    wanted_parents = {
        (id(holder), number)
        for group, _ in open_choices.values()
        for holder, number in _holders(group)
    }
    for group in groups:
        holder = group.parent
        if holder and id(holder[0]) in inside and taken.get(id(holder[0])) != holder[1]:
            continue
        options = [
            (choice, bound)
            for choice in range(group.choices)
            if (bound := bind(assignment, bindings(group, choice))) is not None
        ]
        choice, assignment = min(
            options,
            key=lambda option: (
                (id(group), option[0]) not in open_choices
                and (id(group), option[0]) not in wanted_parents
            ),
        )
        taken[id(group)] = choice
        open_choices.pop((id(group), choice), None)
        excluded += [
            (branch.first, branch.next)
            for number, branch in enumerate(group.branches)
            if number != choice
        ]
    return Selection(tuple(sorted(assignment.items())), tuple(excluded))


def _holders(group: Group) -> Iterable[tuple[Group, int]]:
    parent = group.parent
    while parent is not None:
        yield parent
        parent = parent[0].parent
