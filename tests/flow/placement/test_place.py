"""Which scopes are placed, and where none may be."""

from __future__ import annotations

import re

import pytest

from convert.flow.placement.model import PlacedScope, Placement
from convert.flow.placement.place import place_scopes
from tests.flow.placement.programs import Toy


def said(toy: Toy, scopes: tuple[PlacedScope, ...]) -> list[str]:
    """Each scope as ``kind function words``: the words that open and close it, its cost."""
    return [_said(toy, scope) for scope in scopes]


def _said(toy: Toy, scope: PlacedScope) -> str:
    words = {
        toy.start(name) + 1 + index: word
        for name, body in toy.words.items()
        for index, word in enumerate(body)
    }
    anchor = scope.anchor
    ends = " ".join(words[one] for one in (*anchor.opens, *anchor.closes))
    return f"{anchor.kind.value} {anchor.function} {ends}".strip() + f" = {scope.cost}"


def placed(toy: Toy, **options: str) -> Placement:
    return place_scopes(toy.report(**options), toy)


@pytest.mark.parametrize(
    ("toy", "expected"),
    [
        pytest.param(Toy({"f": "L+ $s L-"}), ["lock f L+ L- = 1"], id="the lock around the site"),
        pytest.param(
            Toy({"f": "L+ g L-", "g": "h", "h": "$s"}),
            ["lock f L+ L- = 1"],
            id="at the lock, not at the leaf",
        ),
        pytest.param(
            Toy({"f": "L+ %p %q g L-", "g": "a b", "a": "$s", "b": "$t"}),
            ["lock f L+ L- = 3"],
            id="at the lock, though a phase below costs less",
        ),
        pytest.param(
            Toy({"f": "L+ $s L- %p L+ $t L-"}),
            ["lock f L+ L+ L- L- = 2"],
            id="each section of one lock",
        ),
        pytest.param(
            Toy({"f": "%p L+ $s L- %q"}), ["lock f L+ L- = 1"], id="what is outside costs nothing"
        ),
        pytest.param(
            Toy({"f": "take $s drop", "take": "L+", "drop": "L-"}),
            ["lock f take drop = 1"],
            id="wrappers hand the lock out: the caller in which the pair is complete",
        ),
        pytest.param(
            Toy({"f": "outer $s drop", "outer": "take", "take": "L+", "drop": "L-"}),
            ["lock f outer drop = 1"],
            id="two wrappers deep",
        ),
        pytest.param(
            Toy({"f": "L+ $s L-", "g": "M+ $t M-"}),
            ["lock f L+ L- = 1", "lock g M+ M- = 1"],
            id="two locks that have nothing to do with each other",
        ),
        pytest.param(
            Toy({"f": "L+ g L-", "g": "M+ $s M-"}),
            ["lock f L+ L- = 1"],
            id="nested locks of one way: the first in the text of those that cost the same",
        ),
        pytest.param(
            Toy({"f": "L+ %p g L-", "g": "M+ $s M-"}),
            ["lock g M+ M- = 1"],
            id="nested locks: the one that covers less",
        ),
        pytest.param(
            Toy({"e": "%p g", "f": "L+ g L-", "g": "M+ $s M-"}),
            ["lock g M+ M- = 1"],
            id="the inner lock is taken on other ways too",
        ),
        pytest.param(
            Toy({"f": "L+ a b c L-", "a": "M+ $s M-", "b": "N+ $t N-", "c": "O+ $u O-"}),
            ["lock f L+ L- = 1"],
            id="one outer scope instead of three inner ones",
        ),
        pytest.param(
            Toy({"f": "L+ a b %p %q %r L-", "a": "M+ $s M-", "b": "N+ $t N-"}),
            ["lock a M+ M- = 1", "lock b N+ N- = 1"],
            id="two inner scopes instead of one that covers more",
        ),
        pytest.param(
            Toy({"f": "L+ M+ $s M- L-"}), ["lock f L+ L- = 1"], id="nested locks of one function"
        ),
        pytest.param(
            Toy({"f": "L+ M+ $s L- M-"}),
            ["lock f L+ L- = 1"],
            id="crossing locks, all sites in both: one scope",
        ),
        pytest.param(
            Toy({"f": "L+ %q M+ $s L- %p M-"}),
            ["lock f L+ L- = 2"],
            id="crossing locks, but nothing hazardous in one alone",
        ),
        pytest.param(
            Toy(
                {"h": "a b", "g": "h h", "f": "g", "a": "$s", "b": "$t"},
                given={"f": "S"},
            ),
            ["phase g = 1"],
            id="of two phases the one nearer to the danger",
        ),
        pytest.param(
            Toy({"work": "%p g ", "g": "$s"}, workers=["work"]),
            ["worker work = 2"],
            id="the worker that reclaim waits for",
        ),
        pytest.param(
            Toy({"work": "g h", "g": "$s", "h": "$t"}, workers=["work"], ways_out={"work": 4}),
            ["worker work = 4"],
            id="a worker with four ways out",
        ),
        pytest.param(
            Toy({"work": "L+ $s L-", "f": "L+ $t L-"}, workers=["work"]),
            ["worker work = 1", "lock f L+ L- = 1"],
            id="a worker and a lock",
        ),
        pytest.param(
            Toy(
                {"mount": "recover free", "recover": "a b", "a": "$s", "b": "$t", "free": "%p"},
                given={"mount": "S"},
            ),
            ["phase recover = 1"],
            id="a lock that the caller outside holds: the phase all of whose callees need it",
        ),
        pytest.param(
            Toy(
                {"mount": "a b", "a": "$s", "b": "$t"}, given={"mount": "S"}, ways_out={"mount": 3}
            ),
            ["phase mount = 3"],
            id="the phase is what the outside calls",
        ),
        pytest.param(
            Toy(
                {"f": "start g stop", "g": "$s", "start": "H+", "stop": "H-"},
                handles={"H": ("start", "stop")},
            ),
            ["handle start H+ H- = 1"],
            id="from the opener of a handle to its closer",
        ),
        pytest.param(
            Toy(
                {"f": "start $s stop", "g": "start $t stop", "start": "H+", "stop": "H-"},
                handles={"H": ("start", "stop")},
            ),
            ["handle start H+ H- = 1"],
            id="one handle for all who open it",
        ),
        pytest.param(
            Toy({"f": "( g )", "h": "L+ g L-", "g": "$s"}),
            ["lock h L+ L- = 1"],
            id="ways inside of a scope need none",
        ),
        pytest.param(
            Toy({"f": "L+ ( %p ) $s L-"}),
            ["lock f L+ L- = 1"],
            id="what runs in a scope already costs nothing",
        ),
        pytest.param(
            Toy({"f": "L+ g L-", "g": "h $s", "h": "g $t"}),
            ["lock f L+ L- = 1"],
            id="recursion",
        ),
        pytest.param(
            Toy({"f": "L+ %p g L-", "e": "L+ %p g L-", "g": "a b", "a": "$s", "b": "$t"}),
            ["lock f L+ L- = 2", "lock e L+ L- = 2"],
            id="one lock taken in two functions",
        ),
    ],
)
def test_placed(toy: Toy, expected: list[str]) -> None:
    placement = placed(toy)
    assert said(toy, placement.scopes) == expected
    assert placement.unplaced == ()
    assert placement.notes == ()


@pytest.mark.parametrize(
    ("toy", "options", "reasons"),
    [
        pytest.param(Toy({"f": "$s"}), {}, [], id="nothing held"),
        pytest.param(Toy({"f": "L+ %p L-"}), {}, [], id="no site"),
        pytest.param(Toy({"f": "L+ L- $s"}), {}, [], id="released before"),
        pytest.param(Toy({"f": "( L+ $s L- )"}), {}, [], id="in a scope already"),
        pytest.param(Toy({"f": "L+ ( $s ) L-"}), {}, [], id="in a scope inside of the lock"),
        pytest.param(Toy({"f": "L+ $s L-"}), {"excused": "L"}, [], id="the lock is excused"),
        pytest.param(Toy({"f": "L+ $s L-"}), {"missing": "$s"}, [], id="a fact is missing"),
        pytest.param(Toy({"work": "$s"}), {}, [], id="a worker that nobody waits for"),
        pytest.param(
            Toy({"f": "L+ $s"}),
            {},
            [
                "toy.c:102: reached with L held, taken at fs/toy/toy.c:7, by f@102, and no scope "
                "fits: fs/toy/toy.c:101: f[(][)] returns with L held"
            ],
            id="never released",
        ),
        pytest.param(
            Toy({"f": "take drop", "take": "L+ $s", "drop": "L-"}),
            {},
            ["toy.c:202: .* by f@101 > take@202, .*toy.c:201: take[(][)] returns with L held"],
            id="the site is inside of the wrapper that takes the lock",
        ),
        pytest.param(
            Toy(
                {
                    "f": "take %p drop",
                    "take": "L+ g",
                    "drop": "L-",
                    "g": "a b $s",
                    "a": "$t",
                    "b": "%q",
                }
            ),
            {},
            ["toy.c:403: .* take@202 > g@403", "toy.c:501: .* take@202 > g@401 > a@501"],
            id="no phase below of a wrapper if a callee allocates for itself",
        ),
        pytest.param(
            Toy({"f": "g"} | {"g": "h", "h": "$s"}, given={"f": "L"}),
            {},
            ["toy.c:301: .*/toy.c:100: it is held already when f[(][)] is called from outside"],
            id="held by the caller outside, a single call",
        ),
        pytest.param(
            Toy({"f": "g", "g": "$s $t"}, given={"f": "L"}),
            {},
            ["toy.c:201", "toy.c:202"],
            id="no phase around allocations alone",
        ),
        pytest.param(
            Toy({"f": "a b free", "a": "$s", "b": "$t", "free": "%p"}, given={"f": "L"}),
            {},
            ["toy.c:201", "toy.c:301"],
            id="no phase if a callee does not need it",
        ),
        pytest.param(
            Toy(
                {"f": "g x", "g": "a b", "x": "b", "a": "$s", "b": "$t"},
                given={"f": "L"},
                unfit={"f": "fs/toy/toy.c:100: f() is a macro"},
            ),
            {},
            ["toy.c:401", "toy.c:501"],
            id="no phase if a way leads past it",
        ),
        pytest.param(
            Toy(
                {"f": "a b", "a": "$s", "b": "$t"},
                given={"f": "L"},
                unfit={"f": "fs/toy/toy.c:100: f() leaves a scope open"},
            ),
            {},
            ["toy.c:201", "toy.c:301"],
            id="a phase that leaves a scope open",
        ),
        pytest.param(
            Toy(
                {"work": "a b", "a": "$s", "b": "$t %p"},
                workers=["work"],
                unfit={"work": "fs/toy/toy.c:100: work() ends a scope"},
            ),
            {},
            ["toy.c:201: .*: fs/toy/toy.c:100: work[(][)] ends a scope", "toy.c:301"],
            id="an unfit worker",
        ),
        pytest.param(
            Toy({"f": "L+ $x g", "g": "a b", "a": "$s", "b": "$t"}),
            {},
            ["toy.c:102", "toy.c:301", "toy.c:401"],
            id="no phase if a site stands beside it",
        ),
        pytest.param(
            Toy(
                {"f": "start a stop b", "a": "$s", "b": "$t", "start": "H+", "stop": "H-"},
                given={"f": "L"},
                handles={"H": ("start", "stop")},
            ),
            {"excused": "H"},
            ["toy.c:201", "toy.c:301"],
            id="no phase where a handle is open",
        ),
        pytest.param(
            Toy({"f": "L+ $s M+ $u L- $t M-"}),
            {},
            [
                "toy.c:102: .* L and M from line 103 overlap in f[(][)] without nesting",
                "toy.c:104",
                "toy.c:106: .* M and L from line 101 overlap in f[(][)] without nesting",
            ],
            id="locks that cross, hand over hand",
        ),
        pytest.param(
            Toy(
                {"f": "L+ $u start $s L- $t stop", "start": "H+", "stop": "H-"},
                handles={"H": ("start", "stop")},
            ),
            {},
            ["toy.c:102: .* L and the handle of start[(][)] overlap in f[(][)]"],
            id="a handle that crosses a lock",
        ),
        pytest.param(
            Toy(
                {"f": "L+ $u $v start $s L- $t stop", "start": "H+", "stop": "H-"},
                handles={"H": ("start", "stop")},
            ),
            {},
            ["toy.c:107: .* H and L from line 101 overlap in start[(][)]"],
            id="a lock that crosses a handle, and serves more sites",
        ),
    ],
)
def test_not_placed(toy: Toy, options: dict[str, str], reasons: list[str]) -> None:
    placement = placed(toy, **options)
    assert len(placement.unplaced) == len(reasons)
    for one, reason in zip(placement.unplaced, reasons, strict=True):
        assert re.search(reason, one.reason), one.reason
    assert placement.scopes == () or toy.handles


def test_phase_beside_a_released_lock() -> None:
    """What the lock protected before its release is no reason against a phase behind it."""
    toy = Toy(
        {"e": "g", "f": "x L- g", "g": "a b", "x": "$q", "a": "$s", "b": "$t"},
        given={"e": "L", "f": "L"},
    )
    placement = placed(toy)
    assert said(toy, placement.scopes) == ["phase g = 1"]
    assert [one.site.site.function for one in placement.unplaced] == ["$q"]


def test_reasons_are_those_of_the_danger() -> None:
    """A section of a lock that is excused is not what stands in the way."""
    toy = Toy({"f": "L+ g", "g": "$s"}, given={"f": "M"})
    (one,) = placed(toy, excused="L").unplaced
    assert "M held" in one.reason
    assert one.reason.endswith("it is held already when f() is called from outside")
