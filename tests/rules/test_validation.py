"""Translation validation stops a run whose edits are wrong, whoever made them wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from convert.errors import InternalCheckError
from convert.pipeline import Options, make_plan
from convert.rules import calls
from convert.rules.calls import CallChange
from convert.source.edits import Edit
from tests.corpus.cases import MINIKERNEL
from tests.sites.memory_tree import MemoryTree

PATH = "fs/minfs"
CODE = """#include "minfs.h"

void *case_alloc(size_t size, bool x)
{
	void *p = kmem_zalloc(size, KM_NOFS);

	if (x)
		p = kmem_alloc(size, x ? KM_MAYFAIL : KM_NOFS);
	return p;
}
"""


def run(cache: Path) -> None:
    files: dict[str, str | bytes] = {
        str(path.relative_to(MINIKERNEL)): path.read_bytes()
        for path in MINIKERNEL.rglob("*")
        if path.is_file()
    }
    names = (f"{PATH}/kmem.c", f"{PATH}/minfs_dquot.c")
    small = {p: data for p, data in files.items() if p.endswith((".h", "Makefile")) or p in names}
    make_plan(MemoryTree({**small, f"{PATH}/a.c": CODE}), [PATH], Options(cache_dir=cache))


def test_right_edits_pass(tmp_path: Path) -> None:
    run(tmp_path)


def retext(change: CallChange, old: str, new: str) -> CallChange:
    edits = tuple(Edit(e.span, e.text.replace(old, new)) for e in change.edits)
    return replace(change, edits=edits)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        pytest.param(
            lambda c: retext(c, " | __GFP_NOFAIL", ""), "may_fail=True", id="never-fail lost"
        ),
        pytest.param(
            lambda c: retext(c, "GFP_NOFS", "GFP_KERNEL"), "fs_reclaim=True", id="nofs lost"
        ),
        pytest.param(lambda c: retext(c, "kzalloc", "kmalloc"), "promises", id="zeroing lost"),
        pytest.param(
            lambda c: retext(c, "GFP_NOFS", "GFP_NOFS | __GFP_NOLOCKDEP"),
            "nolockdep=True",
            id="a bit more",
        ),
        pytest.param(
            lambda c: retext(c, "kzalloc", "kvfree"), "no known allocator", id="another function"
        ),
        pytest.param(
            lambda c: retext(c, "__GFP_NOFAIL", "__GFP_NOFAIL)"), "does not parse", id="broken C"
        ),
        pytest.param(
            lambda c: retext(c, "GFP_NOFS", "f(GFP_NOFS)"), "other calls", id="a call more"
        ),
    ],
)
def test_wrong_edits_stop_the_run(
    spoil: Callable[[CallChange], CallChange],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    right = calls.convert_allocation

    def wrong(*words: object, **more: object) -> object:
        change = right(*words, **more)  # type: ignore[arg-type]
        return spoil(change) if isinstance(change, CallChange) else change

    monkeypatch.setattr("convert.rules.wrapper_sites.convert_allocation", wrong)
    with pytest.raises(InternalCheckError, match=message) as caught:
        run(tmp_path)
    assert caught.value.exit_code == 3
