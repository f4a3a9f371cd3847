"""What functions change, and which facts about their parameters matter to them: bottom up.

Both are least fixed points over the call graph, made before the simulation. They ignore the order
of instructions.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from convert.flow.scopes.code import (
    DEREF,
    ELEMENT,
    Assign,
    Call,
    Choose,
    Code,
    Expr,
    Fill,
    Give,
    Test,
    Where,
)
from convert.flow.scopes.machine import Fields
from convert.flow.terms import TypeRef, type_ref

TASK = "current"
HANDLE, POINTER, ELSE = "*handle", "*pointer", "*else"  # no names of members
KINDS = (HANDLE, POINTER, ELSE)
_MAX_STEPS = 6
_MAX_INTEREST = 10
_MAX_DECIDING = 40


@dataclass
class Effects:
    """What running a function may change besides its own variables.

    fields: members, of any object (of whole structures the tracked ones). targets: parameters
    whose pointed-to scalar it assigns. places: tracked members that it assigns, and pointed-to
    handles, by the way from a parameter to them (some, if there are many). elsewhere: what it
    assigns through other pointers: `HANDLE` pointers, other ones (`POINTER`), or anything `ELSE`.
    captures: parameters that it keeps for later.
    """

    fields: set[str] = field(default_factory=set)
    targets: set[int] = field(default_factory=set)
    elsewhere: set[str] = field(default_factory=set)
    captures: set[int] = field(default_factory=set)
    places: dict[Where, None] = field(default_factory=dict)

    def size(self) -> int:
        """Grows with every addition."""
        sets = (self.fields, self.targets, self.elsewhere, self.captures)
        return sum(len(one) for one in sets) + len(self.places)


@dataclass
class Interest:
    """Which facts at entry matter.

    exact: parameters whose number matters. signs: places that may be negative or an ERR_PTR; of
    all others it matters only whether they are zero.
    """

    places: dict[Where, None] = field(default_factory=dict)
    exact: set[str] = field(default_factory=set)
    signs: set[Where] = field(default_factory=set)

    def size(self) -> int:
        """Grows with every addition."""
        return len(self.places) + len(self.exact) + len(self.signs)


Targets = Callable[[Call], Sequence[int]]  # numbers of codes


@dataclass
class Summary:
    """Effects and interests of all functions, by number."""

    effects: list[Effects]
    interests: list[Interest]
    relevant: list[bool]


def summarise(
    codes: Sequence[Code],
    targets: Targets,
    fields: Fields,
    members: Callable[[Code, str], Iterable[str]],
    kind: Callable[[Code, Where], Iterable[str]],
    is_scope: Callable[[Call], bool],
    is_site: Callable[[Call], bool],
) -> Summary:
    """Run the fixed points.

    members: tracked members of what a variable points to. kind: what is at a place that ends with
    a followed pointer. relevant are the functions that lead to a scope's function or a site.
    """
    run = _Run(codes, targets, fields, members, kind, is_scope, is_site)
    return run.summary()


@dataclass
class _Run:
    codes: Sequence[Code]
    targets: Targets
    fields: Fields
    members: Callable[[Code, str], Iterable[str]]
    kind: Callable[[Code, Where], Iterable[str]]
    is_scope: Callable[[Call], bool]
    is_site: Callable[[Call], bool]

    def summary(self) -> Summary:
        effects = [self.own_effects(code) for code in self.codes]
        self.fixed(lambda n: self.add_effects(effects, n))
        copies = [_copies(code) for code in self.codes]
        interests = [self.own_interest(code) for code in self.codes]
        for number in range(len(self.codes)):
            self.close(interests[number], self.codes[number], copies[number])
        self.fixed(lambda n: self.add_interest(interests, copies, n))
        relevant = [self.is_relevant(code) for code in self.codes]
        self.fixed(lambda n: self.add_relevant(relevant, n))
        for number, code in enumerate(self.codes):
            relevant[number] = relevant[number] or _decides(code, interests[number])
        return Summary(effects, interests, relevant)

    def fixed(self, step: Callable[[int], bool]) -> None:
        """Repeat a step for every function until nothing grows."""
        callers: dict[int, set[int]] = {}
        for number, code in enumerate(self.codes):
            for _, call in code.calls():
                for target in self.targets(call):
                    callers.setdefault(target, set()).add(number)
        waiting = dict.fromkeys(range(len(self.codes)))
        while waiting:
            number = next(iter(waiting))
            del waiting[number]
            if step(number):
                waiting.update(dict.fromkeys(callers.get(number, ())))

    # -- effects -------------------------------------------------------------------------------

    def own_effects(self, code: Code) -> Effects:
        found = Effects()
        for instruction in code.instructions:
            if isinstance(instruction, (Assign, Fill)):
                self.written(found, code, instruction)
            if isinstance(instruction, (Assign, Give)):
                kept = isinstance(instruction, Give) or bool(instruction.target.steps)
                name = instruction.value[1].var if _is_variable(instruction.value) else ""
                if name in code.parameters and (kept or name in code.escaping):
                    found.captures.add(code.parameters.index(name))
        return found

    def written(self, found: Effects, code: Code, instruction: Assign | Fill) -> None:
        place = instruction.target
        if DEREF not in place.steps and ELEMENT not in place.steps:
            return
        self.assigned(found, code, place)
        last = place.steps[-1]
        if last == ELEMENT:
            return
        if last != DEREF:
            found.fields.add(last)
            return
        whole = isinstance(instruction, Fill) or instruction.whole
        if place.steps == (DEREF,) and place.var in code.parameters:
            found.targets.add(code.parameters.index(place.var))
        else:
            found.elsewhere.update(self.kind(code, place))
        if whole and place.steps == (DEREF,):
            found.fields.update(self.members(code, place.var))

    def assigned(self, found: Effects, code: Code, place: Where) -> None:
        """Note an assigned place if callers can follow it."""
        few = len(found.places) < _MAX_INTEREST and len(place.steps) <= _MAX_STEPS
        if few and ELEMENT not in place.steps and self.kept(code, place):
            found.places[place] = None

    def add_effects(self, effects: list[Effects], number: int) -> bool:
        own, code = effects[number], self.codes[number]
        before = own.size()
        for _, call in code.calls():
            for target in self.targets(call):
                other = effects[target]
                own.fields |= other.fields
                own.elsewhere |= other.elsewhere
                callee = self.codes[target]
                for place in list(other.places):
                    for mine in _at_call(call, callee, place):
                        self.assigned(own, code, mine)
                for slot in other.captures:
                    given = call.arguments[slot] if slot < len(call.arguments) else ("any",)
                    if _is_variable(given) and given[1].var in code.parameters:
                        own.captures.add(code.parameters.index(given[1].var))
                for slot in other.targets:
                    self.through(own, code, call, slot, callee)
        return own.size() != before

    def through(self, own: Effects, code: Code, call: Call, slot: int, callee: Code) -> None:
        """A callee assigns what its argument points to."""
        given = call.arguments[slot] if slot < len(call.arguments) else ("any",)
        if given[0] == "addr":
            place = given[1]
            if place.steps and place.steps[-1] not in (DEREF, ELEMENT):
                own.fields.add(place.steps[-1])
            return
        if given[0] == "load" and not given[1].steps and given[1].var in code.parameters:
            own.targets.add(code.parameters.index(given[1].var))
        else:
            own.elsewhere.update(self.kind(callee, Where(callee.parameters[slot], (DEREF,))))

    # -- interest ------------------------------------------------------------------------------

    def own_interest(self, code: Code) -> Interest:
        found = Interest()
        for instruction in code.instructions:
            if isinstance(instruction, Test):
                self.tested(found, code, instruction.cond)
            elif isinstance(instruction, (Assign, Give)):
                self.moved(found, code, instruction)
            elif isinstance(instruction, Choose):
                self.tested(found, code, ("bin", "&", instruction.value, ("any",)))
            elif isinstance(instruction, Call):
                if instruction.name is None:
                    self.tested(found, code, ("bin", "&", instruction.pointer, ("any",)))
                elif self.is_scope(instruction):
                    for given in instruction.arguments:
                        self.tested(found, code, given)
        return found

    def moved(self, found: Interest, code: Code, instruction: Assign | Give) -> None:
        """A cookie or handle that goes from one place to another, or to the caller."""
        if isinstance(instruction, Assign):
            target = instruction.target
            if len(target.steps) == 2 and target.steps[-1] in self.fields.tracked:
                self.wanted(found, code, Where(target.var), False)
        value = instruction.value
        leaves = isinstance(instruction, Give) or bool(instruction.target.steps)
        if not leaves or value[0] != "load" or not value[1].steps:
            return
        if value[1].steps[-1] in self.fields.tracked:
            self.wanted(found, code, value[1], False)

    def tested(self, found: Interest, code: Code, expr: Expr, exact: bool = False) -> None:
        """The places that a condition looks at."""
        match expr[0]:
            case "load":
                self.wanted(found, code, expr[1], exact)
            case "not" | "errptr":
                self.tested(found, code, expr[1])
            case "err":
                self.tested(found, code, expr[1])
                self.sign(found, expr[1])
            case "cmp":
                if expr[1] not in ("==", "!="):
                    self.sign(found, expr[2])
                    self.sign(found, expr[3])
                numbers = [part for part in expr[2:] if part[0] == "num"]
                fine = any(part[1] != 0 for part in numbers) or not numbers
                for part in expr[2:]:
                    self.tested(found, code, part, fine)
            case "bin":
                for part in expr[2:]:
                    self.tested(found, code, part, True)

    def sign(self, found: Interest, expr: Expr) -> None:
        """The sign of a place matters."""
        if expr[0] == "load":
            found.signs.add(expr[1])

    def wanted(self, found: Interest, code: Code, place: Where, exact: bool) -> bool:
        """Note a place; whether that is new."""
        if len(place.steps) > _MAX_STEPS or ELEMENT in place.steps:
            return False
        new = place not in found.places
        found.places[place] = None
        if exact and not place.steps and place.var not in found.exact:
            found.exact.add(place.var)
            new = True
        return new

    def close(self, found: Interest, code: Code, copies: dict[str, list[Expr]]) -> None:
        """What matters about a variable matters about what is assigned to it."""
        waiting = list(found.places)
        while waiting:
            place = waiting.pop()
            for source in copies.get(place.var, ()):
                exact = place.var in found.exact and not place.steps
                for other in _behind(source, place.steps):
                    if len(other.steps) > _MAX_STEPS:
                        continue
                    new = self.wanted(found, code, other, exact)
                    if place in found.signs and other not in found.signs:
                        found.signs.add(other)
                        new = True
                    if new:
                        waiting.append(other)

    def kept(self, code: Code, place: Where) -> bool:
        """Whether facts about a place can be handed over by a caller."""
        if place.var == TASK:
            return len(place.steps) == 2
        if place.var not in code.parameters:
            return False
        if not place.steps:
            return True
        last = place.steps[-1]
        if last == DEREF:
            return place.steps == (DEREF,) and bool(list(self.members(code, place.var + "*")))
        return last in self.fields.tracked

    def add_interest(
        self, interests: list[Interest], copies: list[dict[str, list[Expr]]], number: int
    ) -> bool:
        own, code = interests[number], self.codes[number]
        before = own.size()
        for _, call in code.calls():
            for target in self.targets(call):
                callee = self.codes[target]
                for place in list(interests[target].places):
                    if not self.kept(callee, place):
                        continue
                    exact = not place.steps and place.var in interests[target].exact
                    signs = place in interests[target].signs
                    for other in _at_call(call, callee, place):
                        self.wanted(own, code, other, exact)
                        if signs:
                            own.signs.add(other)
        if own.size() != before:
            self.close(own, code, copies[number])
        return own.size() != before

    def is_relevant(self, code: Code) -> bool:
        """Whether a function itself moves a handle or a cookie, or holds what is asked about."""
        for instruction in code.instructions:
            if isinstance(instruction, Call):
                if self.is_site(instruction):
                    return True
            elif isinstance(instruction, (Assign, Fill)) and instruction.target.steps:
                target = instruction.target
                if target.steps[-1] in self.fields.tracked:
                    return True
                if target.steps == (DEREF,) and self.kind(code, target) == (HANDLE,):
                    return True
        return False

    def add_relevant(self, relevant: list[bool], number: int) -> bool:
        if relevant[number]:
            return False
        calls = self.codes[number].calls()
        relevant[number] = any(relevant[t] for _, call in calls for t in self.targets(call))
        return relevant[number]


def _decides(code: Code, interest: Interest) -> bool:
    """Whether a short function without effects tells something about the numbers it is given.

    The simulation runs these, too: what they return decides which way their callers take.
    """
    if len(code.instructions) > _MAX_DECIDING or not interest.exact & set(code.parameters):
        return False
    assigned = (i for i in code.instructions if isinstance(i, (Assign, Fill)))
    if any(one.target.steps for one in assigned):
        return False
    root = code.routine.variant.root
    return type_ref(root.decl.type.type) in (TypeRef("bool"), TypeRef("gfp_t"))


def captured(
    code: Code, targets: Callable[[Call], Sequence[int]], effects: Sequence[Effects]
) -> frozenset[str]:
    """Variables whose address is kept somewhere, so that any call may change them."""
    found: set[str] = set()
    for instruction in code.instructions:
        if isinstance(instruction, Call):
            for slot, given in enumerate(instruction.arguments):
                if _is_address(given) and any(
                    slot in effects[target].captures for target in targets(instruction)
                ):
                    found.add(given[1].var)
        else:
            for expr in _expressions(instruction):
                found.update(one[1].var for one in _inside(expr) if _is_address(one))
    return frozenset(found)


def _is_variable(expr: Expr) -> bool:
    return bool(expr[0] == "load") and not expr[1].steps


def _is_address(expr: Expr) -> bool:
    return bool(expr[0] == "addr") and DEREF not in expr[1].steps


def _copies(code: Code) -> dict[str, list[Expr]]:
    """What is assigned to each variable."""
    found: dict[str, list[Expr]] = {}
    for instruction in code.instructions:
        if isinstance(instruction, Assign) and not instruction.target.steps:
            found.setdefault(instruction.target.var, []).append(instruction.value)
        elif isinstance(instruction, Give):
            found.setdefault("<result>", []).append(instruction.value)
    return found


def _behind(value: Expr, steps: tuple[str, ...]) -> Iterable[Where]:
    """The places that ``steps`` from a value lead to."""
    match value[0]:
        case "load":
            yield value[1].then(*steps)
        case "addr" if steps[:1] == (DEREF,):
            yield value[1].then(*steps[1:])
        case "bin" | "cmp" if not steps:
            for part in value[2:]:
                yield from _behind(part, steps)
        case "not" | "err" | "errptr" if not steps:
            yield from _behind(value[1], steps)


def _at_call(call: Call, callee: Code, place: Where) -> Iterable[Where]:
    if place.var == TASK:
        yield place
        return
    slot = callee.parameters.index(place.var)
    if slot < len(call.arguments):
        yield from _behind(call.arguments[slot], place.steps)


def interesting(run: Interest, code: Code, fields: Fields, kept: Callable[[Where], bool]) -> tuple[
    Where, ...
]:  # fmt: skip
    """The places of a function whose facts are handed over, in a fixed order, the simple first."""
    del code, fields
    found = [place for place in run.places if kept(place)]
    to_scalars = [Where(place.var) for place in found if place.steps == (DEREF,)]
    found += [place for place in dict.fromkeys(to_scalars) if place not in run.places]
    found.sort(key=lambda place: (len(place.steps), place))
    return tuple(found[:_MAX_INTEREST])


def field_sets(
    codes: Iterable[Code],
    saves: Mapping[str, int],
    handle_members: Callable[[set[str]], set[str]],
    is_handle: Callable[[Code, str], bool],
) -> tuple[Fields, set[str]]:
    """Which members hold cookies or handles, and whose address is taken; then the cookies' names.

    ``handle_members``: from the members that hold cookies to those that point to their structures.
    """
    codes = list(codes)
    cookies = _cookie_members(codes, saves)
    tracked = cookies | handle_members(cookies)
    addressed: set[str] = set()
    for code in codes:
        for instruction in code.instructions:
            for expr in _expressions(instruction):
                if expr[0] == "addr" and expr[1].steps:
                    addressed.add(expr[1].steps[-1])
    task: set[str] = set()
    for code in codes:
        task |= _task_members(code, is_handle)
    tracked |= task
    return Fields(frozenset(tracked), frozenset(addressed), frozenset(task)), cookies


def _task_members(code: Code, is_handle: Callable[[Code, str], bool]) -> set[str]:
    """Members of the task's structure that are assigned a handle, or compared with one."""
    found: set[str] = set()
    pairs: list[tuple[Expr, Expr]] = []
    for instruction in code.instructions:
        if isinstance(instruction, Assign):
            pairs.append((("load", instruction.target), instruction.value))
        elif isinstance(instruction, Test):
            pairs += [(e[2], e[3]) for e in _inside(instruction.cond) if e[0] == "cmp"]
    for pair in pairs:
        for one, other in (pair, pair[::-1]):
            if one[0] != "load" or one[1].var != TASK or len(one[1].steps) != 2:
                continue
            if other[0] == "load" and not other[1].steps and is_handle(code, other[1].var):
                found.add(one[1].steps[1])
    return found


def _cookie_members(codes: list[Code], saves: Mapping[str, int]) -> set[str]:
    """Members that are assigned what a save returned, directly or by copies between members."""
    cookies: set[str] = set()
    copied: list[tuple[str, str]] = []
    for code in codes:
        results = {call.result for _, call in code.calls() if call.name in saves}
        for instruction in code.instructions:
            if not isinstance(instruction, Assign) or instruction.value[0] != "load":
                continue
            source, target = instruction.value[1], instruction.target
            if source.var in results and not source.steps:
                if target.steps:
                    cookies.add(target.steps[-1])
                else:
                    results.add(target.var)
            elif source.steps and target.steps:
                copied.append((source.steps[-1], target.steps[-1]))
    while True:
        more = {target for source, target in copied if source in cookies} - cookies
        if not more:
            return cookies - {DEREF, ELEMENT}
        cookies |= more


def _expressions(instruction: object) -> Iterable[Expr]:
    match instruction:
        case Call(arguments=given):
            yield from given
        case Assign(value=value) | Choose(value=value) | Give(value=value):
            yield value
        case Test(cond=cond):
            yield from _inside(cond)


def _inside(expr: Expr) -> Iterable[Expr]:
    yield expr
    if expr[0] in ("load", "addr", "fn"):
        return
    for part in expr[1:]:
        if isinstance(part, tuple) and part and isinstance(part[0], str):
            yield from _inside(part)
