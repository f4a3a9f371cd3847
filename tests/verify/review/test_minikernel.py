"""The defects of the real conversion, written by hand onto the mini kernel, and harmless changes.

Patches are replacements by regular expression, so that they survive edits of the mini kernel; each
must find its text.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from convert.pipeline import Options, make_plan
from convert.series.model import Generator
from convert.series.write import write_series
from convert.tree.open import open_tree
from convert.verify.review.series import review_series
from tests.support import copy_minikernel
from tests.verify.review.patches import minikernel, review_edits, serious, told

FS = "fs/minfs"
IOCTL, CIL, LOG = f"{FS}/minfs_ioctl.c", f"{FS}/minfs_log_cil.c", f"{FS}/minfs_log.h"
IEXT = f"{FS}/libminfs/minfs_iext.c"
Edits = dict[str, Sequence[tuple[str, str]]]

DEFECTS = [
    pytest.param(
        {IEXT: [(r"kmem_zalloc\((.*), KM_NOFS\)", r"kzalloc(\1, GFP_NOFS)")]},
        "never-fail-lost",
        id="1-never-fail-lost",
    ),
    pytest.param(
        {IOCTL: [(r"kmem_free\(out\)", "kfree(out)")]}, "wrong-free", id="2-kvcalloc-given-to-kfree"
    ),
    pytest.param(
        {IOCTL: [(r"kmem_free\(buf\)", "kfree(buf)")]}, "wrong-free", id="3-kvzalloc-given-to-kfree"
    ),
    pytest.param(
        {f"{FS}/minfs_super.c": [(r"kmem_free\(mp->m_freemap\)", "kfree(mp->m_freemap)")]},
        "wrong-free",
        id="4-through-a-field",
    ),
    pytest.param(
        {CIL: [(r"kmem_free\(lv\)", "kfree(lv)")]}, "wrong-free", id="5-through-a-private-wrapper"
    ),
    pytest.param(
        {
            f"{FS}/minfs_buf.c": [
                (r"kmem_alloc\(size, kmflag_mask\)", "kmalloc(size, GFP_NOFS | __GFP_NOFAIL)")
            ]
        },
        "nofail-order",
        id="6-never-fail-of-high-order",
    ),
    pytest.param(
        {f"{FS}/minfs_dquot.c": [(r"(INIT_RADIX_TREE\(.*), GFP_NOFS\)", r"\1, GFP_KERNEL)")]},
        "stored-mask",
        id="7-stored-mask",
    ),
    pytest.param(
        {f"{FS}/minfs_trans.c": [(r"nofs_restore\(tp->t_pflags\)", "nofs_restore(0)")]},
        "scope-balance",
        id="10-constant-cookie",
    ),
    pytest.param(
        {
            CIL: [
                (r"\tint\t\t\terror = 0;\n\n\tnew_ctx", "\tint\t\t\terror = 0;\n"
                 "\tunsigned int\t\tnofs = memalloc_nofs_save();\n\n\tnew_ctx"),
                (r"(\tkmem_free\(ctx\);\n)", r"\1\tmemalloc_nofs_restore(nofs);\n"),
            ]
        },
        "scope-balance",
        id="scope-not-restored-on-one-exit",
    ),
    pytest.param(
        {CIL: [(r"kmem_zalloc\(sizeof\(\*ctx\), KM_NOFS\)", "kmem_zalloc(sizeof(*ctx), 0)")]},
        "nofs-lost",
        id="nofs-dropped-outside-of-every-scope",
    ),
    pytest.param(
        {LOG: [(r"__vmalloc\(size, GFP_NOFS\)", "__vmalloc(size, GFP_KERNEL)")]},
        "nofs-lost",
        id="nofs-dropped-in-a-private-wrapper",
    ),
    pytest.param(
        {
            f"{FS}/kmem.c": [
                (r"while \(1\)", "while (0);\n\treturn NULL"),
                (r"\|\| \(flags & KM_MAYFAIL\)", "|| !p"),
            ]
        },
        "never-fail-lost",
        id="the-retry-loop-is-gone",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("edits", "rule"), DEFECTS)
def test_defect_is_found(tmp_path: Path, edits: Edits, rule: str) -> None:
    review = review_edits(tmp_path, minikernel(), edits)
    assert rule in {name for name, _ in told(review)}
    assert review.exit_code == 1


def test_the_private_wrapper_is_named(tmp_path: Path) -> None:
    review = review_edits(tmp_path, minikernel(), {CIL: [(r"kmem_free\(lv\)", "kfree(lv)")]})
    (finding,) = serious(review)
    assert "mlog_kvmalloc()" in finding.message
    assert finding.function == "mlog_free_lv_chain"


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param({IOCTL: [(r"kmem_free\(out\)", "kvfree(out)")]}, id="kmem-free-to-kvfree"),
        pytest.param(
            {f"{FS}/minfs_inode.c": [(r"kmem_free\(ip->i_itemp\)", "kfree(ip->i_itemp)")]},
            id="kmem-free-to-kfree-of-kmalloc-memory",
        ),
        pytest.param(
            {CIL: [(r"kmem_zalloc\(sizeof\(\*cil\), KM_MAYFAIL\)",
                    "kzalloc(sizeof(*cil), GFP_KERNEL | __GFP_RETRY_MAYFAIL)")]},
            id="one-call-converted-by-hand",
        ),
        pytest.param({CIL: [(r"\bnew_ctx\b", "fresh")]}, id="variable-renamed"),
        pytest.param({CIL: [(r"\bmlog_cil_ctx_alloc\b", "mlog_new_ctx")]}, id="function-renamed"),
        pytest.param({IOCTL: [(r"\t", "        ")]}, id="white-space"),
    ],
)  # fmt: skip
def test_harmless_changes(tmp_path: Path, edits: Edits) -> None:
    assert told(review_edits(tmp_path, minikernel(), edits)) == []


def test_our_own_series_is_silent(tmp_path: Path) -> None:
    tree = open_tree(str(copy_minikernel(tmp_path / "kernel")))
    plan = make_plan(tree, [FS], Options())
    generator = Generator("kmem-convert", "test", "kmem-convert series")
    write_series(plan, tree, tmp_path / "series", generator=generator, maintainers=False)
    review = review_series(str(tmp_path / "series"), tree)
    assert serious(review) == []
    assert review.exit_code == 0
    assert sum(commit.matched for commit in review.commits) > 100
