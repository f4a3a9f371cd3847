"""What all formats share: the account, the order, and what contradicts itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from convert.errors import InternalCheckError
from convert.flow.hazards.model import HazardReport, Missing, SiteClass, SiteHazards
from convert.flow.placement.model import Placement
from convert.flow.scopes.model import Verdict
from convert.report.hazards.view import Account, hazards_view
from tests.report.hazards.values import (
    EXCUSED,
    IDLE,
    IN_SCOPE,
    IN_WORKER,
    LOCK,
    PLACED,
    REFLEX,
    REFUSED,
    SITES,
    UNPLACED,
    empty_view,
    line_of,
    placement,
    proven_site,
    report,
    told,
    view,
)
from tests.rules.scoped.fakes import PATH


def made(given: HazardReport, scopes: Placement | None = None) -> None:
    hazards_view("toys", None, ("fs/toy",), given, scopes or placement(), line_of)


def test_the_account_adds_up() -> None:
    account = view().account
    assert account.sites == len(SITES) == 7
    assert sum(account.by_class.values()) + account.refused == account.sites
    assert str(account) == "7 = 1 a + 1 b + 3 c + 1 e + 1 refused"


def test_placed_and_unplaced_are_all_of_class_c() -> None:
    one = view()
    placed = {named.told.site.line for named in one.placed}
    assert placed == {PLACED.site.line, IN_WORKER.site.line}
    assert one.account.by_class[SiteClass.HAZARD] == len(placed) + len(one.placement.unplaced)


def test_a_site_that_is_covered_and_unplaced_is_without_a_scope() -> None:
    scopes = replace(placement().scopes[0], sites=(PLACED, UNPLACED))
    one = view(scopes=replace(placement(), scopes=(scopes, placement().scopes[1])))
    assert UNPLACED.site.line not in {named.site.line for named in one.placed}


def test_most_sites_come_first_and_idle_dangers_last() -> None:
    dangers = view().dangers
    assert [(str(one.danger), len(one.sites), len(one.plain)) for one in dangers] == [
        ("toy_inode.i_lock", 4, 1),
        ("toy_push_work()", 1, 0),
        ("toy_sb.s_sem", 1, 0),
        ("toy_sb.s_idle", 0, 0),
    ]
    assert dangers[-1].danger == IDLE


def test_a_danger_without_a_wait_of_its_own_takes_that_of_a_hazard() -> None:
    given = replace(report(), waits=())
    one = hazards_view("toys", None, ("fs/toy",), given, placement(), line_of)
    (first, *_) = one.dangers
    assert first.danger == LOCK and first.wait == EXCUSED.hazards[0].wait


def test_a_site_belongs_to_the_innermost_path() -> None:
    one = view(paths=("fs", "fs/toy", "fs/other"))
    assert {path: account.sites for path, account in one.by_path().items()} == {
        "fs": 0,
        "fs/toy": 7,
        "fs/other": 0,
    }


def test_methods_are_those_of_the_witnesses() -> None:
    methods = view().by_method()
    assert list(methods) == ["toy_operations.create", "toy_push_work(), toy_push_work"]
    assert methods["toy_operations.create"] == Account(
        {
            SiteClass.IN_SCOPE: 0,
            SiteClass.EXCUSED: 1,
            SiteClass.HAZARD: 2,
            SiteClass.REFLEX: 1,
        },
        1,
    )


@pytest.mark.parametrize(
    ("sites", "scopes", "complete"),
    [
        pytest.param(SITES, placement(), False, id="refused-and-unplaced"),
        pytest.param((PLACED,), placement(), False, id="unplaced"),
        pytest.param((REFUSED,), Placement((), ()), False, id="refused"),
        pytest.param((IN_SCOPE, REFLEX, EXCUSED), Placement((), ()), True, id="answered"),
        pytest.param((), Placement((), ()), True, id="empty"),
    ],
)
def test_complete(sites: tuple[SiteHazards, ...], scopes: Placement, complete: bool) -> None:
    given = replace(
        report(sites), proofs=replace(report().proofs, sites=report(sites).proofs.sites)
    )
    one = hazards_view("toys", None, ("fs/toy",), given, scopes, line_of)
    assert one.complete is complete


def test_nothing_at_all() -> None:
    one = empty_view()
    assert one.account.sites == 0
    assert not one.dangers and not one.scopes and not one.placed
    assert one.by_method() == {}


GAP = (Missing(UNPLACED.hazards[0].hold.taken, "a lock"),)
CONTRADICTIONS = [
    pytest.param(told(8, None), "no answer, and nothing is said to be missing", id="silent"),
    pytest.param(
        replace(REFLEX, hazards=UNPLACED.hazards),
        r"class \(e\), but reclaim waits for toy_inode.i_lock",
        id="reflex-with-hazard",
    ),
    pytest.param(
        replace(EXCUSED, hazards=(*EXCUSED.hazards, *UNPLACED.hazards)),
        r"class \(b\), but not all hazards are excused",
        id="half-excused",
    ),
    pytest.param(replace(EXCUSED, hazards=()), r"class \(b\) of nothing", id="excused-of-nothing"),
    pytest.param(
        replace(UNPLACED, hazards=EXCUSED.hazards), r"class \(c\) without a hazard", id="no-hazard"
    ),
    pytest.param(replace(REFLEX, missing=GAP), "but a lock is missing", id="missing-ignored"),
]


@pytest.mark.parametrize(("site", "words"), CONTRADICTIONS)
def test_an_answer_that_contradicts_itself_stops(site: SiteHazards, words: str) -> None:
    with pytest.raises(InternalCheckError, match=words) as error:
        made(report((site,)))
    assert str(error.value).startswith(f"{PATH}:{site.site.line}: ")


def without_answer() -> HazardReport:
    return replace(report(), sites=SITES[:-1])


def answered_twice() -> HazardReport:
    return replace(report(), sites=(*SITES, REFLEX))


def of_nothing_known() -> HazardReport:
    return replace(report(), sites=(*SITES, told(9, SiteClass.REFLEX)))


@pytest.mark.parametrize(
    ("given", "words"),
    [
        pytest.param(without_answer(), f"{PATH}:7: 1 answer wanted, 0 given", id="none"),
        pytest.param(answered_twice(), f"{PATH}:6: 1 answer wanted, 2 given", id="two"),
        pytest.param(of_nothing_known(), "offset 90: 0 answer wanted, 1 given", id="unknown"),
    ],
)
def test_every_site_has_one_answer(given: HazardReport, words: str) -> None:
    with pytest.raises(InternalCheckError, match=words):
        made(given)


def test_masks_that_forbid_nothing_need_no_answer() -> None:
    site = replace(proven_site(40, Verdict.MIXED), mask=(), forbids=None)
    given = report()
    made(replace(given, proofs=replace(given.proofs, sites=(*given.proofs.sites, site))))


def test_a_hazard_without_scope_or_reason_stops() -> None:
    with pytest.raises(InternalCheckError, match=f"{PATH}:5: no scope is placed for it"):
        made(report(), replace(placement(), unplaced=()))


def test_a_plain_allocation_that_the_proofs_do_not_know_stops() -> None:
    given = report()
    short = replace(given, proofs=replace(given.proofs, sites=given.proofs.sites[:7]))
    one = hazards_view("toys", None, ("fs/toy",), short, placement(), line_of)
    with pytest.raises(InternalCheckError, match=f"{PATH}:20: not known to the proofs"):
        _ = one.plain
