"""Work beside: what it makes and raises comes back, what it does is told, nothing of it stays."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from convert.errors import InputError, InternalCheckError
from convert.progress import Progress, silent
from convert.verify.beside import beside
from convert.verify.process import run
from tests.verify.test_killed import PATIENCE, ROOT, processes, until


def failing(error: Exception) -> Callable[[Progress], int]:
    def work(_: Progress) -> int:
        raise error

    return work


def killed(_: Progress) -> int:
    os.kill(os.getpid(), signal.SIGKILL)
    return 0


def test_what_the_work_makes_comes_back_and_both_are_told() -> None:
    said: list[str] = []

    def counting(progress: Progress) -> int:
        progress("counting")
        return os.getpid()

    with beside(counting, said.append) as other:
        other.progress("waiting")
        process = other.result()
        other.progress("alone")
    assert process != os.getpid()
    assert "waiting; beside it counting" in said or "counting" in said  # whoever is first
    assert said[-1] == "alone"


@pytest.mark.parametrize(
    ("work", "kind", "text"),
    [
        pytest.param(failing(InputError("a.c: no such file")), InputError, "a.c: no", id="input"),
        pytest.param(failing(ValueError("odd")), ValueError, "odd", id="a defect of ours"),
        pytest.param(lambda _: lambda: 0, AttributeError, "pickle", id="cannot be handed over"),
        pytest.param(killed, InternalCheckError, "ended from outside", id="killed"),
    ],
)
def test_what_ends_the_work_is_raised_here(
    work: Callable[[Progress], object], kind: type[Exception], text: str
) -> None:
    with pytest.raises(kind, match=text), beside(work, silent) as other:
        other.result()


def test_the_body_does_not_go_on_for_long_when_the_work_has_failed() -> None:
    end = time.monotonic() + PATIENCE
    with (
        pytest.raises(InputError) as raised,
        beside(failing(InputError("gone")), silent) as other,
    ):
        while time.monotonic() < end:
            other.progress("still busy")
            time.sleep(0.01)
    assert str(raised.value) == "gone"  # the command line shows no more


def hanging(place: Path) -> Callable[[Progress], int]:
    """Work that waits for a program, and leaves a word if it can clean up."""

    def work(progress: Progress) -> int:
        progress("hanging")
        try:
            return run(["sleep", "617"], place, guard=True).code
        finally:
            (place / "cleaned").touch()

    return work


def test_work_that_is_left_behind_is_stopped_and_may_clean_up(tmp_path: Path) -> None:
    said = threading.Event()
    with (
        pytest.raises(KeyboardInterrupt),
        beside(hanging(tmp_path), lambda _: said.set()),
    ):
        assert said.wait(PATIENCE)
        assert until(lambda: bool(processes("sleep 617")))
        raise KeyboardInterrupt
    assert (tmp_path / "cleaned").exists()
    assert until(lambda: not processes("sleep 617"))


@pytest.mark.parametrize("guard", [False, True])
def test_a_signal_while_a_program_is_started_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, guard: bool
) -> None:
    real = subprocess.Popen

    def slow(command: list[str], **options: object) -> subprocess.Popen[bytes]:
        process: subprocess.Popen[bytes] = real(command, **options)  # type: ignore[call-overload]
        if command[0] == ("/bin/sh" if guard else "sleep"):
            signal.raise_signal(signal.SIGINT)  # the caller does not have the process yet
        return process

    monkeypatch.setattr(subprocess, "Popen", slow)
    with pytest.raises(KeyboardInterrupt):
        run(["sleep", "621"], tmp_path, guard=guard)
    assert until(lambda: not processes("sleep 621"))


def test_nothing_outlives_a_program_that_is_killed(tmp_path: Path) -> None:
    script = (
        "import sys, time\nfrom pathlib import Path\n"
        "from convert.verify.beside import beside\nfrom convert.verify.process import run\n"
        "work = lambda _: run(['sleep', '619'], Path(sys.argv[1]), guard=True)\n"
        "with beside(work, lambda _: None):\n    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    ) as process:
        assert until(lambda: bool(processes("sleep 619")))
        assert len(processes(f"time.sleep(600)\n {tmp_path}")) == 2
        process.kill()
    assert until(lambda: not processes("sleep 619"))
    assert until(lambda: not processes(str(tmp_path)))
