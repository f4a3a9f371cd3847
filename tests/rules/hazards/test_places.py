"""Places of the tree as given are found again in the text of the stages, and back."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convert.flow.graph.model import Place
from convert.flow.placement.model import Anchor, AnchorKind, HandleEnd
from convert.plan import FileChange, Step
from convert.rules.hazards.places import Lost, anchor_now, forward, relocation
from convert.rules.scoped.texts import Texts
from convert.source.edits import Edit, Span, apply_edits
from tests.rules.scoped.fakes import PATH, dialect, empty_plan, toy_tree

GIVEN = """\
static void g(void)
{
	old_call(1);
}

static void f(void)
{
	lock(p);
	old_call(2);
	unlock(p);
}
"""


def texts(*stages: tuple[str, str], first: int | None = None) -> Texts:
    """The text after stages that each replace one string by another, or insert what is more."""
    tree = toy_tree({PATH: GIVEN})
    text, steps = GIVEN, []
    for number, (old, new) in enumerate(stages):
        places = [at for at in range(len(text)) if text.startswith(old, at)]
        kept = len(old) if new.startswith(old) else 0
        edits = tuple(Edit(Span(at + kept, at + len(old)), new[kept:]) for at in places)
        if new.endswith(old):
            edits = tuple(Edit(Span(at, at), new.removesuffix(old)) for at in places)
        steps.append(Step(number + 1, f"s{number}", "", (FileChange(PATH, edits),), {}, number))
        text = apply_edits(text, edits)
    plan = replace(empty_plan(tree), steps=tuple(steps), originals={PATH: GIVEN})
    return Texts(plan, tree, dialect, first)


def anchor(**more: object) -> Anchor:
    opens, closes = (GIVEN.index("lock(p)"),), (GIVEN.index("unlock(p)"),)
    start = GIVEN.index("static void f")
    found = Anchor(AnchorKind.LOCK, PATH, "f", start, opens, closes)
    return replace(found, **more)  # type: ignore[arg-type]


STAGES = [
    pytest.param((), None, id="no-change"),
    pytest.param((("old_call(", "a_longer_call(0, "),), None, id="converted"),
    pytest.param((("\tlock(p);\n", "\tlock(p);\n\tq = save();\n"),), 0, id="a-scope-before"),
    pytest.param(
        (("old_call(", "call("), ("\tunlock(p);\n", "\trestore(q);\n\tunlock(p);\n")),
        1,
        id="converted-and-a-scope",
    ),
]


@pytest.mark.parametrize(("stages", "first"), STAGES)
def test_an_anchor_is_found_again(stages: tuple[tuple[str, str], ...], first: int | None) -> None:
    known = texts(*stages, first=first)
    text = known.data(PATH).decode()
    now = anchor_now(anchor(), known)
    assert text.startswith("static void f(void)", now.start)
    assert [text.startswith("lock(p)", at) for at in now.opens] == [True]
    assert [text.startswith("unlock(p)", at) for at in now.closes] == [True]


def test_the_ends_of_a_handle_are_found_again_in_their_own_texts() -> None:
    known = texts(("old_call(", "a_longer_call(0, "))
    made = (GIVEN.index("old_call(1)"),)
    given = anchor(function="g", start=0, opens=made, kind=AnchorKind.HANDLE)
    start = GIVEN.index("static void f")
    ends = (
        HandleEnd(PATH, 0, "g", True, "h", made, ()),
        HandleEnd(PATH, start, "f", False, "h", (), given.closes),
    )
    now = anchor_now(replace(given, ends=ends), known)
    text = known.data(PATH).decode()
    (closer,) = now.closers
    assert text.startswith("static void f", closer.start)
    assert now.closes == closer.releases
    assert text.startswith("unlock(p)", now.closes[0])
    assert now.opens == now.openers[0].takes
    assert text.startswith("a_longer_call", now.opens[0])


LOST = [
    pytest.param((("old_call(2);", "old_call(2) + 1;\n\tmore();"),), "is not certain", id="calls"),
    pytest.param((("static void f(void)", "static void h(void)"),), "not found again", id="gone"),
]


@pytest.mark.parametrize(("stages", "reason"), LOST)
def test_an_anchor_that_cannot_be_told_is_lost(
    stages: tuple[tuple[str, str], ...], reason: str
) -> None:
    with pytest.raises(Lost, match=reason):
        anchor_now(anchor(), texts(*stages))


def test_lines_of_the_text_now_are_told_as_those_of_the_tree_as_given() -> None:
    known = texts(("\tlock(p);\n", "\tlock(p);\n\tq = save();\n"), first=0)
    moved = relocation(known)
    assert moved(Place(PATH, 10)) == Place(PATH, 9)
    assert moved(Place(PATH, 9)) == Place(PATH, 9)  # the added line: where it was added
    assert moved(Place(PATH, 8)) == Place(PATH, 8)
    assert moved(Place("fs/toy/other.c", 10)) == Place("fs/toy/other.c", 10)
    assert moved((f"{PATH}:11: x", 11)) == (f"{PATH}:10: x", 11)
    assert moved(Place(PATH, 999)) == Place(PATH, 999)


def test_offsets_go_forward() -> None:
    edits = [Edit(Span(2, 2), "abc"), Edit(Span(4, 6), "")]
    assert [forward(edits, at) for at in (1, 2, 4, 6)] == [1, 5, 7, 7]
