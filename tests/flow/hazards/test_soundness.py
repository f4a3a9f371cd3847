"""Random functions: what a walk of all paths finds held at the allocation is found held."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.flow.hazards.support import ROOT, SCAN, report_of, site_of

LOCKS = ("lock", "ilock", "rwlock")
TAKE, DROP = "mutex_lock(&t->%s);", "mutex_unlock(&t->%s);"
NAMES = {"lock": "toy.lock", "ilock": "toy.ilock", "rwlock": "toy_base.lock"}
TEXTS = {"lock": "lock", "ilock": "ilock", "rwlock": "base.lock"}
HELPERS = "".join(
    f"static void {verb}_{lock}(struct toy *t) {{ {text % TEXTS[lock]} }}\n"
    for lock in LOCKS
    for verb, text in (("take", TAKE), ("drop", DROP))
)
WAITED = SCAN % " ".join(f"{TAKE % TEXTS[one]} {DROP % TEXTS[one]}" for one in LOCKS)

Held = frozenset[str]
Block = tuple["Statement", ...]


@dataclass(frozen=True)
class Statement:
    """One statement; ``kind``: take, drop, try, alloc, if, loop, out, break, return."""

    kind: str
    lock: str = ""
    called: bool = False
    first: Block = ()
    second: Block = ()


def text(block: Block) -> str:
    """A block in C."""
    return " ".join(map(one_text, block))


def one_text(one: Statement) -> str:
    """A statement in C."""
    if one.kind in ("take", "drop"):
        if one.called:
            return f"{one.kind}_{one.lock}(t);"
        return (TAKE if one.kind == "take" else DROP) % TEXTS[one.lock]
    if one.kind == "try":
        test = f"mutex_trylock(&t->{TEXTS[one.lock]})"
        return f"if ({test}) {{ {text(one.first)} }} else {{ {text(one.second)} }}"
    if one.kind == "if":
        return f"if (other(t)) {{ {text(one.first)} }} else {{ {text(one.second)} }}"
    if one.kind == "loop":
        return f"while (other(t)) {{ {text(one.first)} }}"
    plain = {"alloc": "here(1);", "out": "goto out;", "break": "break;", "return": "return 0;"}
    return plain[one.kind]


@dataclass
class Walk:
    """All sets of locks that are held where, by the ways through the blocks.

    at: at the allocation. away: where a ``goto out`` is.
    """

    at: set[Held] = field(default_factory=set)
    away: set[Held] = field(default_factory=set)

    def block(self, block: Block, states: set[Held], broken: set[Held]) -> set[Held]:
        """What is held behind a block; ``broken`` gets what is where it leaves its loop."""
        for one in block:
            states = self.one(one, states, broken)
        return states

    def one(self, one: Statement, states: set[Held], broken: set[Held]) -> set[Held]:
        """What is held behind a statement."""
        if one.kind == "take":
            return {held | {one.lock} for held in states}
        if one.kind == "drop":
            return {held - {one.lock} for held in states}
        if one.kind in ("if", "try"):
            got = states if one.kind == "if" else {held | {one.lock} for held in states}
            return self.block(one.first, got, broken) | self.block(one.second, states, broken)
        if one.kind == "loop":
            return self.loop(one.first, states)
        if one.kind == "alloc":
            self.at |= states
            return states
        if one.kind == "out":
            self.away |= states
        if one.kind == "break":
            broken |= states
        return set()

    def loop(self, body: Block, states: set[Held]) -> set[Held]:
        """What is held behind a loop: any number of rounds."""
        seen: set[Held] = set()
        left: set[Held] = set()
        while not states <= seen:
            seen |= states
            states = self.block(body, states, left)
        return seen | left


def statements(depth: int, inside: bool) -> st.SearchStrategy[Statement]:
    """Random statements; ``inside``: of a loop, which may be left."""
    lock = st.sampled_from(LOCKS)
    kinds = [
        st.builds(Statement, st.just("take"), lock, st.booleans()),
        st.builds(Statement, st.just("drop"), lock, st.booleans()),
        st.sampled_from([Statement("alloc"), Statement("out"), Statement("return")]),
    ]
    if inside:
        kinds.append(st.just(Statement("break")))
    if depth:
        inner = blocks(depth - 1, inside)
        kinds += [
            st.builds(Statement, st.just("if"), first=inner, second=inner),
            st.builds(Statement, st.just("try"), lock, first=inner, second=inner),
            st.builds(Statement, st.just("loop"), first=blocks(depth - 1, True)),
        ]
    return st.one_of(kinds)


def blocks(depth: int, inside: bool = False) -> st.SearchStrategy[Block]:
    """Random blocks."""
    return st.lists(statements(depth, inside), min_size=1, max_size=4).map(tuple)


def expected(body: Block, end: Block) -> tuple[bool, set[str]]:
    """Whether the allocation is reached, and the locks that are held there on any path."""
    walk = Walk()
    last = walk.block(body, {frozenset()}, set())
    known: set[Held] | None = None
    while known != walk.away:  # a goto in the end leads back to its label
        known = set(walk.away)
        walk.block(end, last | known, set())
    return bool(walk.at), {NAMES[lock] for held in walk.at for lock in held}


def test_walk() -> None:
    """The walk itself, by hand: one branch releases, the loop takes another one."""
    free = Statement("if", first=(Statement("drop", "lock"),))
    more = Statement("loop", first=(Statement("take", "ilock"), Statement("alloc")))
    body = (Statement("take", "lock"), free, more)
    assert expected(body, ()) == (True, {"toy.lock", "toy.ilock"})
    assert expected((Statement("return"), Statement("alloc")), ()) == (False, set())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much])
@given(blocks(3), st.lists(statements(1, False), max_size=3).map(tuple))
def test_nothing_held_is_missed(body: Block, end: Block) -> None:
    """On any path: more than that may be found, which an event tells."""
    end = (*end, Statement("alloc"))
    reached, held = expected(body, end)
    code = f"{text(body)}\nout: {text(end)}"
    site = site_of(report_of(HELPERS + WAITED + ROOT % code))
    found = {str(hazard.danger) for hazard in site.hazards}
    lacking = " ".join(missing.text for missing in site.missing)
    if reached:
        assert all(name in found or name in lacking for name in held), (code, held, found)
        event(f"found {len(found - held)} locks too many, {len(lacking) > 0} in doubt")
