from __future__ import annotations

import pytest

from convert.errors import InternalCheckError
from convert.series.model import Commit, CoverLetter, Series, changed_files
from tests.series.plans import TOY, Change, make_plan, toy_plan


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        pytest.param("xfs: a", "One.\n\nTwo.\n", id="plain"),
        pytest.param("xfs: a", "Ends in a list:\n\n- a\n- b\n", id="list"),
        pytest.param("xfs: a", "\u00fc and -- and diff --git inside a line\n", id="inside a line"),
    ],
)
def test_messages(subject: str, body: str) -> None:
    assert Commit(1, subject, body, {}).message == f"{subject}\n\n{body}"


@pytest.mark.parametrize(
    ("subject", "body"),
    [
        pytest.param("", "a\n", id="no subject"),
        pytest.param("xfs: a\nb", "a\n", id="two lines"),
        pytest.param("[xfs] a", "a\n", id="git am drops brackets"),
        pytest.param("Re: a", "a\n", id="git am drops Re:"),
        pytest.param("xfs: \u00fc", "a\n", id="not ASCII"),
        pytest.param(" xfs: a", "a\n", id="blank in front"),
        pytest.param("xfs: a", "", id="no body"),
        pytest.param("xfs: a", "a", id="no final newline"),
        pytest.param("xfs: a", "a\n\n", id="blank line at the end"),
        pytest.param("xfs: a", "a\n\n\nb\n", id="two blank lines"),
        pytest.param("xfs: a", "a \nb\n", id="trailing blank"),
        pytest.param("xfs: a", "a\n---\nb\n", id="end of the message"),
        pytest.param("xfs: a", "a\ndiff --git a/x b/x\n", id="start of a diff"),
        pytest.param("xfs: a", "a\nIndex: x\n", id="start of a diff, old style"),
        pytest.param("xfs: a", "From: b\n\na\n", id="header in the body"),
        pytest.param("xfs: a", "\na\n", id="blank line first"),
    ],
)
def test_refused_messages(subject: str, body: str) -> None:
    with pytest.raises(InternalCheckError):
        Commit(1, subject, body, {})


def test_cover_letters_have_subjects_too() -> None:
    with pytest.raises(InternalCheckError):
        CoverLetter("two\nlines", "body\n")


def test_a_commit_holds_what_changed_since_the_one_before() -> None:
    plan = toy_plan()
    assert [sorted(changed_files(plan, step)) for step in plan.steps] == [
        ["fs/toy/a.c"],
        ["fs/toy/a.c"],
        ["Makefile"],
        ["fs/toy/a.c", "fs/toy/b.c"],
        ["fs/toy/kmem.c", "fs/toy/kmem.h"],
    ]
    assert changed_files(plan, plan.steps[4])["fs/toy/kmem.c"] is None
    assert changed_files(plan, plan.steps[0])["fs/toy/a.c"] == TOY["fs/toy/a.c"].replace(
        b"kmem_zalloc(n, 0)", b"kzalloc(n, GFP_KERNEL | __GFP_NOFAIL)"
    )


def test_an_edit_that_changes_nothing_is_no_change() -> None:
    plan = make_plan(TOY, [Change([("fs/toy/a.c", "p =", "p ="), ("fs/toy/b.c", "(q)", "(r)")])])
    assert list(changed_files(plan, plan.steps[0])) == ["fs/toy/b.c"]


def test_a_step_that_changes_nothing_is_a_defect() -> None:
    plan = make_plan(TOY, [Change([("fs/toy/a.c", "p =", "p =")])])
    with pytest.raises(InternalCheckError, match=r"step 1 \(zalloc\) changes no file"):
        changed_files(plan, plan.steps[0])


def test_files_of_a_series_are_as_the_last_commit_leaves_them() -> None:
    series = Series(
        (Commit(1, "a", "a\n", {"x": b"1", "y": b"1"}), Commit(2, "b", "b\n", {"x": None}))
    )
    assert series.files == {"x": None, "y": b"1"}
