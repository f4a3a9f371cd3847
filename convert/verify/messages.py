"""What the compiler said, taken from the output of the kernel's make."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

_COMPILED = re.compile(r"^  (?:CC|AS)(?: \[M\])? +(?P<object>\S+\.o)$")
_CHECKED = re.compile(r"^  CHECK +(?P<source>\S+)\.[cS]$")
_STEP = re.compile(r"^  [A-Z][A-Z0-9_]* {1,8}(?:\[M\] +)?\S")
_MESSAGE = re.compile(
    r"^(?P<path>[^\s:][^:\n]*):(?P<line>\d+)(?::\d+)?: "
    r"(?:(?P<tool>sparse): )?(?P<level>warning|(?:fatal )?error): (?P<text>.*)$"
)
_MAKE_ERROR = re.compile(r"^make(?:\[\d+\])?: \*\*\* ")
SPARSE = "sparse"  # what sparse puts before its messages when it is told to
# What sparse says of a function as a whole. Its place is that of some statement in it, also one of
# an inline function of any header: it changes with whatever is added to the function.
_OF_FUNCTION = re.compile(r"context imbalance in '[^']+' - ")
# Lines are kept out of the comparison: a commit that shifts them must not seem to add old warnings.
_Key = tuple[str, str, str]


@dataclass(frozen=True)
class Message:
    """One warning or error; ``path`` as the tool printed it, without the tree's top.

    tool: `SPARSE`, or "" for the compiler.
    """

    path: str
    line: int
    error: bool
    text: str
    tool: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {'error' if self.error else 'warning'}: {self.text}"

    @property
    def key(self) -> _Key:
        """What stays the same when lines move.

        An object has one function of a name, so what is said of a function needs no path.
        """
        whole = self.tool == SPARSE and _OF_FUNCTION.match(self.text)
        return "" if whole else self.path, self.text, self.tool

    @property
    def stops(self) -> bool:
        """Whether the object was not made because of it; what sparse says stops nothing."""
        return self.error and not self.tool


@dataclass(frozen=True)
class Output:
    """The messages of one make run by object file ("" for those that belong to none)."""

    by_object: Mapping[str, tuple[Message, ...]]
    failures: tuple[str, ...]  # make's own "***" lines and the linker's

    @property
    def objects(self) -> tuple[str, ...]:
        """The objects that were compiled in this run."""
        return tuple(name for name in self.by_object if name)

    @property
    def errors(self) -> tuple[str, ...]:
        """All error messages; make's own lines when the compiler said nothing."""
        said = [str(m) for messages in self.by_object.values() for m in messages if m.stops]
        return tuple(said) or self.failures


def read_output(output: str, tree: Path) -> Output:
    """Read the output of ``make --output-sync=target``: a tool's words follow its object's line.

    ``tree`` is the source directory; its name is cut off the paths.
    """
    top = f"{tree}/"
    current = ""
    found: dict[str, list[Message]] = {}
    failures: list[str] = []
    for line in output.splitlines():
        if compiled := _COMPILED.match(line):
            current = compiled["object"]
            found.setdefault(current, [])
        elif checked := _CHECKED.match(line):
            current = _shortened(checked["source"], top) + ".o"
            found.setdefault(current, [])
        elif _STEP.match(line):
            current = ""
        elif message := _MESSAGE.match(line):
            words = Message(
                _shortened(message["path"], top),
                int(message["line"]),
                "error" in message["level"],
                message["text"],
                message["tool"] or "",
            )
            found.setdefault(current, []).append(words)
        elif _MAKE_ERROR.match(line) or "undefined reference" in line:
            failures.append(line)
    return Output({name: tuple(messages) for name, messages in found.items()}, tuple(failures))


def _shortened(path: str, top: str) -> str:
    """A path from the tree's top, as far as it lies below it."""
    return path.removeprefix(top).removeprefix("../")


@dataclass(frozen=True)
class Known:
    """The warnings of the last compilation of each object; kept in a file between runs."""

    by_object: Mapping[str, tuple[Message, ...]]

    @classmethod
    def load(cls, file: Path) -> Known:
        """Read what `save` wrote; nothing is known if there is no such file or it is damaged."""
        try:
            rows = json.loads(file.read_text(encoding="utf-8"))
            return cls({name: tuple(Message(*m) for m in said) for name, said in rows.items()})
        except (OSError, ValueError, TypeError, AttributeError):
            return cls({})

    def save(self, file: Path) -> None:
        """Write the warnings, in one step: a killed run leaves the old file."""
        rows = {
            name: [(m.path, m.line, m.error, m.text, m.tool) for m in said]
            for name, said in self.by_object.items()
        }
        part = file.with_suffix(".part")
        part.write_text(json.dumps(rows), encoding="utf-8")
        part.replace(file)

    def updated(self, output: Output) -> Known:
        """With the objects that compiled in this run; one that failed keeps its old warnings."""
        compiled = {
            name: said
            for name, said in output.by_object.items()
            if not any(message.stops for message in said)
        }
        return Known({**self.by_object, **compiled})

    def added(self, output: Output) -> tuple[Message, ...]:
        """What this run says and the same objects did not before, but for what stopped them.

        Compared without line numbers, counted: a second warning of the same words is new. One that
        stands in a header and comes from many objects is given once.
        """
        new: dict[Message, None] = {}
        for name, said in output.by_object.items():
            before = Counter(message.key for message in self.by_object.get(name, ()))
            new |= dict.fromkeys(_beyond(before, (m for m in said if not m.stops)))
        return tuple(new)

    def count(self) -> int:
        """How many different warnings stand."""
        return len({m for said in self.by_object.values() for m in said})


def _beyond(before: Counter[_Key], said: Iterable[Message]) -> Iterable[Message]:
    """The messages that are left when each one of ``before`` has excused one of its key."""
    left = Counter(before)
    for message in said:
        left[message.key] -= 1
        if left[message.key] < 0:
            yield message
