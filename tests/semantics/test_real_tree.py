"""The semantics of a real kernel tree (``KERNEL`` names it): derived whole, with evidence."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convert.semantics.capabilities import Capabilities, capabilities
from convert.semantics.contracts import FreeContract, WrapperContract
from convert.semantics.gfp import load_gfp
from convert.semantics.model import Contract
from convert.semantics.scopes import Cookie, ScopeTable, scope_table
from convert.semantics.table import ContractTable, subsets, wrapper_contracts
from convert.source.dialect import Dialect, load_dialect
from convert.tree.directory import DirectoryTree

pytestmark = pytest.mark.real

XFS = ("fs/xfs/kmem.h", "fs/xfs/kmem.c")
FLAGS = ("KM_NOFS", "KM_MAYFAIL", "KM_ZERO", "KM_NOLOCKDEP")


@pytest.fixture(scope="module")
def kernel() -> DirectoryTree:
    name = os.environ.get("KERNEL")
    if not name:
        pytest.skip("KERNEL names no kernel tree (run by `make real`)")
    return DirectoryTree(Path(name))


@pytest.fixture(scope="module")
def dialect(kernel: DirectoryTree) -> Dialect:
    return load_dialect(kernel, ())


@pytest.fixture(scope="module")
def scopes(kernel: DirectoryTree, dialect: Dialect) -> ScopeTable:
    return scope_table(kernel, dialect)


@pytest.fixture(scope="module")
def answers(kernel: DirectoryTree, dialect: Dialect) -> Capabilities:
    return capabilities(kernel, dialect)


@pytest.fixture(scope="module")
def table(kernel: DirectoryTree, dialect: Dialect, scopes: ScopeTable) -> ContractTable:
    if not kernel.exists(XFS[0]):
        pytest.skip("the tree's XFS has no kmem wrappers any more")
    names = ["kmem_alloc", "kmem_zalloc", "kmem_free"]
    return wrapper_contracts(kernel, XFS, names, FLAGS, dialect=dialect, scopes=scopes)


def test_every_name_prints_and_reads_back(kernel: DirectoryTree) -> None:
    gfp = load_gfp(kernel)
    for name, bits in gfp.bits.items():
        assert gfp.evaluate(gfp.names(bits).text) == bits, name
    assert len({gfp.bits[name] for name in gfp.single.values()}) == len(gfp.single)


def test_all_scopes_are_executed(scopes: ScopeTable) -> None:
    gfp = scopes.executor.gfp
    assert dict(scopes.refused) == {}
    assert {"nofs", "noio", "noreclaim"} <= set(scopes.scopes)
    assert len({scope.cookie for scope in scopes.scopes.values()}) == 1
    assert scopes.scopes["nofs"].cookie is not Cookie.OTHER
    kernel_mask = gfp.bits["GFP_KERNEL"]
    assert scopes.inside(kernel_mask, ["nofs"]) == gfp.bits["GFP_NOFS"]
    assert scopes.inside(kernel_mask, ["noio", "nofs"]) == gfp.bits["GFP_NOIO"]
    assert scopes.scopes["noreclaim"].direct_reclaim is False


def test_the_cookie_matches_what_the_tree_declares(
    scopes: ScopeTable, answers: Capabilities
) -> None:
    """memalloc_flags_save() came with the commit that changed the cookies."""
    newly = answers.has("memalloc_flags_save")
    expected = Cookie.NEWLY_SET if newly else Cookie.OLD_VALUE
    assert scopes.scopes["nofs"].cookie is expected


def test_what_the_allocators_accept(answers: Capabilities) -> None:
    for name in ("vmalloc-nofs", "vmalloc-nofail", "kvmalloc-nofs", "kvmalloc-nofail"):
        assert answers.has(name), answers.found[name]
    order = answers.found["nofail-order"]
    assert order.value == 1
    assert order.evidence


def test_the_xfs_table_is_total(table: ContractTable) -> None:
    assert dict(table.refused) == {}
    for wrapper in ("kmem_alloc", "kmem_zalloc"):
        for flags in subsets(FLAGS):
            found = table.get(wrapper, flags)
            assert isinstance(found, WrapperContract)
            assert found.contract == Contract(
                zeroed="KM_ZERO" in flags or wrapper == "kmem_zalloc",
                may_fail="KM_MAYFAIL" in flags,
                fs_reclaim="KM_NOFS" not in flags,
                nowarn=True,
                nolockdep="KM_NOLOCKDEP" in flags,
                sleeps=True,
            )
            assert found.families == ("kmalloc",)
            assert found.retries == ("KM_MAYFAIL" not in flags)
            assert {where.path for where in found.lines} == set(XFS)
            assert found.assumptions == found.conditions == ()


def test_xfs_frees_by_kvfree(table: ContractTable) -> None:
    found = table.get("kmem_free")
    assert isinstance(found, FreeContract)
    assert found.deallocators == ("kvfree",)


def test_f2fs_wrappers_pass_the_mask_on(
    kernel: DirectoryTree, dialect: Dialect, scopes: ScopeTable
) -> None:
    if not kernel.exists("fs/f2fs/f2fs.h"):
        pytest.skip("no f2fs in this tree")
    names = ["f2fs_kmalloc", "f2fs_kzalloc", "f2fs_kvmalloc", "f2fs_kvzalloc"]
    found = wrapper_contracts(kernel, ["fs/f2fs/f2fs.h"], names, [], dialect=dialect, scopes=scopes)
    masks = {name: found.get(name) for name in names}
    texts = {n: r.masks if isinstance(r, WrapperContract) else str(r) for n, r in masks.items()}
    assert texts == {
        "f2fs_kmalloc": ("flags",),
        "f2fs_kzalloc": ("flags | __GFP_ZERO",),
        "f2fs_kvmalloc": ("flags",),
        "f2fs_kvzalloc": ("flags | __GFP_ZERO",),
    }
