"""Works run in processes of their own: whatever happens to one, its files are closed."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass

from convert.verify.boot.guest.place import NotHere, WorkFailed


@dataclass(frozen=True)
class Worked:
    """The work did what it should."""


@dataclass(frozen=True)
class Inapplicable:
    """The work does not apply to this filesystem."""

    reason: str


@dataclass(frozen=True)
class Wrong:
    """The work failed; ``number`` is the system's error number, 0 if it was none."""

    text: str
    number: int = 0


Outcome = Worked | Inapplicable | Wrong


def in_child(work: Callable[[], None]) -> Outcome:
    """Run a work in a child process. The child is killed if waiting for it is interrupted."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        text = "0 the process died"
        try:
            text = _report(work)
        finally:
            os.write(writing, text.encode("utf-8", "replace"))
            os._exit(0)
    os.close(writing)
    try:
        with os.fdopen(reading, "rb") as pipe:
            answer = pipe.read().decode("utf-8", "replace")
    except BaseException:
        os.kill(child, signal.SIGKILL)
        raise
    finally:
        os.waitpid(child, 0)
    return _read(answer)


def _report(work: Callable[[], None]) -> str:
    """The outcome as a line: a word, or an error number, and a text."""
    try:
        work()
    except NotHere as reason:
        return f"inapplicable {reason}"
    except WorkFailed as error:
        return f"0 {error}"
    except MemoryError:
        return "12 MemoryError"
    except OSError as error:
        return f"{error.errno or 0} {error}"
    return "worked"


def _read(answer: str) -> Outcome:
    word, _, text = answer.partition(" ")
    if word == "worked":
        return Worked()
    if word == "inapplicable":
        return Inapplicable(text)
    return Wrong(text, int(word)) if word.isdigit() else Wrong("the process was killed")
