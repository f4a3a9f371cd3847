"""A tiny reader and runner of C that shares nothing with the code under test.

It knows blocks, ``if``, ``while``, ``goto``, ``return``, calls and assignments. A run takes one way
through a function; where the way forks, the next of some given choices decides.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r"/\*.*?\*/|\s+|\w+|[^\w\s]", re.S)
Code = list[tuple[str, ...]]


class _Reader:
    """Makes a list of steps of a function's text; jumps name labels, made up for blocks."""

    def __init__(self, text: str) -> None:
        found = [one for one in _TOKEN.findall(text) if one.strip() and not one.startswith("/*")]
        self.tokens: list[str] = found[found.index("{") :]
        self.at = 0
        self.code: Code = []
        self.labels = 0

    def take(self, wanted: str | None = None) -> str:
        token = self.tokens[self.at]
        assert wanted is None or token == wanted, (token, wanted)
        self.at += 1
        return token

    def until(self, end: str) -> str:
        """The tokens up to the one that closes what is open here."""
        depth, start = 0, self.at
        while depth or self.tokens[self.at] != end:
            depth += {"(": 1, ")": -1}.get(self.tokens[self.at], 0)
            self.at += 1
        self.at += 1
        return "".join(self.tokens[start : self.at - 1])

    def label(self) -> str:
        self.labels += 1
        return f"#{self.labels}"

    def statement(self) -> None:
        token = self.take()
        if token == "{":
            while self.tokens[self.at] != "}":
                self.statement()
            self.take("}")
        elif token == "if":
            self.branch()
        elif token == "while":
            self.loop()
        elif token == "goto":
            self.code.append(("jump", self.until(";")))
        elif token == "return":
            self.code.append(("return", self.until(";")))
        elif token in ("int", "unsigned"):
            self.until(";")
        elif self.tokens[self.at] == ":":
            self.take(":")
            self.code.append(("label", token))
        elif self.tokens[self.at] == "=":
            self.take("=")
            self.code.append(("set", token, self.until(";")))
        else:
            self.code.append(("set", "", token + self.until(";")))

    def branch(self) -> None:
        self.take("(")
        other, end = self.label(), self.label()
        self.code.append(("test", self.until(")"), other))
        self.statement()
        if self.tokens[self.at] == "else":
            self.take("else")
            self.code += [("jump", end), ("label", other)]
            self.statement()
            self.code.append(("label", end))
        else:
            self.code.append(("label", other))

    def loop(self) -> None:
        self.take("(")
        start, end = self.label(), self.label()
        self.code += [("label", start), ("test", self.until(")"), end)]
        self.statement()
        self.code += [("jump", start), ("label", end)]


def code_of(text: str) -> Code:
    """The steps of the only function of a text."""
    reader = _Reader(text)
    reader.statement()
    return reader.code


class Broken(AssertionError):
    """A rule about the scope does not hold on some way."""


@dataclass
class Run:
    """One way. ``choices`` are used up from the front; ``forks`` counts those that were needed."""

    code: Code
    choices: tuple[bool, ...]
    held: bool = False
    open: bool = False
    forks: int = 0
    calls: list[tuple[str, bool, bool]] = field(default_factory=list)  # name, held, open
    values: dict[str, str] = field(default_factory=dict)
    truths: dict[str, bool] = field(default_factory=dict)
    result: str | None = None
    finished: bool = False

    def go(self) -> Run:
        at = 0
        labels = {step[1]: number for number, step in enumerate(self.code) if step[0] == "label"}
        while at < len(self.code):
            step = self.code[at]
            at += 1
            if step[0] == "return":
                self.result = self.value(step[1]) if step[1] else None
                break
            if step[0] == "jump":
                at = labels[step[1]]
            elif step[0] == "set":
                value = self.value(step[2])
                self.values[step[1]] = value
            elif step[0] == "test":
                truth = self.truth(step[1])
                if truth is None:
                    return self
                at = at if truth else labels[step[2]]
            if len(self.calls) > 60:
                return self
        self.finished = True
        return self

    def fork(self) -> bool | None:
        self.forks += 1
        return self.choices[self.forks - 1] if self.forks <= len(self.choices) else None

    def truth(self, text: str) -> bool | None:
        if text.startswith("!"):
            inner = self.truth(text[1:])
            return None if inner is None else not inner
        value = self.value(text)
        if value in ("0", "1"):
            return value == "1"
        if value == "?":
            return None
        if value.startswith("-"):
            return True
        if value not in self.truths:
            chosen = self.fork()
            if chosen is None:
                return None
            self.truths[value] = chosen
        return self.truths[value]

    def value(self, text: str) -> str:
        name, paren, _ = text.partition("(")
        if not paren:
            return self.values.get(text, text)
        inner = text[len(name) + 1 : -1]
        if "(" in inner:
            self.value(inner)
        return self.call(name)

    def call(self, name: str) -> str:
        if name == "memalloc_nofs_save":
            if self.open:
                raise Broken("opened twice")
            self.open = True
            return "cookie"
        if name == "memalloc_nofs_restore":
            if not self.open:
                raise Broken("closed while it is not open")
            self.open = False
            return ""
        self.calls.append((name, self.held, self.open))
        if name in ("lock", "unlock"):
            self.held = name == "lock"
        elif name in ("trylock", "lock_killable"):
            taken = self.fork()
            if taken is None:
                return "?"
            self.held |= taken
            return str(int(taken)) if name == "trylock" else str(int(not taken))
        return f"{name}#{len(self.calls)}"


def runs(code: Code, depth: int) -> Iterator[Run]:
    """All ways with up to so many forks; a longer one is cut off there."""
    waiting: list[tuple[bool, ...]] = [()]
    while waiting:
        choices = waiting.pop()
        run = Run(code, choices).go()
        if run.forks > len(choices) and len(choices) < depth:
            waiting += [(*choices, True), (*choices, False)]
        else:
            yield run
