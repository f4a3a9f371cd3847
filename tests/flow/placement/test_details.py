"""What is said about a placed scope, and the changes by hand that are reported."""

from __future__ import annotations

import pytest

from convert.flow.placement.candidates import Weights
from convert.flow.placement.model import AnchorKind, PlacedScope
from convert.flow.placement.place import place_scopes
from tests.flow.placement.programs import PATH, Toy


def only(toy: Toy, weights: Weights | None = None) -> PlacedScope:
    placement = place_scopes(toy.report(), toy, weights)
    (scope,) = placement.scopes
    return scope


def test_what_falls_under_a_scope() -> None:
    toy = Toy({"f": "%p ?q L+ g %r ?s L- %t", "g": "$x $y ( %u )"})
    scope = only(toy)
    assert scope.anchor.kind is AnchorKind.LOCK
    assert scope.line == toy.place("L+")
    assert [one.line for one in scope.plain] == [toy.place("%r")]
    assert [one.line for one in scope.readers] == [toy.place("?s")]
    assert [one.site.function for one in scope.sites] == ["$x", "$y"]
    assert scope.cost == 2


def test_one_witness_for_each_danger() -> None:
    toy = Toy({"f": "L+ g L-", "g": "M+ $x M- h", "h": "$y"})
    scope = only(toy)
    assert [str(one.danger) for one in scope.hazards] == ["L", "M"]
    assert [len(one.hold.chain.frames) for one in scope.hazards] == [2, 2]


def test_excused_dangers_are_no_witnesses() -> None:
    toy = Toy({"f": "L+ M+ $x M- L-"})
    (scope,) = place_scopes(toy.report(excused="L"), toy).scopes
    assert [str(one.danger) for one in scope.hazards] == ["M"]
    assert [toy.place("M+"), toy.place("M-")] == [*scope.anchor.opens, *scope.anchor.closes]


def test_a_site_under_two_scopes() -> None:
    toy = Toy({"e": "L+ g L-", "f": "M+ g M-", "g": "$x"})
    scopes = place_scopes(toy.report(), toy).scopes
    assert [[one.site.function for one in scope.sites] for scope in scopes] == [["$x"], ["$x"]]


def test_handle_anchor() -> None:
    toy = Toy({"f": "start $s stop", "start": "H+", "stop": "H-"}, handles={"H": ("start", "stop")})
    anchor = only(toy).anchor
    assert (anchor.function, anchor.structure, anchor.member) == (
        "start",
        "struct handle",
        "saved_alloc_context",
    )
    assert [(end.path, end.function, end.start) for end in (*anchor.openers, *anchor.closers)] == [
        (PATH, name, toy.start(name)) for name in ("start", "stop")
    ]


@pytest.mark.parametrize(
    ("toy", "expected"),
    [
        pytest.param(Toy({"f": "L+ $s L-"}), [], id="none"),
        pytest.param(
            Toy({"f": "L+ %p g L-", "g": "M+ $s M-"}),
            [("f(), while L is held", 2)],
            id="the outer lock",
        ),
        pytest.param(
            Toy({"f": "L+ g h L-", "g": "M+ $s M-", "h": "N+ $t N-"}),
            [("g(), while M is held; and h(), while N is held", 2)],
            id="two instead of one",
        ),
        pytest.param(
            Toy({"f": "L+ g L-", "g": "%p h", "h": "a b", "a": "$s", "b": "$t"}),
            [("the whole of h(), under L", 1)],
            id="a phase, and none around a single call",
        ),
        pytest.param(
            Toy({"e": "L+ f L-", "f": "M+ g M-", "g": "N+ h N-", "h": "O+ i O-", "i": "P+ $s P-"}),
            [(f"{name}(), while {lock} is held", 1) for name, lock in ("fM", "gN", "hO")],
            id="no more than three",
        ),
    ],
)
def test_alternatives(toy: Toy, expected: list[tuple[str, int]]) -> None:
    assert [(one.text, one.cost) for one in only(toy).alternatives] == expected


def test_alternatives_leave_other_scopes_alone() -> None:
    toy = Toy({"f": "L+ %p g L-", "g": "M+ $s M-", "x": "L+ %q y L-", "y": "M+ $t M-"})
    first, second = place_scopes(toy.report(), toy).scopes
    assert [one.text for one in first.alternatives] == ["f(), while L is held"]
    assert [one.text for one in second.alternatives] == ["x(), while L is held"]


def test_hazard_that_no_way_shows() -> None:
    """The report and the ways disagree: nothing is placed, and it is said."""
    report = Toy({"f": "L+ $s L-"}).report()
    (one,) = place_scopes(report, Toy({"f": "?r $s"})).unplaced
    assert one.reason.startswith(f"{PATH}:102: no way on which L is held could be followed")


def test_weights() -> None:
    """A phase is chosen if it may compete by its cost."""
    toy = Toy({"f": "L+ %p %q g L-", "g": "a b", "a": "$s", "b": "$t"})
    assert only(toy).anchor.kind is AnchorKind.LOCK
    assert only(toy, Weights(phase=0)).anchor.kind is AnchorKind.PHASE
    assert only(toy, Weights(plain=5)).cost == 11


@pytest.mark.parametrize(
    ("toy", "missing"),
    [
        pytest.param(
            Toy(
                {
                    "trim": "walk",
                    "f": "( walk )",
                    "g": "( walk )",
                    "walk": "L+ step L-",
                    "step": "$s $t",
                }
            ),
            "",
            id="a walk outside, all others inside",
        ),
        pytest.param(
            Toy(
                {
                    "ioctl": "trim",
                    "trim": "walk walk",
                    "f": "( walk )",
                    "g": "( walk )",
                    "walk": "$s $t",
                }
            ),
            "$s $t",
            id="sites without an answer",
        ),
    ],
)
def test_restructurings(toy: Toy, missing: str) -> None:
    (one,) = place_scopes(toy.report(missing=missing), toy).restructurings
    assert one.place.line == toy.start("trim") + 1
    assert one.text == (
        f"trim() is the only one that calls walk() on a way to {PATH}:{toy.place('$s')}, "
        f"{PATH}:{toy.place('$t')} with no scope open; all other ways open one before (begin). "
        f"With an empty transaction, or whatever opens the scope there, around this call too, no "
        f"mask needs a scope of its own."
    )


@pytest.mark.parametrize(
    ("toy", "missing"),
    [
        pytest.param(Toy({"trim": "L+ walk L-", "walk": "$s"}), "", id="no way inside"),
        pytest.param(
            Toy({"f": "( walk )", "g": "( walk )", "walk": "$s"}), "", id="no way outside"
        ),
        pytest.param(
            Toy({"trim": "walk", "f": "( walk )", "walk": "$s"}), "$s", id="only one other caller"
        ),
        pytest.param(
            Toy({"trim": "walk", "list": "walk", "f": "( walk )", "g": "( walk )", "walk": "$s"}),
            "$s",
            id="two ways outside",
        ),
        pytest.param(
            Toy({"trim": "walk", "f": "( walk )", "g": "( walk )", "walk": "$s"}),
            "",
            id="nothing is held: a reflex",
        ),
        pytest.param(
            Toy({"f": "( walk )", "g": "( walk )", "trim": "walk $s", "walk": "$s"}),
            "$s",
            id="an allocation of its own",
        ),
        pytest.param(
            Toy(
                {"f": "( walk )", "g": "( walk )", "trim": "walk", "walk": "$s"},
                given={"walk": "L"},
                workers=["walk"],
            ),
            "$s",
            id="the shared function is started from outside too",
        ),
    ],
)
def test_no_restructurings(toy: Toy, missing: str) -> None:
    assert place_scopes(toy.report(missing=missing), toy).restructurings == ()
