"""Sets of held locks: taking, releasing, and what may be held where ways meet."""

from __future__ import annotations

import pytest

from convert.flow.scopes.code import DEREF, ELEMENT, Where
from convert.flow.scopes.held import (
    NOTHING,
    Held,
    Locks,
    assigned,
    either,
    met,
    perhaps_without,
    with_lock,
    without,
)

HERE, THERE, ELSEWHERE = (Where(name, (DEREF, "lock")) for name in ("a", "b", "c"))


def taken(*held: Held) -> Locks:
    """Locks that were taken one after the other."""
    locks = NOTHING
    for one in held:
        locks = with_lock(locks, one)
    return locks


def places(locks: Locks) -> set[Where | None]:
    """Where the held locks are."""
    return {held.place for held in locks.held}


A, B, C = Held("toy.lock", HERE, 1), Held("toy.lock", THERE, 2), Held("toy.lock", None, 3)
OTHER = Held("toy.other", HERE, 4)
ELEMENTS = Held("toy.lock", Where("a", (DEREF, "many", ELEMENT)), 5)


@pytest.mark.parametrize(
    ("held", "place", "left"),
    [
        pytest.param((A, B), HERE, {THERE}, id="same place"),
        pytest.param((A, B), ELSEWHERE, {HERE}, id="unknown place, the youngest"),
        pytest.param((C, B), ELSEWHERE, {THERE}, id="one that has no place"),
        pytest.param((A, B), None, {HERE}, id="released without a place, the youngest"),
        pytest.param((A,), HERE, set(), id="only one"),
        pytest.param((OTHER,), HERE, {HERE}, id="another lock of the same place"),
    ],
)
def test_release(held: tuple[Held, ...], place: Where | None, left: set[Where | None]) -> None:
    """Which of several locks a release means."""
    assert places(without(taken(*held), "toy.lock", place)) == left


@pytest.mark.parametrize(
    ("target", "moved"),
    [
        pytest.param(Where("a"), True, id="the variable"),
        pytest.param(Where("a", (DEREF,)), True, id="the variable, by its address"),
        pytest.param(Where("b"), False, id="another variable"),
        pytest.param(Where("a", (DEREF, "next")), True, id="a pointer on the way"),
        pytest.param(Where("b", (DEREF, "next")), True, id="that pointer, maybe by another way"),
        pytest.param(Where("a", (DEREF, "lock")), False, id="another member"),
        pytest.param(Where("a", (DEREF, "next", DEREF, "lock")), False, id="the lock"),
        pytest.param(Where("b", ("a", DEREF)), False, id="what another pointer leads to"),
    ],
)
def test_assigned(target: Where, moved: bool) -> None:
    """An assignment makes a place another one if a pointer on the way to it may change."""
    held = Held("toy.lock", Where("a", (DEREF, "next", DEREF, "lock")), 1)
    assert assigned(taken(held), target).held == {held._replace(lost=moved)}


def test_release_of_a_lost_one() -> None:
    """By the same expression it is in doubt, by another one not; what is taken since goes first."""
    lost = A._replace(lost=True)
    assert without(taken(lost), "toy.lock", HERE) == NOTHING._replace(
        unsure=frozenset({"toy.lock"})
    )
    assert without(taken(lost), "toy.lock", THERE) == NOTHING
    again = A._replace(at=5)
    assert without(taken(lost, again), "toy.lock", HERE).held == {lost}


def test_release_of_what_is_not_held() -> None:
    """It is the caller's; the next taking gives it back."""
    freed = without(NOTHING, "toy.lock", HERE)
    assert freed.freed == {("toy.lock", HERE)} and not freed.held
    again = with_lock(freed, A)
    assert not again.freed and again.held == {A._replace(back=True)}
    assert with_lock(freed, OTHER).freed == freed.freed


def test_taking_again() -> None:
    """The same place counts once, others do, and so does one without a place."""
    assert taken(A, A._replace(at=9)) == taken(A)
    assert len(taken(A, B, OTHER).held) == 3
    assert places(taken(A, C)) == places(taken(C, A)) == {None, HERE}


@pytest.mark.parametrize(
    "held",
    [
        pytest.param((C, C._replace(at=9)), id="two without a place"),
        pytest.param((ELEMENTS, ELEMENTS), id="elements of an array"),
        pytest.param(
            tuple(Held("toy.lock", Where(f"p{n}"), n) for n in range(7)), id="more than are kept"
        ),
    ],
)
def test_more_than_are_told_apart(held: tuple[Held, ...]) -> None:
    """They count as held; when as many as are known were released, more of them may be held."""
    locks = taken(*held)
    assert any(one.several for one in locks.held)
    for one in locks.held:
        locks = without(locks, "toy.lock", one.place)
    assert not locks.held and locks.many == {"toy.lock"}
    assert without(locks, "toy.lock", HERE) == locks


def test_taken_back() -> None:
    """A caller's lock that was released before may be the one that is taken: no second one."""
    back = C._replace(back=True)
    assert with_lock(without(NOTHING, "toy.lock", None), C).held == {back}
    assert taken(A, back) == taken(A)
    assert taken(back).held == {back}


def test_a_doubt_ends_with_the_release() -> None:
    """What may be held is not held behind its release."""
    doubt = Locks(frozenset(), frozenset(), unsure=frozenset({"toy.lock", "toy.other"}))
    left = without(doubt, "toy.lock", HERE)
    assert left.unsure == {"toy.other"} and not left.freed


def test_where_ways_meet() -> None:
    """All that is held on one of them; only what both released counts as released."""
    one, other = taken(A), without(taken(OTHER), "toy.third", None)
    found = either(one, other)
    assert found.held == {A, OTHER}
    assert not found.freed
    assert found.maybe == {("toy.third", None, 0)}
    assert either(other, other).freed == other.freed
    doubt = Locks(frozenset(), frozenset(), unsure=frozenset({"x.y"}))
    assert either(NOTHING, doubt).unsure == {"x.y"}


def test_ways_out_that_are_one() -> None:
    """A lock on one of two ways is held, unless the function seems to release it as well."""
    assert met(taken(A), NOTHING).held == {A}
    mixed = met(taken(A), without(NOTHING, "toy.lock", HERE))
    assert mixed.both == {"toy.lock"}
    assert not (mixed.held or mixed.freed or mixed.maybe)
    deep = A._replace(depth=3)
    assert met(taken(deep), NOTHING).both == {"toy.lock"}
    assert met(taken(deep), taken(deep)).held == {deep}


def test_what_a_callee_may_have_released() -> None:
    """The function's own lock is gone then; one of its callers is only noted."""
    assert not perhaps_without(taken(A), "toy.lock", HERE, 1).held
    noted = perhaps_without(NOTHING, "toy.lock", HERE, 1)
    assert noted.maybe == {("toy.lock", HERE, 1)} and not noted.freed
