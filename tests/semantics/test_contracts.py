"""Contracts read off runs: promises, masks, loops that never give up, frees; and refusals."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from convert.errors import InputError
from convert.semantics.contracts import FreeContract, WrapperContract, WrapperResult
from convert.semantics.execution import CannotRun
from convert.semantics.model import Contract
from convert.semantics.table import (
    ContractTable,
    contracts_text,
    promises_text,
    subsets,
    wrapper_contracts,
)
from tests.semantics.sources import (
    DIALECT,
    F2FS_H,
    SPL_C,
    SPL_H,
    XFS_3_C,
    XFS_5_C,
    XFS_5_H,
    XFS_NEW_C,
    XFS_NEW_H,
    tree,
)

XFS_NEW = {"fs/kmem.h": XFS_NEW_H, "fs/kmem.c": XFS_NEW_C}
XFS_5 = {"fs/kmem.h": XFS_5_H, "fs/kmem.c": XFS_5_C}
XFS_3 = {"fs/kmem.c": XFS_3_C}
F2FS = {"fs/f2fs.h": F2FS_H}
SPL = {"spl/kmem.h": SPL_H, "spl/kmem.c": SPL_C}


def derive(
    files: Mapping[str, str], wrapper: str, flags: tuple[str, ...] = (), task: int = 0
) -> WrapperResult:
    """The result of one wrapper with exactly these flags."""
    table = wrapper_contracts(
        tree(files), tuple(files), [wrapper], flags, combinations=[frozenset(flags)],
        task_flags=task, dialect=DIALECT,
    )  # fmt: skip
    return table.get(wrapper, flags)


def contract(
    files: Mapping[str, str], wrapper: str, flags: tuple[str, ...], task: int = 0
) -> WrapperContract:
    """The same, which must be a contract; a wrapper called with no flag gets the empty mask."""
    names = flags or ("GFP_KERNEL",)
    table = wrapper_contracts(
        tree(files), tuple(files), [wrapper], names, combinations=[frozenset(flags)],
        task_flags=task, dialect=DIALECT,
    )  # fmt: skip
    result = table.get(wrapper, flags)
    assert isinstance(result, WrapperContract), result
    return result


def promises(
    *,
    zeroed: bool | None = False,
    may_fail: bool | None = False,
    fs: bool = True,
    nowarn: bool = True,
    sleeps: bool = True,
) -> Contract:
    return Contract(zeroed, may_fail, fs, nowarn, False, sleeps)


@pytest.mark.parametrize(
    ("files", "wrapper", "flags", "expected", "masks"),
    [
        pytest.param(XFS_NEW, "kmem_alloc", (), promises(), ("GFP_KERNEL | __GFP_NOWARN",),
                     id="new-alloc"),
        pytest.param(XFS_NEW, "kmem_alloc", ("KM_NOFS",), promises(fs=False),
                     ("GFP_NOFS | __GFP_NOWARN",), id="new-nofs"),
        pytest.param(XFS_NEW, "kmem_alloc", ("KM_MAYFAIL",), promises(may_fail=True),
                     ("GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN",), id="new-mayfail"),
        pytest.param(XFS_NEW, "kmem_zalloc", ("KM_NOFS", "KM_MAYFAIL"),
                     promises(zeroed=True, may_fail=True, fs=False),
                     ("GFP_NOFS | __GFP_RETRY_MAYFAIL | __GFP_NOWARN | __GFP_ZERO",),
                     id="new-zalloc-all"),
        pytest.param(XFS_5, "kmem_alloc", ("KM_SLEEP",), promises(),
                     ("GFP_KERNEL | __GFP_NOWARN",), id="5-sleep"),
        pytest.param(XFS_5, "kmem_alloc", ("KM_NOSLEEP",),
                     promises(may_fail=True, fs=False, sleeps=False),
                     ("GFP_ATOMIC | __GFP_NOWARN",), id="5-nosleep"),
        pytest.param(XFS_5, "kmem_alloc_large", ("KM_NOFS",), promises(may_fail=True, fs=False),
                     ("GFP_NOFS | __GFP_RETRY_MAYFAIL | __GFP_NOWARN", "GFP_NOFS | __GFP_NOWARN"),
                     id="5-large-nofs"),
        pytest.param(XFS_5, "kmem_realloc", (), promises(),
                     ("GFP_KERNEL | __GFP_NOWARN",), id="5-realloc"),
        pytest.param(XFS_5, "kmem_zone_alloc", ("KM_NOFS",), promises(fs=False),
                     ("GFP_NOFS | __GFP_NOWARN",), id="5-zone-goto-loop"),
        pytest.param(XFS_5, "kmem_zone_zalloc", ("KM_MAYFAIL",),
                     promises(zeroed=True, may_fail=True),
                     ("GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN | __GFP_ZERO",),
                     id="5-zone-zalloc"),
        pytest.param(XFS_3, "kmem_zalloc", ("KM_NOFS",), promises(zeroed=True, fs=False),
                     ("GFP_NOFS | __GFP_NOWARN",), id="3-zalloc-by-memset"),
        pytest.param(XFS_3, "kmem_realloc", ("KM_MAYFAIL",),
                     promises(may_fail=True), ("GFP_KERNEL | __GFP_NOWARN",),
                     id="3-realloc-by-copy"),
        pytest.param(XFS_3, "kmem_zalloc_greedy", (), promises(zeroed=True, nowarn=False),
                     ("GFP_KERNEL | __GFP_ZERO",), id="3-greedy"),
        pytest.param(F2FS, "f2fs_cache_alloc", ("GFP_NOFS",), promises(fs=False, nowarn=False),
                     ("GFP_NOFS", "GFP_NOFS | __GFP_NOFAIL"), id="f2fs-falls-back-to-nofail"),
        pytest.param(F2FS, "f2fs_kmalloc", ("GFP_KERNEL",), promises(may_fail=True, nowarn=False),
                     ("GFP_KERNEL",), id="f2fs-kmalloc"),
        pytest.param(F2FS, "f2fs_kmalloc", ("GFP_NOFS", "__GFP_NOFAIL"),
                     promises(may_fail=None, fs=False, nowarn=False),
                     ("GFP_NOFS | __GFP_NOFAIL",), id="f2fs-injects-into-nofail"),
        pytest.param(F2FS, "f2fs_kvzalloc", ("GFP_NOFS",),
                     promises(zeroed=True, may_fail=True, fs=False, nowarn=False),
                     ("GFP_NOFS | __GFP_ZERO",), id="f2fs-kvzalloc"),
        pytest.param(SPL, "kmem_alloc", ("KM_NOSLEEP",),
                     promises(may_fail=True, fs=False, sleeps=False),
                     ("GFP_ATOMIC | __GFP_NORETRY | __GFP_NOWARN | __GFP_COMP",),
                     id="spl-nosleep"),
        pytest.param(SPL, "kmem_zalloc", ("KM_SLEEP",), promises(zeroed=True, may_fail=None),
                     ("GFP_KERNEL | __GFP_NOWARN | __GFP_ZERO | __GFP_COMP",
                      "GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN | __GFP_ZERO | __GFP_COMP"),
                     id="spl-size-limit-leaves-it-open"),
        pytest.param(SPL, "vmem_alloc", ("KM_SLEEP",), promises(),
                     ("GFP_KERNEL | __GFP_NOWARN | __GFP_HIGHMEM | __GFP_COMP",
                      "GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN | __GFP_HIGHMEM"
                      " | __GFP_COMP"), id="spl-vmem"),
    ],
)  # fmt: skip
def test_promises_and_masks(
    files: Mapping[str, str],
    wrapper: str,
    flags: tuple[str, ...],
    expected: Contract,
    masks: tuple[str, ...],
) -> None:
    found = contract(files, wrapper, flags)
    assert found.contract == expected
    assert found.masks == masks


@pytest.mark.parametrize(
    ("files", "wrapper", "flags", "families", "retries"),
    [
        pytest.param(XFS_NEW, "kmem_alloc", (), ("kmalloc",), True, id="loop"),
        pytest.param(XFS_NEW, "kmem_alloc", ("KM_MAYFAIL",), ("kmalloc",), False, id="one-try"),
        pytest.param(XFS_5, "kmem_alloc_large", (), ("kmalloc", "vmalloc"), False, id="fallback"),
        pytest.param(XFS_5, "kmem_zone_alloc", (), ("cache",), True, id="cache"),
        pytest.param(F2FS, "f2fs_cache_alloc", ("GFP_NOFS",), ("cache",), False,
                     id="second-try-elsewhere"),
        pytest.param(SPL, "vmem_alloc", ("KM_SLEEP",), ("kvmalloc",), True, id="kvmalloc"),
    ],
)  # fmt: skip
def test_family_and_retries(
    files: Mapping[str, str],
    wrapper: str,
    flags: tuple[str, ...],
    families: tuple[str, ...],
    retries: bool,
) -> None:
    found = contract(files, wrapper, flags)
    assert (found.families, found.retries) == (families, retries)


def test_evidence_is_the_lines_executed() -> None:
    plain, nofs = contract(XFS_NEW, "kmem_alloc", ()), contract(XFS_NEW, "kmem_alloc", ("KM_NOFS",))
    cleared = XFS_NEW_H.splitlines().index("\t\tmask &= ~__GFP_FS;") + 1
    extra = {str(where) for where in set(nofs.lines) - set(plain.lines)}
    assert extra == {f"fs/kmem.h:{cleared}"}
    assert set(plain.lines) <= set(nofs.lines)
    assert plain.ignored == ("xfs_err() at fs/kmem.c:13",)


def test_the_callers_task_flags_count() -> None:
    """The 3.x wrapper looks at the task itself; the newer ones run under the caller's scope."""
    assert contract(XFS_3, "kmem_alloc", ("KM_SLEEP",)).contract.fs_reclaim
    inside = contract(XFS_3, "kmem_alloc", ("KM_SLEEP",), task=0x20000)
    assert inside.masks == ("GFP_NOFS | __GFP_NOWARN",)
    scoped = contract(XFS_NEW, "kmem_alloc", (), task=0x40000)
    assert scoped.masks == ("GFP_KERNEL | __GFP_NOWARN",)
    assert scoped.contract.fs_reclaim is False


def test_a_scope_of_the_wrappers_own_counts() -> None:
    text = """\
void *f(size_t size, int scoped)
{
	unsigned int was = memalloc_nofs_save();
	void *p = __vmalloc(size, GFP_KERNEL, PAGE_KERNEL);
	memalloc_nofs_restore(was);
	return p;
}
"""
    found = derive({"a.c": text}, "f")
    assert isinstance(found, WrapperContract)
    assert found.contract.fs_reclaim is False
    assert found.masks == ("GFP_KERNEL",)
    assert any(where.path == "include/linux/sched/mm.h" for where in found.lines)


def test_a_narrowed_memset_is_an_assumption() -> None:
    assert contract(XFS_3, "kmem_zalloc", ("KM_SLEEP",)).assumptions == (
        "the size fits into 32 bits (fs/kmem.c:39)",
    )


def test_an_unknown_mask_is_passed_on() -> None:
    found = derive(F2FS, "f2fs_kvzalloc")
    assert isinstance(found, WrapperContract)
    assert found.masks == ("flags | __GFP_ZERO",)
    assert found.contract == Contract(zeroed=True)
    assert found.mask is None


def test_what_was_undecided_about_null_is_said() -> None:
    found = contract(F2FS, "f2fs_kmalloc", ("GFP_NOFS", "__GFP_NOFAIL"))
    assert "defined(CONFIG_F2FS_FAULT_INJECTION)" in found.conditions


@pytest.mark.parametrize(
    ("files", "wrapper", "parameter", "deallocators"),
    [
        pytest.param(XFS_NEW, "kmem_free", "ptr", ("kvfree",), id="kvfree"),
        pytest.param(XFS_3, "kmem_free", "ptr", ("kfree", "vfree"), id="by-address"),
        pytest.param(XFS_5, "kmem_zone_free", "ptr", ("kmem_cache_free",), id="cache"),
        pytest.param(SPL, "kmem_free", "ptr", ("kvfree",), id="macro"),
    ],
)
def test_frees(
    files: Mapping[str, str], wrapper: str, parameter: str, deallocators: tuple[str, ...]
) -> None:
    found = derive(files, wrapper)
    assert isinstance(found, FreeContract)
    assert (found.parameter, found.deallocators) == (parameter, deallocators)


def test_a_realloc_that_frees_its_argument_says_so() -> None:
    assert contract(XFS_3, "kmem_realloc", ("KM_MAYFAIL",)).frees == ("kfree", "vfree")


# -- loops -----------------------------------------------------------------------------------

LOOP = "void *f(size_t n, gfp_t flags)\n{{\n\tvoid *p;\n\tint i = 0;\n{}\n}}\n"


@pytest.mark.parametrize(
    ("body", "may_fail"),
    [
        pytest.param("do { p = kmalloc(n, flags); } while (!p); return p;", False, id="do-while"),
        pytest.param("while (!(p = kmalloc(n, flags))) ; return p;", False, id="while-empty"),
        pytest.param("for (;;) { p = kmalloc(n, flags); if (p) return p; schedule(); }", False,
                     id="for-ever"),
        pytest.param("again: p = kmalloc(n, flags); if (!p) goto again; return p;", False,
                     id="goto"),
        pytest.param("for (;; i++) { p = kmalloc(n, flags); if (p) break; } return p;", False,
                     id="counter"),
        pytest.param("do { p = kmalloc(n, flags); i = i ? 0 : 1; } while (!p); return p;", False,
                     id="toggle"),
        pytest.param("do { p = kmalloc(n, flags); if (!p) p = vmalloc(n); } while (!p); return p;",
                     False, id="fallback-in-loop"),
        pytest.param("while (1) { while (1) { p = kmalloc(n, flags); if (p) return p; "
                     "if (++i % 7) break; } }", False, id="nested"),
        pytest.param("do { p = kmalloc(n, flags); n >>= 1; } while (!p); return p;", False,
                     id="shrinking-request"),
        pytest.param("p = kmalloc(n, flags); if (!p) p = kmalloc(n, flags | __GFP_NOFAIL); "
                     "return p;", False, id="last-try-promises"),
        pytest.param("p = kmalloc(n, flags); BUG_ON(!p); return p;", False, id="bug-on-null"),
        pytest.param("return kmalloc(n, flags);", True, id="plain"),
        pytest.param("do { p = kmalloc(n, flags); } while (!p && i++ < 3); return p;", True,
                     id="three-tries"),
        pytest.param("for (i = 0; i < 100; i++) { p = kmalloc(n, flags); if (p) break; } return p;",
                     True, id="hundred-tries"),
        pytest.param("do { p = kmalloc(n, flags); } while (!p && i++ < 1000); return p;", None,
                     id="a-thousand-tries-are-not-counted"),
        pytest.param("do { p = kmalloc(n, flags); } while (!p && !fatal); return p;", None,
                     id="given-up-on-an-outside-condition"),
        pytest.param("if (n > 4096) return NULL; do { p = kmalloc(n, flags); } while (!p); "
                     "return p;", None, id="limit-on-the-size"),
        pytest.param("do { p = kmalloc(n, flags); if (i++ > 2) flags |= __GFP_NOFAIL; } "
                     "while (!p); return p;", False, id="promise-after-some-tries"),
    ],
)  # fmt: skip
def test_loops(body: str, may_fail: bool | None) -> None:
    assert contract({"a.c": LOOP.format(body)}, "f", ("GFP_KERNEL",)).contract.may_fail is may_fail


def _gives_up(limit: int, start: int, step: int, op: str) -> bool:
    """Whether `n = start; for (;;) { n += step; if (n OP limit) return NULL; }` ever does."""
    n, seen = start, set[int]()
    while n not in seen:
        seen.add(n)
        n = (n + step) & 0xFF
        if {"==": n == limit, ">": n > limit, "<": n < limit}[op]:
            return True
    return False


@settings(max_examples=60, deadline=None)
@given(
    limit=st.integers(0, 255),
    start=st.integers(0, 255),
    step=st.integers(0, 255),
    op=st.sampled_from(["==", ">", "<"]),
)
def test_may_fail_is_sound(limit: int, start: int, step: int, op: str) -> None:
    """Against counting by hand, with a counter that wraps: never a wrong yes, never a wrong no."""
    body = (
        f"u8 c = {start}; for (;;) {{ p = kmalloc(n, flags); if (p) return p; "
        f"c += {step}; if (c {op} {limit}) return NULL; }}"
    )
    found = contract({"a.c": LOOP.format(body)}, "f", ("GFP_KERNEL",)).contract.may_fail
    assert found in (_gives_up(limit, start, step, op), None)


# -- refusals --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        pytest.param("void *g(size_t n);\n", 0, "f() is not defined in the files read",
                     id="not-there"),
        pytest.param("void *f(size_t n, gfp_t flags)\n{\n\treturn pool_get(n);\n}", 3,
                     "the result of pool_get() is used", id="unknown-allocator"),
        pytest.param("void *f(size_t n, gfp_t flags)\n{\n\treturn kmalloc(n, flags) + 8;\n}", 3,
                     "what is returned is no fresh allocation", id="offset"),
        pytest.param("void *f(struct s *s, gfp_t flags)\n{\n\ts->p = kmalloc(8, flags);\n"
                     "\treturn s->p;\n}", 4, "what is returned is no fresh allocation",
                     id="through-memory"),
        pytest.param("int f(struct s *s, gfp_t flags)\n{\n\ts->p = kmalloc(8, flags);\n"
                     "\treturn s->p ? 0 : -12;\n}", 4, "what is returned is no fresh allocation",
                     id="out-parameter"),
        pytest.param("void *f(size_t n, gfp_t flags)\n{\n\tvoid *p = kmalloc(n, flags);\n\tBUG();\n"
                     "\treturn p;\n}", 4, "never returns: BUG()", id="always-trapped"),
        pytest.param("int f(int n, gfp_t flags)\n{\n\treturn n;\n}", 1,
                     "f() asks no known allocator and frees no one argument", id="no-allocator"),
        pytest.param("void f(void *a, void *b, gfp_t flags)\n{\n\tkfree(a);\n\tkfree(b);\n}", 1,
                     "f() asks no known allocator and frees no one argument", id="frees-two"),
        pytest.param("void *f(gfp_t a, gfp_t b)\n{\n\treturn kmalloc(8, a | b);\n}", 1,
                     "f(): its flags may be a or b", id="two-flag-arguments"),
        pytest.param("void *f(size_t n, gfp_t flags)\n{\n\treturn kmalloc(n +, flags);\n}", 1,
                     "at ','", id="unreadable"),
        pytest.param("void *f(size_t n, gfp_t flags)\n{\n\treturn kmalloc(n);\n}", 3,
                     "kmalloc() takes other arguments", id="too-few-arguments"),
    ],
)  # fmt: skip
def test_refused_with_the_line(text: str, line: int, what: str) -> None:
    found = derive({"a.c": text}, "f", ("GFP_KERNEL",))
    assert isinstance(found, CannotRun)
    assert (found.path, found.line) == ("a.c" if line else "", line)
    assert what in found.what


def test_an_unknown_size_of_mask_is_no_contract_of_bits() -> None:
    text = "void *f(size_t n, struct s *s)\n{\n\treturn kmalloc(n, s->mask);\n}"
    found = derive({"a.c": text}, "f")
    assert isinstance(found, WrapperContract)
    assert found.contract == Contract()
    assert found.masks == ("not known",)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        pytest.param(["KM_SLEEPY"], "the flag KM_SLEEPY has no value: KM_SLEEPY is not defined",
                     id="unknown-flag"),
        pytest.param({f"F{bit}": 1 << bit for bit in range(9)}, "9 flags have too many",
                     id="too-many"),
    ],
)  # fmt: skip
def test_unusable_flags(flags: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        wrapper_contracts(tree(XFS_NEW), tuple(XFS_NEW), ["kmem_alloc"], flags, dialect=DIALECT)


def test_a_missing_file_is_refused() -> None:
    with pytest.raises(InputError, match="not in the tree"):
        wrapper_contracts(tree(XFS_NEW), ["fs/gone.c"], ["f"], [], dialect=DIALECT)


# -- the table -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def whole() -> ContractTable:
    flags = ["KM_NOFS", "KM_MAYFAIL", "KM_ZERO"]
    names = ["kmem_alloc", "kmem_zalloc", "kmem_free", "to_page"]
    return wrapper_contracts(tree(XFS_NEW), tuple(XFS_NEW), names, flags, dialect=DIALECT)


def test_the_table_is_total(whole: ContractTable) -> None:
    assert len(whole.results) == 2 * 8 + 2
    assert set(whole.refused) == {("to_page", frozenset())}
    assert whole.flagless == {"kmem_free", "to_page"}


def test_each_promise_follows_from_its_flag(whole: ContractTable) -> None:
    for wrapper in ("kmem_alloc", "kmem_zalloc"):
        for flags in subsets(whole.flags):
            found = whole.get(wrapper, flags)
            assert isinstance(found, WrapperContract)
            assert found.contract == Contract(
                zeroed="KM_ZERO" in flags or wrapper == "kmem_zalloc",
                may_fail="KM_MAYFAIL" in flags,
                fs_reclaim="KM_NOFS" not in flags,
                nowarn=True,
                nolockdep=False,
                sleeps=True,
            )


def test_a_wrapper_that_cannot_run_answers_for_all_flags(whole: ContractTable) -> None:
    assert whole.get("to_page", ["KM_NOFS"]) == whole.get("to_page")
    with pytest.raises(KeyError):
        whole.get("kmem_free", ["KM_NOFS"])


def test_text(whole: ContractTable) -> None:
    text = contracts_text(whole)
    assert (
        "kmem_alloc(KM_NOFS | KM_MAYFAIL): kmalloc(GFP_NOFS | __GFP_RETRY_MAYFAIL | __GFP_NOWARN)\n"
        "    not zeroed, may fail, no fs reclaim, no warning, seen by lockdep, sleeps\n"
        "    executed: fs/kmem.c:3-5,7,9-11 fs/kmem.h:7,9-15,17\n"
    ) in text
    atomic = derive(XFS_5, "kmem_alloc", ("KM_NOSLEEP",))
    assert isinstance(atomic, WrapperContract)
    assert promises_text(atomic) == (
        "not zeroed, may fail, no fs reclaim, no warning, seen by lockdep, does not sleep"
    )
    assert "kmem_free(ptr): kvfree\n    executed: fs/kmem.h:26" in text
    assert "to_page(): cannot run: to_page() is not defined in the files read" in text
