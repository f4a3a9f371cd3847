"""Scopes by execution: what they do to masks, and what their cookies mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.errors import InputError
from convert.semantics.cint import UINT, exact, symbol, unknown
from convert.semantics.scopes import Cookie, MaskChange, ScopeTable, scope_table, scopes_text
from convert.source.dialect import Dialect
from tests.semantics.sources import DIALECT, SCHED, SCHED_MM_NEW, SCHED_MM_OLD, tree
from tests.semantics.trees import GFP_3, GFP_5, MemoryTree

# The question that lockdep asks of each allocation, for direct reclaim (Linux 5.11 and later).
RECLAIM = """\
static bool __need_reclaim(gfp_t gfp_mask)
{
	if (!(gfp_mask & __GFP_DIRECT_RECLAIM))
		return false;
	if (current->flags & PF_MEMALLOC)
		return false;
	if (gfp_mask & __GFP_NOLOCKDEP)
		return false;
	return true;
}
"""
# The same for filesystem reclaim alone (before).
FS_RECLAIM = """\
static bool __need_fs_reclaim(gfp_t gfp_mask)
{
	gfp_mask = current_gfp_context(gfp_mask);
	if (!(gfp_mask & __GFP_DIRECT_RECLAIM))
		return false;
	if ((current->flags & PF_MEMALLOC))
		return false;
	if (!(gfp_mask & __GFP_FS))
		return false;
	return !(gfp_mask & __GFP_NOLOCKDEP);
}
"""
NOFAIL = """\
#define PF_MEMALLOC_NOFAIL 0x00100000
static inline gfp_t current_gfp_context(gfp_t flags)
{
	if (current->flags & PF_MEMALLOC_NOFAIL)
		if (!(flags & (__GFP_RETRY_MAYFAIL | __GFP_NORETRY)) &&
				(flags & __GFP_DIRECT_RECLAIM))
			flags |= __GFP_NOFAIL;
	return flags;
}
static inline unsigned int memalloc_nofail_save(void)
{
	unsigned int was = current->flags & PF_MEMALLOC_NOFAIL;
	current->flags |= PF_MEMALLOC_NOFAIL;
	return was;
}
static inline void memalloc_nofail_restore(unsigned int was)
{
	current->flags = (current->flags & ~PF_MEMALLOC_NOFAIL) | was;
}
"""


def scopes(sched_mm: str, page_alloc: str | None = RECLAIM) -> ScopeTable:
    files = {"mm/page_alloc.c": page_alloc} if page_alloc is not None else {}
    return scope_table(tree(files, sched_mm=sched_mm), DIALECT)


OLD, NEW = scopes(SCHED_MM_OLD), scopes(SCHED_MM_NEW)
GFP = OLD.executor.gfp
CONDITIONAL = scopes(NOFAIL)


@pytest.mark.parametrize(
    ("table", "name", "bit", "cookie", "cleared"),
    [
        pytest.param(OLD, "nofs", 0x40000, Cookie.OLD_VALUE, "__GFP_FS", id="old-nofs"),
        pytest.param(OLD, "noio", 0x80000, Cookie.OLD_VALUE, "__GFP_IO | __GFP_FS", id="old-noio"),
        pytest.param(OLD, "noreclaim", 0x800, Cookie.OLD_VALUE, "0", id="old-noreclaim"),
        pytest.param(NEW, "nofs", 0x40000, Cookie.NEWLY_SET, "__GFP_FS", id="new-nofs"),
    ],
)
def test_scope(table: ScopeTable, name: str, bit: int, cookie: Cookie, cleared: str) -> None:
    scope = table.scopes[name]
    assert (scope.bit, scope.cookie) == (bit, cookie)
    assert scope.change == MaskChange(GFP.evaluate(cleared), 0)
    assert (scope.save, scope.restore) == (f"memalloc_{name}_save", f"memalloc_{name}_restore")


def test_the_general_save_is_no_scope() -> None:
    assert set(NEW.scopes) == {"nofs"}


@pytest.mark.parametrize(
    ("page_alloc", "name", "filesystem", "direct"),
    [
        pytest.param(RECLAIM, "nofs", False, True, id="nofs"),
        pytest.param(RECLAIM, "noio", False, True, id="noio"),
        pytest.param(RECLAIM, "noreclaim", False, False, id="noreclaim"),
        pytest.param(FS_RECLAIM, "nofs", False, None, id="older-nofs"),
        pytest.param(FS_RECLAIM, "noreclaim", False, False, id="older-noreclaim"),
        pytest.param(None, "nofs", False, None, id="no-source-nofs"),
        pytest.param(None, "noreclaim", None, None, id="no-source-noreclaim"),
    ],
)
def test_reclaim_inside(
    page_alloc: str | None, name: str, filesystem: bool | None, direct: bool | None
) -> None:
    scope = scopes(SCHED_MM_OLD, page_alloc).scopes[name]
    assert (scope.fs_reclaim, scope.direct_reclaim) == (filesystem, direct)


@pytest.mark.parametrize(
    ("names", "mask", "inside"),
    [
        pytest.param([], "GFP_KERNEL", "GFP_KERNEL", id="outside"),
        pytest.param(["nofs"], "GFP_KERNEL | __GFP_NOFAIL", "GFP_NOFS | __GFP_NOFAIL", id="nofs"),
        pytest.param(["nofs"], "GFP_NOFS", "GFP_NOFS", id="nofs-twice"),
        pytest.param(["noio"], "GFP_KERNEL", "GFP_NOIO", id="noio"),
        pytest.param(["noio", "nofs"], "GFP_KERNEL", "GFP_NOIO", id="noio-wins"),
        pytest.param(["noreclaim"], "GFP_KERNEL", "GFP_KERNEL", id="noreclaim-keeps-the-mask"),
    ],
)
def test_masks_inside(names: list[str], mask: str, inside: str) -> None:
    found = OLD.inside(GFP.evaluate(mask), names)
    assert found is not None
    assert GFP.names(found).text == inside


@given(mask=st.integers(0, 0xFFFFFFFF), names=st.sets(st.sampled_from(sorted(OLD.scopes))))
def test_one_scope_after_the_other(mask: int, names: set[str]) -> None:
    """Running the tree's function on a mask agrees with the change found for unknown masks."""
    expected = mask
    for name in names:
        change = OLD.scopes[name].change
        assert change is not None
        expected = change.apply(expected)
    assert OLD.inside(mask, names) == expected


def test_a_scope_that_looks_at_the_mask() -> None:
    table = scopes(NOFAIL)
    gfp = table.executor.gfp
    change = table.scopes["nofail"].change
    assert change == MaskChange(
        0,
        gfp.evaluate("__GFP_NOFAIL"),
        gfp.evaluate("__GFP_DIRECT_RECLAIM"),
        gfp.evaluate("__GFP_RETRY_MAYFAIL | __GFP_NORETRY"),
    )
    assert "adds __GFP_NOFAIL to masks with __GFP_DIRECT_RECLAIM and without" in scopes_text(table)
    for mask, inside in (
        ("GFP_NOFS", "GFP_NOFS | __GFP_NOFAIL"),
        ("GFP_KERNEL | __GFP_RETRY_MAYFAIL", "GFP_KERNEL | __GFP_RETRY_MAYFAIL"),
        ("GFP_ATOMIC", "GFP_ATOMIC"),
    ):
        assert table.inside(gfp.evaluate(mask), ["nofail"]) == gfp.evaluate(inside)


@given(mask=st.integers(0, 0xFFFFFFFF))
def test_a_conditional_change_is_what_the_tree_does(mask: int) -> None:
    change = CONDITIONAL.scopes["nofail"].change
    assert change is not None
    assert CONDITIONAL.inside(mask, ["nofail"]) == change.apply(mask)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param("flags |= __GFP_NOFAIL", "flags ^= __GFP_NOFAIL", id="toggles"),
        pytest.param(
            "!(flags & (__GFP_RETRY_MAYFAIL | __GFP_NORETRY))",
            "(flags & (__GFP_IO | __GFP_FS))",
            id="either-of-two",
        ),
        pytest.param(
            "!(flags & (__GFP_RETRY_MAYFAIL | __GFP_NORETRY))",
            "((flags & __GFP_ZERO) || !(flags & __GFP_NORETRY))",
            id="an-exception-to-the-exception",
        ),
        pytest.param(
            "flags |= __GFP_NOFAIL",
            "flags = (flags | __GFP_NOFAIL) & ~__GFP_FS",
            id="clears-as-well",
        ),
    ],
)
def test_other_conditions_are_not_claimed(before: str, after: str) -> None:
    assert before in NOFAIL
    table = scopes(NOFAIL.replace(before, after))
    assert table.scopes["nofail"].change is None
    assert "current_gfp_context" in table.refused


@pytest.mark.parametrize(
    ("mask", "task", "enters"),
    [
        pytest.param("GFP_KERNEL", 0, True, id="kernel"),
        pytest.param("GFP_KERNEL | __GFP_NOLOCKDEP", 0, True, id="nolockdep-hides-nothing"),
        pytest.param("GFP_ATOMIC", 0, False, id="atomic"),
        pytest.param("GFP_KERNEL", 0x800, False, id="noreclaim"),
        pytest.param("GFP_NOFS", 0x40000, True, id="nofs-still-reclaims"),
    ],
)
def test_entering_reclaim(mask: str, task: int, enters: bool) -> None:
    assert OLD.enters_reclaim(GFP.evaluate(mask), task) is enters


def test_without_the_trees_answer_nothing_is_known_of_reclaim() -> None:
    assert scopes(SCHED_MM_OLD, None).enters_reclaim(GFP.evaluate("GFP_KERNEL"), 0) is None


def test_unknown_task_flags_leave_the_mask_undecided() -> None:
    mask = exact(GFP.evaluate("GFP_KERNEL"), UINT)
    assert OLD.effective(mask, symbol("task", UINT)) == unknown(UINT)


@pytest.mark.parametrize(
    ("change", "cookie"),
    [
        pytest.param(("return was;", "return 0;"), Cookie.OTHER, id="forgets-the-old-value"),
        pytest.param(
            ("current->flags |= PF_MEMALLOC_NOFS;", "current->flags = PF_MEMALLOC_NOFS;"),
            Cookie.OTHER,
            id="clobbers-other-bits",
        ),
        pytest.param(
            ("(current->flags & ~PF_MEMALLOC_NOFS) | was", "was"),
            Cookie.OTHER,
            id="restore-clobbers-other-bits",
        ),
    ],
)
def test_other_cookies_are_told_apart(change: tuple[str, str], cookie: Cookie) -> None:
    before, after = change
    assert before in SCHED_MM_OLD
    assert scopes(SCHED_MM_OLD.replace(before, after)).scopes["nofs"].cookie is cookie


def test_scopes_of_a_tree_before_sched_mm() -> None:
    sched = (
        SCHED
        + """\
static inline gfp_t memalloc_noio_flags(gfp_t flags)
{
	if (unlikely(current->flags & PF_MEMALLOC_NOIO))
		flags &= ~(__GFP_IO | __GFP_FS);
	return flags;
}
static inline unsigned int memalloc_noio_save(void)
{
	unsigned int flags = current->flags & PF_MEMALLOC_NOIO;
	current->flags |= PF_MEMALLOC_NOIO;
	return flags;
}
static inline void memalloc_noio_restore(unsigned int flags)
{
	current->flags = (current->flags & ~PF_MEMALLOC_NOIO) | flags;
}
"""
    )
    files = MemoryTree({"include/linux/gfp.h": GFP_3, "include/linux/sched.h": sched})
    table = scope_table(files, DIALECT)
    assert set(table.scopes) == {"noio"}
    assert table.context == "memalloc_noio_flags"
    gfp = table.executor.gfp
    assert table.inside(gfp.evaluate("GFP_KERNEL"), ["noio"]) == gfp.evaluate("GFP_NOIO")


@pytest.mark.parametrize(
    ("change", "name", "what"),
    [
        pytest.param(
            ("current->flags |= PF_MEMALLOC_NOFS;", "set_task_flag(&was);"),
            "memalloc_nofs_save",
            "set_task_flag() is given the address",
            id="unknown",
        ),
        pytest.param(
            ("current->flags |= PF_MEMALLOC_NOFS;", ""),
            "memalloc_nofs_save",
            "memalloc_nofs_save() sets no bit of the task",
            id="sets-nothing",
        ),
        pytest.param(
            ("unsigned int was = current->flags & PF_MEMALLOC_NOFS;", "int int was = 0"),
            "memalloc_nofs_save",
            "",
            id="unreadable",
        ),
        pytest.param(
            (
                "unsigned int pflags = READ_ONCE(current->flags);",
                "unsigned int pflags = task_flags();",
            ),
            "current_gfp_context",
            "the result of task_flags() is used",
            id="context",
        ),
    ],
)
def test_refused_by_name_and_line(change: tuple[str, str], name: str, what: str) -> None:
    before, after = change
    text = SCHED_MM_OLD.replace(before, after)
    assert text != SCHED_MM_OLD
    found = scopes(text).refused[name]
    assert found.path == "include/linux/sched/mm.h"
    assert found.line > 0
    assert what in found.what


def test_without_a_context_function_nothing_is_claimed() -> None:
    table = scopes(SCHED_MM_OLD.replace("current_gfp_context", "another_name"), None)
    assert table.scopes["nofs"].change is None
    assert table.scopes["nofs"].fs_reclaim is None
    assert table.inside(GFP.evaluate("GFP_KERNEL"), ["nofs"]) is None


def test_no_scopes_at_all() -> None:
    table = scope_table(MemoryTree({"include/linux/gfp.h": GFP_5}), Dialect())
    assert (table.scopes, table.refused) == ({}, {})


def test_a_tree_without_gfp_is_refused() -> None:
    with pytest.raises(InputError, match="no gfp header"):
        scope_table(MemoryTree({"include/linux/sched/mm.h": SCHED_MM_OLD}), Dialect())


def test_text() -> None:
    assert scopes_text(NEW) == (
        "nofs: memalloc_nofs_save() at include/linux/sched/mm.h:17 sets 0x40000\n"
        "    cookie: newly set bits\n"
        "    masks: clears __GFP_FS\n"
        "    GFP_KERNEL enters reclaim: yes, of the filesystem: no"
    )
