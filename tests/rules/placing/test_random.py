"""Random functions: a scope is placed so that it holds on every way, or it is refused."""

from __future__ import annotations

import re

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from convert.flow.placement.model import AnchorKind
from convert.rules.placing.model import Placed
from tests.rules.placing.run import edited, place
from tests.rules.placing.walker import Run, code_of, runs

_DEPTH = 8
_CHANGED_BY_BRACES = re.compile(r"[{}\s]|memalloc_nofs_restore\(\w+\);|\w+=memalloc_nofs_save\(\);")


class _Locks:
    """Draws the body of a function around a lock; now and then it forgets or adds something."""

    def __init__(self, draw: DrawFn) -> None:
        self.draw = draw
        self.lines: list[str] = []
        self.labels = self.draw(st.booleans())

    def chance(self, one_in: int) -> bool:
        return self.draw(st.integers(1, one_in)) == one_in

    def add(self, indent: int, *lines: str) -> None:
        self.lines += ["\t" * indent + line for line in lines]

    def block(self, indent: int, held: bool, depth: int) -> None:
        """Statements that leave the lock as it was."""
        for _ in range(self.draw(st.integers(1, 3))):
            kind = self.draw(st.sampled_from(["work", "leave", "if", "while", "pair", "else"]))
            if kind == "pair" and not held and depth:
                self.pair(indent, depth - 1)
            elif kind == "leave" and depth:
                self.leave(indent, held)
            elif kind in ("if", "else") and depth:
                self.add(indent, "if (c(p)) {")
                self.block(indent + 1, held, depth - 1)
                if kind == "else":
                    self.add(indent, "} else {")
                    self.block(indent + 1, held, depth - 1)
                self.add(indent, "}")
            elif kind == "while" and depth:
                self.add(indent, "while (c(p)) {")
                self.block(indent + 1, held, depth - 1)
                self.add(indent, "}")
            else:
                self.add(indent, self.draw(st.sampled_from(["w(p);", "err = w(p);"])))

    def pair(self, indent: int, depth: int) -> None:
        how = self.draw(st.sampled_from(["plain", "plain", "killable", "try", "in"]))
        if how == "in":
            self.add(indent, "if (trylock(p)) {")
            self.block(indent + 1, True, depth)
            self.add(indent + 1, "unlock(p);")
            self.add(indent, "}")
            return
        if how == "plain":
            self.add(indent, "lock(p);")
        elif how == "killable":
            self.add(indent, "err = lock_killable(p);", "if (err)", "	return err;")
        else:
            self.add(indent, "if (!trylock(p))", "	return 0;")
        self.block(indent, True, depth)
        if not self.chance(12):
            self.add(indent, "unlock(p);")

    def leave(self, indent: int, held: bool) -> None:
        """A way out, in the form that the state of the lock asks for."""
        if held and self.labels:
            self.add(indent, "if (c(p))", "	goto out;")
        elif held and not self.chance(12):
            self.add(indent, "if (c(p)) {", "	unlock(p);", "	return 1;", "}")
        elif held and self.chance(2):
            self.add(indent, "if (c(p))", "	unlock(p);", "else", "	return 1;")
        else:
            self.add(indent, "if (c(p))", "	return 2;")

    def whole(self) -> str:
        self.block(1, False, 3)
        if self.labels:
            self.add(1, "lock(p);")
            self.block(1, True, 2)
            self.lines.append("out:")
            self.add(1, "unlock(p);")
        self.add(1, "return err;")
        return "int f(struct s *p)\n{\n\tint err = 0;\n\n" + "\n".join(self.lines) + "\n}\n"


@st.composite
def lock_functions(draw: DrawFn) -> str:
    """A function that takes and releases a lock, most of the time rightly."""
    return _Locks(draw).whole()


def _check(run: Run) -> None:
    """The scope is open for what runs with the lock held, and for nothing else."""
    for name, held, is_open in run.calls:
        if name in ("lock", "trylock", "lock_killable", "unlock"):
            assert not is_open, name
        else:
            assert held == is_open, name
    if run.finished:
        assert not run.open
        assert not run.held


@settings(max_examples=400, deadline=None)
@given(lock_functions())
def test_a_lock_s_scope_holds_on_every_way_or_is_refused(text: str) -> None:
    result = place(text)
    if not isinstance(result, Placed):
        return
    after = edited(text, result)
    assert all(not edit.span.of(text) for edits in result.edits.values() for edit in edits)
    bare = after.replace("\tunsigned int nofs;\n", "")
    assert _CHANGED_BY_BRACES.sub("", re.sub(r"\s", "", bare)) == _CHANGED_BY_BRACES.sub("", text)
    for run in runs(code_of(after), _DEPTH):
        _check(run)


_VALUES = ("err", "err", "0", "-EIO", "w(p)", "w(v(p))")


@st.composite
def whole_functions(draw: DrawFn) -> str:
    """A function with some ways out; void ones give nothing."""
    void = draw(st.booleans())
    lines: list[str] = []

    def leave() -> str:
        return "return;" if void else f"return {draw(st.sampled_from(_VALUES))};"

    def block(indent: int, depth: int) -> None:
        for _ in range(draw(st.integers(1, 3))):
            kind = draw(st.sampled_from(["work", "set", "leave", "if", "while", "goto"]))
            tabs = "\t" * indent
            if kind == "leave" or not depth:
                lines.extend([f"{tabs}if (c(p))", f"{tabs}\t{leave()}"])
            elif kind in ("if", "while"):
                lines.append(f"{tabs}{kind} (c(p)) {{")
                block(indent + 1, depth - 1)
                lines.append(f"{tabs}}}")
            elif kind == "goto":
                lines.extend([f"{tabs}if (c(p))", f"{tabs}\tgoto out;"])
            else:
                lines.append(f"{tabs}w(p);" if kind == "work" else f"{tabs}err = w(p);")

    block(1, 2)
    lines.append("out:")
    if not void and draw(st.booleans()):
        lines.append(f"\t{leave()}")
    else:
        block(1, 1)
        lines.append("" if void else f"\t{leave()}")
    head = "void" if void else "int"
    body = "\n".join(line for line in lines if line)
    return f"{head} f(struct s *p)\n{{\n\tint err = 0;\n\n{body}\n}}\n"


@settings(max_examples=300, deadline=None)
@given(whole_functions())
def test_a_whole_function_gives_what_it_gave_inside_of_a_scope(text: str) -> None:
    result = place(text, AnchorKind.WORKER)
    if not isinstance(result, Placed):
        return
    after = edited(text, result)
    code = code_of(text)
    for run in runs(code_of(after), _DEPTH):
        before = Run(code, run.choices).go()
        assert [name for name, _, _ in run.calls] == [name for name, _, _ in before.calls]
        assert all(is_open for _, _, is_open in run.calls)
        assert (run.result, run.finished) == (before.result, before.finished)
        if run.finished:
            assert not run.open


def test_most_random_functions_are_not_refused() -> None:
    """The two tests above would prove nothing if nothing were placed."""
    placed: dict[bool, int] = {True: 0, False: 0}

    @settings(max_examples=120, deadline=None, database=None)
    @given(lock_functions(), whole_functions())
    def count(locked: str, whole: str) -> None:
        if "lock" in locked:
            placed[isinstance(place(locked), Placed)] += 1
        assert isinstance(place(whole, AnchorKind.PHASE), Placed)

    count()
    assert placed[True] > 2 * placed[False]
