"""The workload's own parts, run on this machine's files; they see what a filesystem gets wrong."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.verify.boot.guest import files, pressure, stubborn
from convert.verify.boot.guest.children import Inapplicable, Outcome, Worked, Wrong, in_child
from convert.verify.boot.guest.main import PhaseTimeout
from convert.verify.boot.guest.place import NotHere, Place, WorkFailed, command, same


def raising(error: BaseException) -> Callable[[], None]:
    def work() -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("work", "wanted"),
    [
        pytest.param(lambda: None, Worked(), id="done"),
        pytest.param(raising(NotHere("no quota")), Inapplicable("no quota"), id="not here"),
        pytest.param(raising(WorkFailed("two lines")), Wrong("two lines"), id="wrong result"),
        pytest.param(
            raising(OSError(errno.EIO, "Input/output error")),
            Wrong("[Errno 5] Input/output error", errno.EIO),
            id="system error",
        ),
        pytest.param(raising(MemoryError()), Wrong("MemoryError", errno.ENOMEM), id="no memory"),
        pytest.param(
            raising(KeyError("x")), Wrong("the process died"), id="fault of the work's own"
        ),
        pytest.param(lambda: os.kill(os.getpid(), 9), Wrong("the process was killed"), id="killed"),
    ],
)
def test_the_outcome_of_a_work(work: Callable[[], None], wanted: Outcome) -> None:
    assert in_child(work) == wanted


def test_files_that_a_work_leaves_open_are_closed(tmp_path: Path) -> None:
    def work() -> None:
        os.open(tmp_path / "file", os.O_CREAT | os.O_RDWR)
        raise WorkFailed("left it open")

    before = sorted(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the names alone
    assert in_child(work) == Wrong("left it open")
    assert sorted(os.listdir("/proc/self/fd")) == before  # noqa: PTH208


def test_a_child_is_killed_with_the_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    def out_of_time(*_: object) -> None:
        raise PhaseTimeout

    old = signal.signal(signal.SIGALRM, out_of_time)
    try:
        signal.alarm(1)
        with pytest.raises(PhaseTimeout):
            in_child(lambda: time.sleep(60))
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, old)


@pytest.mark.parametrize(
    "work",
    [files.links, files.renames, files.truncates, files.allocations, files.directories],
    ids=lambda work: str(work.__name__),
)
def test_works_pass_on_a_filesystem_that_is_right(
    work: Callable[[Place], None], tmp_path: Path
) -> None:
    try:
        work(Place(tmp_path, "none", 20))
    except NotHere:
        pytest.skip("this filesystem does not have it")
    assert list(tmp_path.iterdir())


def test_a_work_notices_what_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "read_bytes", lambda self: b"x" * 10)
    with pytest.raises(WorkFailed, match="instead of b''"):
        files.truncates(Place(tmp_path, "none", 20))


def test_the_same_name_twice_gives_two_directories(tmp_path: Path) -> None:
    place = Place(tmp_path, "none")
    assert [place.directory("a").name for _ in range(3)] == ["a", "a-1", "a-2"]


def test_a_command_that_fails_says_its_last_lines() -> None:
    assert command(["echo", "fine"]) == "fine\n"
    with pytest.raises(WorkFailed, match=r"exit code 3: one \| two"):
        command(["sh", "-c", "echo one; echo two; exit 3"])
    with pytest.raises(WorkFailed, match="no-such-program: No such file"):
        command(["no-such-program"])


def test_same() -> None:
    same("size", 3, 3)
    with pytest.raises(WorkFailed, match="size: 4 instead of 3"):
        same("size", 4, 3)


def test_a_stubborn_work_goes_on_over_errors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns = iter(range(1_000_000))
    write = os.pwrite

    def failing(file: int, data: bytes, offset: int) -> int:
        if next(turns) % 3 == 0:
            raise OSError(errno.ENOMEM, "out of memory")
        return write(file, data, offset)

    monkeypatch.setattr(os, "pwrite", failing)
    monkeypatch.setattr(os, "chown", lambda *_: None)
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(stubborn, "_DROP", tmp_path / "drop")
    stubborn.stubborn(Place(tmp_path, "none", 30))
    assert list((tmp_path / "stubborn").glob("d*/f*"))


def test_a_stubborn_work_that_does_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sync", lambda: None)
    monkeypatch.setattr(stubborn, "_DROP", tmp_path / "drop")
    top = tmp_path / "file"
    top.write_bytes(b"")  # nothing can be made below it
    with pytest.raises(WorkFailed, match="not one step"):
        stubborn.stubborn(Place(top, "none", 2))


def test_injected_failures_are_what_the_kernel_counted_down(tmp_path: Path) -> None:
    for kind, left in (("failslab", 1_999_999_990), ("fail_page_alloc", 2_000_000_000)):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "times").write_text(f"{left}\n")
    assert pressure.injected(tmp_path) == {"failslab": 10, "fail_page_alloc": 0}
