"""Starting kernels as processes, and ending them: none outlives this program."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Event
from typing import Literal

import convert
from convert.verify.boot.console import read_console
from convert.verify.boot.guest.plan import MARK, GuestPlan, Phase
from convert.verify.boot.patching import render
from convert.verify.boot.profile import Boot, BootProfile
from convert.verify.process import clean_environment

_GUEST = "verify.boot.guest.main"
_POLL = 0.1  # seconds
_DYING = 2.0  # seconds that killed processes are given to be gone
_BEFORE_KILL = 1.0  # seconds of writing between the guest's word and its death
_KILL = f"{MARK} kill".encode()
TOOLS = (("taskset", "util-linux"), ("setpriv", "util-linux"), ("mount", "mount"))

SOCKET = "uml/guest/mconsole"  # where in its place a kernel has its console's socket

Ending = Literal["halted", "killed", "out of time", "stopped"]


class BootsStopped(Exception):
    """The boot was ended because the whole run ends."""


@dataclass(frozen=True)
class Booted:
    """One boot. console: all it said; ending: how it ended ("killed": on purpose).

    repeated: the kernel hung before, without a word, and this is the second try.
    """

    name: str
    console: str
    ending: Ending
    seconds: float
    repeated: bool = False

    @property
    def hung_silently(self) -> bool:
        """It went over its time, and reported nothing in its last phase."""
        return (
            self.ending == "out of time" and not read_console(self.name, self.console)[-1].reports
        )


@dataclass(frozen=True)
class Machine:
    """Where one kernel runs: ``place`` is a directory for it alone, ``cpu`` its processor.

    The guest sees the host's files read-only; it can write to the disks and to memory, and both
    are in ``place`` or go with the process.
    """

    program: Path
    profile: BootProfile
    place: Path
    cpu: int | None
    stop: Event

    def boot_all(self, progress: Callable[[str], None]) -> Iterator[Booted]:
        """Start the kernel once for each boot of the profile; the disks are kept between.

        A boot that hangs without a report is repeated once. Raises BootsStopped when ``stop`` was
        set.
        """
        for name, size in zip(self._disks, self.profile.disk_mb, strict=True):
            with (self.place / name).open("wb") as disk:
                disk.truncate(size << 20)  # sparse: it takes the space that is written
        for directory in ("mount", "scratch", "uml"):
            (self.place / directory).mkdir()
        for boot in self.profile.boot:
            progress(f"booting: {boot.name}, {len(boot.phase)} phases")
            booted = self._boot(boot)
            if booted.hung_silently:
                # Kernels of this kind hang by themselves at times; a deadlock hangs every time.
                progress(f"{boot.name} hung without a report: once more")
                booted = replace(self._boot(boot), repeated=True)
            yield booted

    @property
    def _disks(self) -> tuple[str, ...]:
        return tuple(f"disk{number}" for number in range(len(self.profile.disk_mb)))

    def _boot(self, boot: Boot) -> Booted:
        self._write_guest(boot)
        console = self.place / "console"
        start = time.monotonic()
        with console.open("wb") as output:
            process = subprocess.Popen(
                self._command(boot),
                cwd=self.place,
                env=clean_environment({"TMPDIR": "/tmp", "HOME": str(self.place)}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            with process:
                try:
                    ending = self._wait(process, console, boot.seconds)
                finally:
                    end_group(process)
        seconds = time.monotonic() - start
        text = console.read_bytes().decode("utf-8", "replace").replace("\r", "")
        text = text.replace(str(self.place), "PLACE")  # it has another name in every run
        return Booted(boot.name, text, ending, seconds)

    def _wait(self, process: subprocess.Popen[bytes], console: Path, seconds: int) -> Ending:
        start = time.monotonic()
        heard = b""
        with console.open("rb") as said:
            while process.poll() is None:
                if self.stop.wait(_POLL):
                    raise BootsStopped
                heard = heard[-len(_KILL) :] + said.read()  # the word may come in two pieces
                if _KILL in heard:
                    time.sleep(_BEFORE_KILL)
                    return "killed"
                if time.monotonic() - start > seconds * crowding():
                    return "out of time"
        return "halted"

    def _write_guest(self, boot: Boot) -> None:
        plan = self.place / "plan.json"
        phases = tuple(_with_fsck(phase, self.profile.fsck) for phase in boot.phase)
        filesystem, mount = self.profile.filesystem, self.place / "mount"
        GuestPlan(filesystem, "/dev/ubda", str(mount), phases).save(plan)
        init = self.place / "init"
        text = render(
            "init.sh.j2",
            scratch=self.place / "scratch",
            python=Path(sys.executable).resolve(),
            path=Path(convert.__file__).resolve().parents[1],
            module=_GUEST,
            plan=plan,
        )
        init.write_text(text, encoding="utf-8")
        init.chmod(0o755)

    def _command(self, boot: Boot) -> list[str]:
        disks = [f"ubd{n}={self.place / name}" for n, name in enumerate(self._disks)]
        pinned = [] if self.cpu is None else ["taskset", "--cpu-list", str(self.cpu)]
        return [
            *("setpriv", "--pdeathsig", "KILL", "--", *pinned),
            *(str(self.program), f"mem={boot.memory_mb}M", *disks, f"init={self.place / 'init'}"),
            *("rootfstype=hostfs", "rootflags=/", "ro", "con=null", "con0=null,fd:1"),
            *("printk.devkmsg=on", "ignore_loglevel", "oops=panic", "panic=1"),
            *(
                "sysctl.kernel.hung_task_timeout_secs=120",
                "umid=guest",
                f"uml_dir={self.place}/uml",
            ),
        ]


def _with_fsck(phase: Phase, usual: tuple[str, ...]) -> Phase:
    return phase if phase.fsck is not None else replace(phase, fsck=usual)


def end_group(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and all that it started, and wait until they are gone.

    The wait for those that are not ours to reap has an end: an init that reaps nothing leaves them
    as zombies.
    """
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    end = time.monotonic() + _DYING
    with suppress(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(_POLL / 10)


def crowding() -> float:
    """How much longer things take than on a quiet machine: those that run, a processor; from 1."""
    return max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))


def no_core_dumps() -> None:
    """A kernel that dies must not leave its memory in a file."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))


def processors() -> tuple[int | None, ...]:
    """The processors of which each can run one kernel."""
    return tuple(sorted(os.sched_getaffinity(0))) or (None,)
