"""What scripts/assert_boot.py makes of a patch and the counters of a boot."""

from __future__ import annotations

from pathlib import Path

import pytest

from convert.errors import InputError
from convert.verify.boot.console import Counter
from scripts.assert_boot import by_kind, counted, not_asserted, show
from scripts.realkernel.asserted import read_patch, resting_on_scopes
from tests.verify.toy import toy_kernel

PATCH = """\
--- a/fs/toy/a.c
+++ b/fs/toy/a.c
@@ -1,3 +1,4 @@
 #include "a.h"
+#include <linux/kmem_convert_assert.h>

 int f(void)
@@ -8,5 +9,5 @@
 {
-\tp = kmalloc(1, GFP_KERNEL);
+\tp = kmalloc(1, kmem_convert_mask(0, GFP_KERNEL));
 \tq = kmalloc(2,
-\t\tGFP_KERNEL);
-\tr = kmalloc(2, GFP_NOFS);
+\t\tkmem_convert_mask(1, GFP_KERNEL));
+\tr = kmalloc(2, kmem_convert_mask(2, GFP_NOFS));
 }
--- /dev/null
+++ b/lib/kmem_convert_assert.c
@@ -0,0 +1,3 @@
+\t{ .id = "fs/toy/a.c:f:scope:kmalloc:1", .proven = true },
+\t{ .id = "fs/toy/a.c:g:scope:kmalloc:1", .proven = true },
+\t{ .id = "fs/toy/a.c:h:scope:kmalloc:1", .proven = false },
"""
F, G = "fs/toy/a.c:f:scope:kmalloc:1", "fs/toy/a.c:g:scope:kmalloc:1"


@pytest.mark.parametrize(
    ("counters", "reached", "contradicted", "silent"),
    [
        pytest.param([(F, 3, 0), (G, 0, 0)], 1, [], [], id="held"),
        pytest.param([(F, 3, 1), (G, 2, 0)], 2, [F], [], id="contradicted"),
        pytest.param([(F, 3, 0)], 1, [], [G], id="a-line-is-missing"),
        pytest.param([], 0, [], [F, G], id="nothing-was-printed"),
    ],
)
def test_counters(
    counters: list[tuple[str, int, int]],
    reached: int,
    contradicted: list[str],
    silent: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    result = counted(read_patch(PATCH), [Counter(*row) for row in counters])
    assert result.reached == reached
    assert [one.site for one in result.contradicted] == contradicted
    assert list(result.silent) == silent
    show(result)
    out = capsys.readouterr().out
    assert all(site in out for site in (*(row[0] for row in counters), *silent))
    assert f"{len(contradicted)} outside of the scope" in out


def test_a_patch_that_asserts_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="asserts no site"):
        read_patch('+	{ .id = "x", .proven = false },\n')


def test_places_of_a_patch_are_those_of_the_tree_below_it() -> None:
    asserted = read_patch(PATCH)
    assert asserted.sites == {0: F, 1: G}
    a = "fs/toy/a.c"
    assert asserted.places == {(a, 9): (0,), (a, 11): (1,), (a, 12): ()}
    lost = {(a, 9): "why", (a, 12): "why", (a, 30): "why"}
    assert not_asserted(asserted, lost) == [(a, 12), (a, 30)]  # not proven; no counter at all


def test_hits_are_added_by_the_reason_of_a_mask() -> None:
    asserted = read_patch(PATCH)
    result = counted(asserted, [Counter(F, 3, 1), Counter(G, 0, 0)])
    assert by_kind(result, asserted, {("fs/toy/a.c", 9): "inside of a scope"}) == [
        "inside of a scope: 1 sites, 1 reached, 3 hits, 1 outside",
        "masks that are as they were: 1 sites, 0 reached, 0 hits, 0 outside",
    ]


OLD = "int a(int);\nint b = a(GFP_NOFS);\nint c = a(GFP_NOFS);\n"
SUBJECT = "toy: use GFP_KERNEL inside of the new nofs scopes"


def test_masks_that_rest_on_scopes_are_found_by_their_commits(tmp_path: Path) -> None:
    toy = toy_kernel(tmp_path / "toy", {"fs/a.c": OLD, "fs/b.c": OLD})
    toy.commit(SUBJECT, {"fs/a.c": OLD.replace("NOFS", "KERNEL", 1)})
    other = {
        "fs/b.c": OLD.replace("NOFS", "KERNEL"),
        "fs/a.c": "\n" + OLD.replace("NOFS", "KERNEL"),
    }
    toy.commit("toy: use GFP_KERNEL where nothing is held", other)
    found = resting_on_scopes(toy.path, toy.base, "HEAD")
    assert found == {("fs/a.c", 3): "use GFP_KERNEL inside of the new nofs scopes"}


def test_a_mask_that_cannot_be_followed_is_an_error(tmp_path: Path) -> None:
    toy = toy_kernel(tmp_path / "toy", {"fs/a.c": OLD})
    toy.commit(SUBJECT, {"fs/a.c": OLD.replace("NOFS", "KERNEL")})
    toy.commit("toy: something else", {"fs/a.c": OLD.replace("a(GFP_NOFS)", "b(GFP_KERNEL)", 1)})
    with pytest.raises(InputError, match="2 masks lose NOFS, but 0 lines are left"):
        resting_on_scopes(toy.path, toy.base, "HEAD")
