"""The benchmark measures the right thing and says when a budget is not kept."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.measure import Job, Timing, measure, spatch
from bench.run import HERE, Budget, Entry, entries, row
from convert.errors import InputError

JOB = Job("job", ("true",))


@pytest.mark.parametrize(
    ("timing", "kept"),
    [
        pytest.param(Timing(10.0, 9.0, 500.0, 5), "kept", id="at-the-limit"),
        pytest.param(Timing(10.1, 9.0, 100.0, 5), "OVER", id="too-slow"),
        pytest.param(Timing(1.0, 9.0, 501.0, 5), "OVER", id="too-large"),
    ],
)
def test_a_budget_is_of_time_and_memory(timing: Timing, kept: str) -> None:
    assert row(Entry(JOB, Budget(10)), timing, [])[-1] == kept


def test_ratios_are_to_each_rival() -> None:
    rivals = [Timing(9.0, 2.0, 1.0, 5), Timing(9.0, 8.0, 1.0, 5)]
    cells = row(Entry(JOB, Budget(10)), Timing(9.0, 4.0, 1.0, 5), rivals)
    assert cells[4:6] == ("2.00", "0.50")
    assert row(Entry(JOB), Timing(4.0, 4.0, 1.0, 5), [])[4:] == ("", "", "", "")


def test_cold_runs_get_an_empty_cache_and_others_share_one(tmp_path: Path) -> None:
    script = (
        "import os, pathlib\n"
        "cache = pathlib.Path(os.environ['XDG_CACHE_HOME'])\n"
        "with open('seen', 'a') as seen: print(len(list(cache.iterdir())), file=seen)\n"
        "(cache / 'x').touch()\n"
    )
    command = (sys.executable, "-c", script)
    assert measure(Job("cold", command, cold=True), tmp_path, 2).runs == 2
    assert measure(Job("warm", command), tmp_path, 2).runs == 2
    assert (tmp_path / "seen").read_text().split() == ["0", "0", "0", "1", "1"]


@pytest.mark.parametrize(
    ("codes", "fails"), [pytest.param((0,), True, id="error"), pytest.param((0, 3), False, id="ok")]
)
def test_only_a_job_that_did_its_work_is_measured(
    tmp_path: Path, codes: tuple[int, ...], fails: bool
) -> None:
    job = Job("j", (sys.executable, "-c", "import sys; sys.exit(3)"), codes=codes)
    if fails:
        with pytest.raises(InputError, match="j: exit code 3"):
            measure(job, tmp_path, 1)
    else:
        assert measure(job, tmp_path, 1).memory > 1


def test_without_coccinelle_only_our_jobs_are_measured(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert all(entry.budget for entry in entries("tree", "fs", everything=True))


@pytest.mark.skipif(shutil.which("spatch") is None, reason="Coccinelle is not installed")
@pytest.mark.parametrize(
    ("patch", "code", "expected"),
    [
        pytest.param("simple", "kmem_free(p);", "kvfree(p);", id="simple-free"),
        pytest.param(
            "simple",
            "p = kmem_alloc(1, 0);",
            "p = kmalloc(1, GFP_KERNEL | __GFP_NOFAIL);",
            id="simple",
        ),
        pytest.param("simple", "p = kmem_alloc(1, v);", None, id="simple-leaves-variables"),
        pytest.param(
            "expert",
            "p = kmem_zalloc(1, KM_MAYFAIL | KM_NOFS);",
            "p = kzalloc(1, GFP_NOFS | __GFP_RETRY_MAYFAIL);",
            id="expert-any-order",
        ),
        pytest.param("expert", "kmem_free(p);", "kvfree(p);", id="expert-free"),
    ],
)
def test_the_rivals_do_their_work(
    tmp_path: Path, patch: str, code: str, expected: str | None
) -> None:
    (tmp_path / "a.c").write_text(f"void f(void *p, int v)\n{{\n\t{code}\n}}\n")
    command = spatch(HERE / f"{patch}.cocci", ["."])
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    added = [line[1:].strip() for line in done.stdout.splitlines() if line.startswith("+\t")]
    assert added == ([expected] if expected else [])
