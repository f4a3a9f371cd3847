"""Whatever ends a verification: no process, no directory and nothing in the repository stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.verify.build import missing_tool
from convert.verify.process import run as run_program
from convert.verify.workplace import workplace
from tests.support import git, snapshot
from tests.verify.fakekernel import LIST, FakeKernel, fake_kernel, function

needs_tools = pytest.mark.skipif(missing_tool() is not None, reason=str(missing_tool()))
GOOD = function("minfs_good", "\treturn bytes ? 0 : -EINVAL;")
ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 60  # seconds until a test gives up; nothing is measured


def until(condition: Callable[[], bool]) -> bool:
    """Wait for something to come true."""
    end = time.monotonic() + PATIENCE
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def processes(word: str) -> list[str]:
    """The command lines of running processes that name a word."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = place.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
        if word in line and int(place.parent.name) != os.getpid():
            found.append(line)
    return found


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    return fake_kernel(tmp_path / "kernel")


@contextmanager
def verifying(
    kernel: FakeKernel, tmp_path: Path, hangs: bool = True
) -> Iterator[subprocess.Popen[bytes]]:
    """Verify a series whose first commit makes make hang; yields when it hangs."""
    steps = [("hangs", {"HANGS": "x\n", LIST: GOOD})] if hangs else [("good", {LIST: GOOD})]
    series = tmp_path / "series"
    if not series.exists():
        kernel.series(series, steps)
    script = "import sys; sys.argv[0] = 'kmem-convert'; from convert.cli import main; main()"
    words = ["verify", str(series), "--tree", str(kernel.path), "--build"]
    environment = {
        **os.environ,
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONPATH": str(ROOT),
    }
    with subprocess.Popen(
        [sys.executable, "-c", script, *words],
        env=environment,
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def places(tmp_path: Path) -> list[str]:
    """What lies where the work is done, but for the lock of the place itself."""
    work = tmp_path / "cache/kmem-convert/verify/work"
    return [path.name for path in work.iterdir() if path.name != ".lock"] if work.is_dir() else []


@needs_tools
@pytest.mark.parametrize(
    ("number", "code", "said"),
    [
        pytest.param(signal.SIGTERM, 143, "terminated; nothing was written", id="SIGTERM"),
        pytest.param(signal.SIGHUP, 129, "terminated; nothing was written", id="SIGHUP"),
        pytest.param(signal.SIGINT, 130, "interrupted; nothing was written", id="SIGINT"),
    ],
)
def test_a_signal_leaves_nothing(
    number: signal.Signals, code: int, said: str, kernel: FakeKernel, tmp_path: Path
) -> None:
    with verifying(kernel, tmp_path) as process:
        before = snapshot(kernel.path)
        assert until(lambda: bool(processes(f"{tmp_path}/cache")))
        assert until(lambda: any("sleep" in line for line in processes("sleep 613")))
        process.send_signal(number)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == code
    assert said in errors.decode()
    assert places(tmp_path) == []
    assert until(lambda: processes(f"{tmp_path}/cache") == [])
    assert snapshot(kernel.path) == before
    assert git(kernel.path, "worktree", "list").count("\n") == 0


@needs_tools
def test_after_sigkill_the_children_end_and_the_next_run_cleans_up_and_says_so(
    kernel: FakeKernel, tmp_path: Path
) -> None:
    with verifying(kernel, tmp_path) as process:
        assert until(lambda: any("sleep" in line for line in processes("sleep 613")))
        process.kill()
    assert until(lambda: processes(f"O={tmp_path}/cache") == [])  # make and all below it
    (left,) = [name for name in places(tmp_path) if not name.startswith(".")]
    (tmp_path / "series/0001-hangs.patch").unlink()
    (tmp_path / "series").rename(tmp_path / "old")
    with verifying(kernel, tmp_path, hangs=False) as process:
        out, _ = process.communicate(timeout=4 * PATIENCE)
    assert f"{left}" in out.decode()
    assert "removed what a killed run left" in out.decode()
    assert places(tmp_path) == []


def test_a_place_in_use_is_left_alone_and_one_that_was_left_is_removed(tmp_path: Path) -> None:
    root = tmp_path / "work"
    with workplace(None, root) as first:
        (first.directory / "file").write_text("x")
        with workplace(None, root) as second:
            assert second.removed == ()
            assert second.directory != first.directory
        assert (first.directory / "file").exists()
    assert not first.directory.exists()
    left = root / "run-left"
    left.mkdir()
    (left / "file").write_text("x")
    with workplace(None, root) as third:
        assert third.removed == (left,)
        assert not left.exists()
    assert [path.name for path in root.iterdir()] == [".lock"]


def test_a_kept_place_stays_and_is_used_by_one_run_at_a_time(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    with workplace(kept, tmp_path / "work") as place:
        (place.directory / "file").write_text("x")
        with pytest.raises(InputError, match="another verification"), workplace(kept, tmp_path):
            pass
    with workplace(kept, tmp_path / "work") as place:
        assert (place.directory / "file").read_text() == "x"
    (tmp_path / "a-file").write_text("x")
    with pytest.raises(InputError, match="cannot be used"), workplace(tmp_path / "a-file", kept):
        pass


@pytest.mark.parametrize("guard", [False, True])
def test_a_guarded_program_gives_the_same_output(guard: bool, tmp_path: Path) -> None:
    done = run_program(["sh", "-c", "cat; exit 3"], tmp_path, stdin="text", guard=guard)
    assert (done.code, done.output) == (3, "text")
