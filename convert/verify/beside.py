"""Work in a process of its own, beside what waits for compilers.

Make leaves processors idle while it configures and links, and what is done in Python keeps only one
busy. The process is forked, so that it knows all that we know; what it makes comes back pickled. It
never outlives us: it ends with the ``with`` statement, and a guard ends it if we are killed.
"""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import ForkProcess
from threading import Thread
from types import FrameType, TracebackType
from typing import Generic, NoReturn, TypeVar

from convert.errors import InternalCheckError
from convert.progress import Progress
from convert.verify.process import guarded

_T = TypeVar("_T")
_GRACE = 5.0  # seconds that the process is given to clean up when it is stopped


@dataclass(frozen=True)
class _Said:
    """What the process is doing."""

    text: str


@dataclass(frozen=True)
class _Made:
    """What came out of the work."""

    value: object


@dataclass(frozen=True)
class _Broke:
    """What ended the work."""

    error: Exception


@dataclass
class Beside(Generic[_T]):
    """Work that goes on in another process. Made by `beside`."""

    _show: Progress
    _hears: Connection
    _own: str = ""
    _other: str = ""
    _ending: _Made | _Broke | None = None
    _listener: Thread = field(init=False)

    def __post_init__(self) -> None:
        self._listener = Thread(target=self._listen, daemon=True)
        self._listener.start()

    def progress(self, text: str) -> None:
        """Tell what the body of the ``with`` statement does; raises what the process raised."""
        self._own = text
        self._tell()
        if isinstance(self._ending, _Broke):
            raise self._ending.error

    def result(self) -> _T:
        """What the work made, when it is done. Raises what the work raised, and
        InternalCheckError if the process was ended from outside."""
        self._listener.join()
        match self._ending:
            case _Made(value):
                return value  # type: ignore[return-value]
            case _Broke(error):
                raise error
            case None:
                raise InternalCheckError("a process of the verification was ended from outside")

    def close(self) -> None:
        """Wait for the last words of a process that has ended."""
        self._listener.join()

    def _listen(self) -> None:
        """Take in what the process says, until it has nothing more to say."""
        with suppress(EOFError, OSError):
            while self._ending is None:
                heard = self._hears.recv()
                if isinstance(heard, _Said):
                    self._other = heard.text
                else:
                    self._ending, self._other = heard, ""
                self._tell()

    def _tell(self) -> None:
        both = [text for text in (self._own, self._other) if text]
        self._show("; beside it ".join(both))


@contextmanager
def beside(work: Callable[[Progress], _T], progress: Progress) -> Iterator[Beside[_T]]:
    """Run ``work`` in a forked process while the body of the ``with`` statement runs.

    work: is given what tells its progress; its result and what it raises have to be picklable.
    It must not use what the body uses as well: connections, open files, directories.
    """
    context = get_context("fork")
    hears, says = context.Pipe(duplex=False)
    process = context.Process(target=_run, args=(work, says), daemon=True)
    process.start()
    says.close()
    assert process.pid is not None
    with guarded(process.pid), hears:
        other: Beside[_T] = Beside(progress, hears)
        try:
            yield other
        finally:
            _end(process)
            other.close()


def _end(process: ForkProcess) -> None:
    """Stop the process: it may clean up for a while, then it is killed."""
    try:
        process.terminate()
        process.join(_GRACE)
    finally:
        process.kill()
        process.join()


def _run(work: Callable[[Progress], object], says: Connection) -> None:
    """The process: a group of its own, which a terminal's Ctrl-C does not reach."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _stop)
    with _HandOver(says):
        says.send(_Made(work(lambda text: says.send(_Said(text)))))


def _stop(number: int, _: FrameType | None) -> NoReturn:
    """Clean up and go, in silence: the other process says why."""
    raise SystemExit(128 + number)


@dataclass(frozen=True)
class _HandOver(AbstractContextManager[None]):
    """Hands an exception to the other process; its place in this one goes along as a note."""

    says: Connection

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> bool:
        if not isinstance(error, Exception):
            return False
        error.add_note("".join(traceback.format_tb(trace)))
        self.says.send(_Broke(error))
        return True
