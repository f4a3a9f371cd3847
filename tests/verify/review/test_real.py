"""Reviews on a real XFS: seeded defects are found, our own series is silent.

The patches are made at test time, on sites found at test time; nothing of the kernel is kept here.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from convert.pipeline import Options, make_plan
from convert.series.model import Generator
from convert.series.write import write_series
from convert.tree.cache import cache_dir
from convert.tree.kernel import KernelTree
from convert.tree.open import open_tree
from convert.verify.review.series import review_series
from tests.verify.review.patches import serious
from tests.verify.review.seeds import Ground, mails_for, seeds_for

pytestmark = pytest.mark.real
ROOT = "fs/xfs"
ALLOCATORS = {"kmem_alloc": "kmalloc", "kmem_zalloc": "kzalloc"}


@pytest.fixture(scope="module")
def tree() -> KernelTree:
    """The tree that the environment variable KERNEL names; skipped without it."""
    name = os.environ.get("KERNEL")
    if not name:
        pytest.skip("KERNEL names no kernel tree (run by `make real`)")
    return open_tree(name)


def test_every_seeded_defect_is_found(tree: KernelTree, tmp_path: Path) -> None:
    ground = Ground(tree, ROOT, ALLOCATORS, ("kmem_free",), cache_dir())
    seeds = seeds_for(ground)
    assert {seed.rule for seed in seeds} >= {"scope-balance"}
    series = tmp_path / "series.mbox"
    series.write_bytes("".join(mails_for(ground, seeds)).encode("latin-1"))
    review = review_series(str(series), tree, cache_dir=cache_dir())
    assert review.exit_code == 1
    missed = []
    for seed, commit in zip(seeds, review.commits, strict=True):
        found = {(f.rule.value, f.file, f.function) for f in commit.findings}
        print(f"{seed.name}: {len(seed.places)} seeded")
        missed += [(seed.name, *at) for at in seed.places if (seed.rule, *at) not in found]
    assert missed == []


def test_our_own_series_is_silent(tree: KernelTree, tmp_path: Path) -> None:
    plan = make_plan(tree, [ROOT], Options(cache_dir=cache_dir()))
    if not plan.steps:
        pytest.skip("this kernel needs no conversion")
    generator = Generator("kmem-convert", "test", "kmem-convert series")
    write_series(plan, tree, tmp_path / "series", generator=generator, maintainers=False)
    review = review_series(str(tmp_path / "series"), tree, cache_dir=cache_dir())
    assert serious(review) == []
    assert review.exit_code == 0
    matched = sum(commit.matched for commit in review.commits)
    print(f"{len(review.commits)} commits, {matched} sites compared, {review.counts.notes} notes")
