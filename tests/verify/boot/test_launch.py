"""Kernels run as processes and none outlives its time; here a script stands for the kernel."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path
from threading import Event, Timer

import pytest

from convert.verify.boot.checks import unsuited
from convert.verify.boot.guest.plan import GuestPlan
from convert.verify.boot.launch import TOOLS, Booted, BootsStopped, Machine
from convert.verify.process import first_missing
from tests.verify.boot.test_compare import PROFILE

pytestmark = pytest.mark.skipif(first_missing(TOOLS) is not None, reason=str(first_missing(TOOLS)))
ENDLESS = 'sleep 1000 &\necho "child $!"\nwait'


def machine(tmp_path: Path, script: str, seconds: int = 30, stop: Event | None = None) -> Machine:
    program = tmp_path / "linux"
    program.write_text(f"#!/bin/sh\n{textwrap.dedent(script)}\n")
    program.chmod(0o755)
    (boot,) = PROFILE.boot
    profile = PROFILE.model_copy(update={"boot": (boot.model_copy(update={"seconds": seconds}),)})
    place = tmp_path / "place"
    place.mkdir()
    return Machine(program, profile, place, None, stop or Event())


def boots(machine: Machine) -> list[Booted]:
    return list(machine.boot_all(lambda _: None))


def alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def child_of(text: str) -> int:
    return int(text.partition("child ")[2].split()[0])


def test_a_kernel_that_halts(tmp_path: Path) -> None:
    (booted,) = boots(machine(tmp_path, 'echo "$@"; ulimit -c'))
    assert booted.ending == "halted"
    words = booted.console.split()
    for word in ("mem=256M", "ro", "rootfstype=hostfs", "init=PLACE/init"):
        assert word in words
    assert (tmp_path / "place/disk0").stat().st_size == 64 << 20


def test_the_guest_is_told_its_phases(tmp_path: Path) -> None:
    boots(machine(tmp_path, "true"))
    plan = GuestPlan.load(tmp_path / "place/plan.json")
    assert [phase.name for phase in plan.phases] == ["one", "two"]
    assert {phase.fsck for phase in plan.phases} == {("fsck.toy", "{device}")}
    init = (tmp_path / "place/init").read_text()
    assert init.startswith("#!/bin/sh\n")
    assert "{{" not in init


def test_a_kernel_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    (booted,) = boots(machine(tmp_path, ENDLESS, seconds=1))
    assert booted.ending == "out of time"
    assert not alive(child_of(booted.console))


HANGS_ONCE = """\
    echo "[ 1.0] kmem-convert-boot: begin one"
    echo "[ 1.1] {}"
    test -e ../second || {{ touch ../second; sleep 1000; }}
    echo "[ 1.2] kmem-convert-boot: done"
"""


@pytest.mark.parametrize(
    ("message", "ending"),
    [
        pytest.param("toy: mounted", "halted", id="without a word"),
        pytest.param("INFO: task x:3 blocked for more than 120 s", "out of time", id="reported"),
    ],
)
def test_only_a_kernel_that_hangs_without_a_report_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, message: str, ending: str
) -> None:
    monkeypatch.setattr("convert.verify.boot.launch.crowding", lambda: 1.0)
    (booted,) = boots(machine(tmp_path, HANGS_ONCE.format(message), seconds=2))
    assert booted.ending == ending
    assert booted.repeated is (ending == "halted")


def test_the_name_of_the_directory_is_not_part_of_what_was_said(tmp_path: Path) -> None:
    (booted,) = boots(machine(tmp_path, 'echo "mounted at $PWD/mount"'))
    assert booted.console == "mounted at PLACE/mount\n"


def test_a_kernel_that_asks_for_it_is_killed(tmp_path: Path) -> None:
    script = 'echo "[ 1.0] kmem-convert-boot: kill"\n' + ENDLESS
    (booted,) = boots(machine(tmp_path, script))
    assert booted.ending == "killed"
    assert not alive(child_of(booted.console))


def test_a_boot_ends_when_the_run_is_stopped(tmp_path: Path) -> None:
    stop = Event()
    Timer(0.5, stop.set).start()
    with pytest.raises(BootsStopped):
        boots(machine(tmp_path, ENDLESS, stop=stop))
    assert not alive(child_of((tmp_path / "place/console").read_text()))


def test_a_kernel_dies_with_a_program_that_is_killed(tmp_path: Path) -> None:
    """Even SIGKILL, which nobody can catch, leaves no kernel running."""
    made = machine(tmp_path, "exec sleep 1000")
    code = (
        "import sys; from pathlib import Path; from threading import Event\n"
        "from convert.verify.boot.launch import Machine\n"
        "from tests.verify.boot.test_compare import PROFILE\n"
        "m = Machine(Path(sys.argv[1]), PROFILE, Path(sys.argv[2]), None, Event())\n"
        "list(m.boot_all(lambda text: print('started', flush=True)))\n"
    )
    top = Path(__file__).parents[3]
    words = [sys.executable, "-c", code, str(made.program), str(made.place)]
    with subprocess.Popen(words, cwd=top, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        kernels: list[int] = []
        for _ in range(100):
            kernels = children(process.pid)
            if kernels and "sleep" in Path(f"/proc/{kernels[0]}/cmdline").read_text():
                break
            time.sleep(0.05)
        process.kill()
    assert kernels
    for _ in range(100):
        if not alive(kernels[0]):
            break
        time.sleep(0.05)
    assert not alive(kernels[0])


def children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(word) for task in tasks for word in task.read_text().split()]


def test_nothing_is_left_in_the_directory_above(tmp_path: Path) -> None:
    boots(machine(tmp_path, "true"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["linux", "place"]


@pytest.mark.parametrize(
    ("length", "over"),
    [
        pytest.param(40, 0, id="short"),
        pytest.param(61, 0, id="as long as can be"),
        pytest.param(62, 1, id="one more"),
        pytest.param(200, 139, id="long"),
    ],
)
def test_a_place_too_long_for_a_socket_is_named_before_anything_is_built(
    length: int, over: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = "/" + "x" * (length - 1)
    monkeypatch.setattr(tempfile, "tempdir", place)
    wanted = f"{place}: {over} characters too long for the sockets in it; shorten TMPDIR"
    assert unsuited() == (wanted if over else "")


def test_the_name_of_the_longest_socket_can_be_bound() -> None:
    with tempfile.TemporaryDirectory(prefix="k") as name:
        full = name + "/" + "x" * (107 - len(name) - 1)
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(full)
            with pytest.raises(OSError, match="too long"):
                one.bind(full + "x")
