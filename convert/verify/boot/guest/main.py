"""The guest's first process after the init script: runs the phases, then powers off.

What it has to say goes into the kernel's log, between the kernel's own messages, so that the host
sees what the kernel said in which phase.
"""

from __future__ import annotations

import contextlib
import errno
import random
import shlex
import signal
import sys
import time
import traceback
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from types import FrameType

from convert.verify.boot.guest import calls, pressure
from convert.verify.boot.guest.children import Inapplicable, Wrong, in_child
from convert.verify.boot.guest.place import Place, WorkFailed, command
from convert.verify.boot.guest.plan import MARK, Evidence, GuestPlan, Phase
from convert.verify.boot.guest.works import WORKS, Work

_WANT_OF_MEMORY = {errno.ENOMEM, errno.EAGAIN, errno.ENOBUFS}
_STOPPED = {errno.EIO, errno.EUCLEAN, errno.EROFS}
_LINE = 900  # the kernel takes about 1,000 bytes at once
_COUNTERS = ("/proc/kmem-convert-assert", "/proc/kmem-convert-results")


def say(*words: object) -> None:
    """Write a line into the kernel's log; one line a call, in the order of the calls."""
    text = " ".join(str(word) for word in words).replace("\n", " ")
    with Path("/dev/kmsg").open("wb", buffering=0) as log:
        log.write(f"<6>{MARK} {text}"[:_LINE].encode("utf-8", "replace") + b"\n")


class PhaseTimeout(Exception):
    """A phase took longer than its profile allows."""


class Run:
    """The phases of one boot."""

    def __init__(self, plan: GuestPlan) -> None:
        self._plan = plan
        self._top = Path(plan.mount)

    def all(self) -> None:
        """Run every phase; one that fails does not stop the others."""
        for phase in self._plan.phases:
            start = time.monotonic()
            say("begin", phase.name)
            verdict = self._judged(phase)
            say("end", phase.name, f"{time.monotonic() - start:.2f}", verdict)

    def _judged(self, phase: Phase) -> str:
        signal.alarm(phase.seconds)
        try:
            with _settings(phase):
                self._phase(phase)
        except PhaseTimeout:
            self._clear()
            return f"failed: not finished after {phase.seconds} s"
        except (OSError, WorkFailed) as error:
            frame = traceback.extract_tb(error.__traceback__)[-1]
            self._clear()
            return f"failed: {error} ({frame.name})"
        finally:
            signal.alarm(0)
        return "passed"

    def _phase(self, phase: Phase) -> None:
        if phase.mkfs:
            command([self._filled(word) for word in phase.mkfs])
        calls.mount(self._plan.device, self._top, self._plan.filesystem, phase.mount)
        if phase.kill:
            works = [WORKS[name] for name in phase.works]
            pressure.until_killed(Place(self._top, self._plan.device), works, lambda: say("kill"))
        elif phase.faults:
            self._with_faults(phase)
        else:
            with _growing(phase.evidence):  # before unmounting, which frees everything anyway
                for name in phase.works:
                    self._work(phase, name)
        self._unmount()
        if phase.fsck:
            command([self._filled(word) for word in phase.fsck])

    def _work(self, phase: Phase, name: str) -> None:
        """One work or command; a question mark before it: its failure is only noted."""
        plain = name.removeprefix("?")
        try:
            if plain.startswith("$"):
                command([self._filled(word) for word in shlex.split(plain[1:])])
            else:
                self._named(phase, plain)
        except (OSError, WorkFailed) as error:
            if plain == name:
                raise
            say("note", phase.name, error)

    def _named(self, phase: Phase, name: str) -> None:
        kind, _, amount = name.partition(":")
        # The same numbers in every boot: what differs must come from the kernel.
        place = Place(self._top, self._plan.device, int(amount or 0), random.Random(name))
        start = time.monotonic()
        outcome = in_child(lambda: WORKS[kind](place))
        if isinstance(outcome, Inapplicable):
            say("note", phase.name, f"{kind}: {outcome.reason}")
        elif isinstance(outcome, Wrong):
            raise WorkFailed(f"{kind}: {outcome.text}")
        else:
            say("work", phase.name, kind, f"{time.monotonic() - start:.2f}")

    def _with_faults(self, phase: Phase) -> None:
        """The works in children whose allocations fail; then mount once more, to recover.

        Errors for want of memory are allowed; where sleeping allocations fail too, the filesystem
        may have stopped itself, which is what everything after that then sees.
        """
        allowed = _WANT_OF_MEMORY | (_STOPPED if phase.faults == "all" else set())
        short = 0
        for name in phase.works:
            kind, _, amount = name.partition(":")
            place = Place(self._top, self._plan.device, int(amount or 0), random.Random(name))
            outcome = in_child(partial(self._faulty, WORKS[kind], place, phase))
            counts = (f"{kind}={number}" for kind, number in pressure.injected().items())
            say("injected", phase.name, name, *counts)
            if isinstance(outcome, Wrong):
                if outcome.number not in allowed:
                    raise WorkFailed(f"{name}: {outcome.text}")
                short += 1
        say("note", phase.name, f"{short} of {len(phase.works)} works ended early")
        self._unmount()
        calls.mount(self._plan.device, self._top, self._plan.filesystem, phase.mount)

    def _faulty(self, work: Work, place: Place, phase: Phase) -> None:
        sleeping = phase.faults == "all"
        with pressure.failing_allocations(self._plan.filesystem, sleeping, phase.percent):
            work(place)

    def _unmount(self) -> None:
        """Unmount; a file that a dying process still holds is given a moment."""
        for _ in range(50):
            try:
                return calls.unmount(self._top)
            except OSError as error:
                if error.errno != errno.EBUSY:
                    raise
            time.sleep(0.1)
        calls.unmount(self._top)

    def _clear(self) -> None:
        """Whatever happened, the next phase starts without a mount."""
        with contextlib.suppress(OSError):
            calls.thaw(self._top)
        for flags in (0, calls.UMOUNT_LAZY):
            with contextlib.suppress(OSError):
                calls.unmount(self._top, flags)

    def _filled(self, word: str) -> str:
        return word.replace("{device}", self._plan.device).replace("{mount}", str(self._top))


@contextlib.contextmanager
def _settings(phase: Phase) -> Iterator[None]:
    """Write the phase's settings, put back what was there."""
    before: dict[Path, str] = {}
    try:
        for name, value in phase.settings.items():
            path = Path(name)
            before[path] = path.read_text().strip()
            path.write_text(value)
        yield
    finally:
        for path, value in before.items():
            path.write_text(value)


@contextlib.contextmanager
def _growing(evidence: tuple[Evidence, ...]) -> Iterator[None]:
    """Demand that the counters grow. Raises WorkFailed for one that does not."""
    before = [_counter(entry) for entry in evidence]
    yield
    for entry, old in zip(evidence, before, strict=True):
        grown = _counter(entry) - old
        say("evidence", f"{entry.name}: {grown}")
        if grown < entry.at_least:
            raise WorkFailed(f"{entry.name}: only {grown}, not {entry.at_least}: nothing shown")


def _counter(entry: Evidence) -> int:
    for line in Path(entry.file).read_text().splitlines():
        words = line.split()
        if words and (not entry.line or words[0] == entry.line):
            return int(words[entry.field])
    raise WorkFailed(f"{entry.file} has no line {entry.line}")


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise PhaseTimeout


def _counters() -> None:
    """Repeat what counters say that an extra patch put into /proc."""
    for name in _COUNTERS:
        with contextlib.suppress(OSError):
            for line in Path(name).read_text().splitlines():
                say("counter", line)


def main(plan: Path) -> None:
    """Run the plan and end the guest, whatever happens: a first process may not end."""
    signal.signal(signal.SIGALRM, _out_of_time)
    try:
        Run(GuestPlan.load(plan)).all()
        _counters()
        say("done")
    finally:
        if error := sys.exc_info()[1]:
            say("broken", repr(error), traceback.format_exc(limit=-2))
        calls.power_off()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
