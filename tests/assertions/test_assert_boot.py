"""What scripts/assert_boot.py makes of a patch and the counters of a boot."""

from __future__ import annotations

import pytest

from convert.errors import InputError
from convert.verify.boot.console import Counter
from scripts.assert_boot import counted, show

PATCH = """\
+	{ .id = "fs/toy/a.c:f:scope:kmalloc:1", .proven = true },
+	{ .id = "fs/toy/a.c:g:scope:kmalloc:1", .proven = true },
+	{ .id = "fs/toy/a.c:h:scope:kmalloc:1", .proven = false },
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
    result = counted(PATCH, [Counter(*row) for row in counters])
    assert result.reached == reached
    assert [one.site for one in result.contradicted] == contradicted
    assert list(result.silent) == silent
    show(result)
    out = capsys.readouterr().out
    assert all(site in out for site in (*(row[0] for row in counters), *silent))
    assert f"{len(contradicted)} outside of the scope" in out


def test_a_patch_that_asserts_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="asserts no site"):
        counted('+	{ .id = "x", .proven = false },\n', [])
