"""Running the programs that a check needs, so that none of them outlives it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError


@dataclass(frozen=True)
class Finished:
    """A program that ended: its exit code and its texts (``errors`` is "" where both are one)."""

    code: int
    output: str
    errors: str = ""


@dataclass(frozen=True)
class ToolMissing:
    """A program or header that a check needs is not installed; ``package`` is Debian's name."""

    tool: str
    package: str

    def __str__(self) -> str:
        return f"{self.tool} is missing (Debian package: {self.package})"


# Set by an outer make or git, or by a user for the kernel's make, these would change what a make or
# git of ours does, and what was verified would not be what is said.
_INHERITED = (
    *("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "KBUILD_OUTPUT"),
    *("ARCH", "SUBARCH", "CROSS_COMPILE", "LLVM", "KCFLAGS", "KCPPFLAGS", "KBUILD_VERBOSE"),
    *("W", "C", "CF", "V", "O", "M"),
)


def clean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment without settings of an outer make or git, messages in English."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in _INHERITED and not name.startswith("GIT_")
    }
    return {**kept, "LC_ALL": "C", "GIT_TERMINAL_PROMPT": "0", **(extra or {})}


# Waits for one word on a pipe. If the pipe breaks before it comes, the process that holds the other
# end is gone without having cleaned up: then everything in the group is ended.
_GUARD = 'read -r word; [ -n "$word" ] || kill -s KILL -- "-$1" 2>/dev/null'


def run(
    command: Sequence[str | Path],
    cwd: Path,
    extra: Mapping[str, str] | None = None,
    stdin: str = "",
    merge: bool = True,
    guard: bool = False,
) -> Finished:
    """Run a program in a process group of its own and wait for it.

    ``extra`` adds to the environment; ``merge`` puts stderr into the output, in order. Bytes
    outside UTF-8 survive as surrogates. When the wait is interrupted (Ctrl-C, a termination signal
    turned into an exception), the whole group is killed and has ended when this returns; with
    ``guard`` it is killed even if we are (SIGKILL), which costs one more small process.
    Raises InputError if the program cannot be started.
    """
    words = [str(word) for word in command]
    process: subprocess.Popen[bytes] | None = None
    with ExitStack() as ends:
        try:
            with _held_back():
                process = ends.enter_context(_started(words, cwd, extra, merge))
                ends.enter_context(guarded(process.pid) if guard else nullcontext())
            output, errors = process.communicate(stdin.encode("utf-8", "surrogateescape"))
        except BaseException:
            if process is not None:
                with suppress(ProcessLookupError):  # it has ended by itself
                    os.killpg(process.pid, signal.SIGKILL)
                process.communicate()  # until the last of the group has closed its end
            raise
    return Finished(process.returncode, _text(output), _text(errors or b""))


def _started(
    words: Sequence[str], cwd: Path, extra: Mapping[str, str] | None, merge: bool
) -> subprocess.Popen[bytes]:
    """The program, running. Raises InputError if it cannot be started."""
    try:
        return subprocess.Popen(
            words,
            cwd=cwd,
            env=clean_environment(extra),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT if merge else subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise InputError(f"cannot run {words[0]}: {error.strerror}") from error


@contextmanager
def _held_back() -> Iterator[None]:
    """Let signals that become exceptions here wait until the body is done.

    One that comes while a program is being started would leave it running with nobody to end it.
    The signals are not blocked, for the program would inherit that.
    """
    came: list[int] = []
    before = {}
    if threading.current_thread() is threading.main_thread():  # others are not interrupted
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if callable(handler := signal.getsignal(number)):
                before[number] = handler
                signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for one in came:
            signal.raise_signal(one)


@contextmanager
def guarded(group: int) -> Iterator[None]:
    """Let a process group end with us, whatever ends us."""
    command = ["/bin/sh", "-c", _GUARD, "guard", str(group)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as guard:
        try:
            yield
        finally:
            assert guard.stdin is not None
            guard.stdin.write(b"done\n")
            guard.stdin.flush()


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def first_missing(tools: Sequence[tuple[str, str]]) -> ToolMissing | None:
    """The first program of ``(program, Debian package)`` pairs that is not on the PATH."""
    for tool, package in tools:
        if shutil.which(tool) is None:
            return ToolMissing(tool, package)
    return None
