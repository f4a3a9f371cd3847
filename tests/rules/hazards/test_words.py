"""What a message says of each kind of scope."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convert.flow.graph.model import Place
from convert.flow.hazards.model import Danger, Missing
from convert.flow.placement.model import Anchor, AnchorKind, HandleEnd, PlacedScope
from convert.rules.hazards.words import (
    comment_words,
    first_few,
    hazards_words,
    hold_words,
    missing_words,
    scope_subject,
    wait_words,
    where_words,
)
from convert.rules.hazards.writing import Written
from tests.rules.hazards.fakes import LOCK, PATH, SAVE, WORKER, analyse, hazard
from tests.rules.scoped.fakes import toy_tree

TEXT = "static void f(void)\n{\n\tp = kmalloc(8, GFP_NOFS); /* hazard */\n}\n"


def scope(kind: AnchorKind, danger: Danger = LOCK) -> PlacedScope:
    (site,) = analyse(toy_tree({PATH: TEXT})).sites
    anchor = Anchor(kind, PATH, "toy_open", 0)
    if kind is AnchorKind.HANDLE:
        ends = (
            HandleEnd(PATH, 0, "toy_open", True, "h", (1,), ()),
            HandleEnd(PATH, 9, "toy_close", False, "h", (), (10,)),
        )
        anchor = replace(anchor, structure="struct toy_handle", member="th_flags", ends=ends)
    return PlacedScope(anchor, 1, (hazard("f", PATH, 3, danger),), (site,), (), (), 1)


KINDS = [
    pytest.param(AnchorKind.LOCK, LOCK, "right after the lock is taken", id="lock"),
    pytest.param(AnchorKind.WORKER, WORKER, "when the worker starts", id="worker"),
    pytest.param(AnchorKind.PHASE, LOCK, "at the start of the function", id="phase"),
    pytest.param(AnchorKind.HANDLE, LOCK, "th_flags in struct toy_handle", id="handle"),
]


@pytest.mark.parametrize(("kind", "danger", "where"), KINDS)
def test_where_a_scope_opens(kind: AnchorKind, danger: Danger, where: str) -> None:
    assert where in where_words(scope(kind, danger))


COMMENTS = [
    pytest.param(AnchorKind.LOCK, LOCK, "Reclaim takes toy.lock, too, in toy_drop().", id="lock"),
    pytest.param(
        AnchorKind.WORKER, WORKER, "Reclaim waits for this work, in toy_drop().", id="worker"
    ),
    pytest.param(
        AnchorKind.PHASE, WORKER, "Reclaim waits for toy_work(), in toy_drop().", id="phase"
    ),
]


@pytest.mark.parametrize(("kind", "danger", "words"), COMMENTS)
def test_the_comment_in_the_code(kind: AnchorKind, danger: Danger, words: str) -> None:
    assert comment_words(scope(kind, danger)) == words


def test_a_scope_without_a_witness_has_no_comment() -> None:
    assert comment_words(replace(scope(AnchorKind.LOCK), hazards=())) == ""


def test_subjects() -> None:
    assert (
        scope_subject(scope(AnchorKind.PHASE)) == "place toy_open() under NOFS allocation context"
    )
    assert scope_subject(scope(AnchorKind.HANDLE)).startswith("place the handles of toy_open()")


def test_both_sides_of_a_worker() -> None:
    one = hazard("f", PATH, 3, WORKER)
    assert hold_words(one.hold).startswith(f"toy_work() allocates at {PATH}:3: ")
    assert hazards_words([one, hazard("f", PATH, 3)]).endswith("; likewise toy.lock")
    assert hazards_words([]) == ""


def test_waits_through_a_worker_name_both() -> None:
    wait = hazard("f", PATH, 3).wait
    through = replace(wait, call="mutex_lock", behind=(replace(wait, call="flush_work"),))
    first, second = wait_words(through).split("; there ")
    assert first.startswith(f"flush_work() blocks at {PATH}:97")
    assert second.startswith("mutex_lock() blocks")


def test_what_is_missing_names_each_place_once() -> None:
    (site,) = analyse(toy_tree({PATH: TEXT})).sites
    place = Place(PATH, 7)
    missing = (Missing(place, "what p() takes"), Missing(place, f"{PATH}:7: no root"))
    words = missing_words(replace(site, missing=missing * 2))
    assert words == f"{PATH}:7: what p() takes; {PATH}:7: no root"
    many = tuple(Missing(Place(PATH, line), "x") for line in range(1, 9))
    assert missing_words(replace(site, missing=many)).endswith("; and 3 more")
    assert missing_words(site) == site.reason


def test_the_first_of_many_places() -> None:
    places = [Place(PATH, line) for line in range(1, 9)]
    assert first_few(places)[-2:] == [f"{PATH}:5", "3 more"]
    assert first_few(places[:2]) == [f"{PATH}:1", f"{PATH}:2"]


def test_what_a_scope_opens_and_serves() -> None:
    (other,) = analyse(toy_tree({PATH: TEXT.replace("f(void)", "g(void)")})).sites
    written = Written(scope(AnchorKind.LOCK), SAVE, "scoped/scope:1")
    (opener,) = (
        analyse(
            toy_tree(
                {PATH: TEXT.replace("\tp =", f"\tq = {SAVE}();\n\tp =").replace("f(", "toy_open(")}
            )
        )
        .sites[0]
        .site.evidence.openers
    )
    assert written.opens([opener])
    assert not written.opens([replace(opener, function="g")])
    assert not written.opens([replace(opener, text="memalloc_noio_save")])
    assert written.opens([replace(opener, function="g", text="toy_open(x)")])
    assert written.serves(other.site)  # the same place of the same file
    assert not written.serves(replace(other.site, offset=1))
