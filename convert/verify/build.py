"""Compiling what a series touches with the kernel's own build, under one configuration.

One build directory serves all commits: git rewrites only what differs, make compiles only what
that touches. What counts is what a commit adds; old warnings are not its doing.
"""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.verify.configurations import KernelConfig
from convert.verify.messages import SPARSE, Known, Message, read_output
from convert.verify.process import Finished, ToolMissing, first_missing, run

TOOLS = (
    ("git", "git"),
    ("make", "make"),
    ("gcc", "gcc"),
    ("flex", "flex"),
    ("bison", "bison"),
    ("bc", "bc"),
    ("perl", "perl"),
)
HEADERS = (("gelf.h", "libelf-dev"), ("openssl/opensslv.h", "libssl-dev"))
SPARSE_TOOL = ("sparse", "sparse")
ERROR_LINES = 10  # of a failed build; the rest seldom says more
_SHELL_SIGNALS = 128  # a shell's exit code for a program that a signal ended: this and its number
# The compiler was ended from outside (no memory, a person): that says nothing about the commit.
_KILLED = ("Killed signal terminated program", "*** Killed", "*** Terminated", "*** Interrupt")


@dataclass(frozen=True)
class Built:
    """It compiles. ``warnings``: what the compiler and sparse say that they did not say before.

    compiled: the number of objects that make found out of date. seconds: how long it took.
    """

    compiled: int
    warnings: tuple[Message, ...]
    seconds: float


@dataclass(frozen=True)
class BuildFailed:
    """It does not compile, or cannot be configured; ``errors`` are the first lines."""

    errors: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class BuildBroken:
    """The build was ended from outside, so nothing is known; ``reason`` is one line."""

    reason: str


BuildResult = Built | BuildFailed | BuildBroken


def missing_tool() -> ToolMissing | None:
    """The first program or header that a kernel build needs and that is not installed."""
    if tool := first_missing(TOOLS):
        return tool
    for header, package in HEADERS:
        probe = ["gcc", "-E", "-o", os.devnull, "-x", "c", "-"]
        if run(probe, Path.cwd(), stdin=f"#include <{header}>\n").code:
            return ToolMissing(header, package)
    return None


@dataclass
class BuildDirectory:
    """kbuild's output for one configuration; the sources may change between the builds.

    tree: the kernel's top, with the files of the commit to be built. place: where the output and
    what is known of it live; what an earlier run left there is used. targets: directories or
    objects ("fs/xfs/"). sparse: whether sparse looks at every file that is compiled.
    """

    tree: Path
    place: Path
    config: KernelConfig
    targets: tuple[str, ...]
    jobs: int = 1
    sparse: bool = False

    def build(self, first: bool = False, reconfigure: bool = False) -> BuildResult:
        """Build the files as they are. Warnings are compared with the build before it.

        first: the warnings are only remembered. reconfigure: Kconfig files may have changed.
        """
        return build_together([(self, first)], reconfigure)[0]

    def ready(self, reconfigure: bool) -> tuple[str, ...]:
        """Make the place and the configuration; the lines that say why that cannot be done."""
        self._enter()
        return self._configure(reconfigure)

    def recipe(self) -> str:
        """The shell command that builds: what it says goes to a file, its exit code to another."""
        self._busy.touch()
        words = ["--output-sync=target", "--keep-going", "W=1", *self._sparse_words()]
        words = [f"O={self._output}", *words, *self.targets]
        goal = shlex.join(words).replace("$", "$$")
        said, code = (
            shlex.quote(str(path)).replace("$", "$$") for path in (self._said, self._code)
        )
        self._code.unlink(missing_ok=True)
        return f"$(MAKE) {goal} < /dev/null > {said} 2>&1; echo $$? > {code}"

    def judge(self, make: Finished, first: bool, seconds: float) -> BuildResult:
        """What came of the command of `recipe`, which was run by ``make``."""
        done = self._done(make)
        output = read_output(done.output, self.tree)
        known = Known.load(self._known)
        known.updated(output).save(self._known)
        self._busy.unlink()
        if done.code < 0 or any(word in done.output for word in _KILLED):
            return BuildBroken(f"make was ended from outside: {_last_line(done)}")
        if done.code:
            lines = output.errors or tuple(done.output.splitlines()[-ERROR_LINES:])
            return BuildFailed(lines[:ERROR_LINES], seconds)
        return Built(len(output.objects), () if first else known.added(output), seconds)

    def _done(self, make: Finished) -> Finished:
        """Exit code (negative: the signal that ended it) and output of our part."""
        try:
            code = int(self._code.read_text())
            said = self._said.read_bytes().decode("utf-8", "surrogateescape")
        except (OSError, ValueError):  # the shell did not get to its end
            return Finished(make.code if make.code < 0 else -signal.SIGTERM, make.output)
        return Finished(_SHELL_SIGNALS - code if code > _SHELL_SIGNALS else code, said)

    def refused(self) -> tuple[str, ...]:
        """The wanted options that this tree did not accept; known after the first build."""
        return self._unmet(self.config.enable)

    def empty(self) -> bool:
        """Whether the configuration builds nothing in the targets; known after the first build."""
        places = [self._output / target for target in self.targets]
        return not any(place.is_file() or any(place.rglob("*.o")) for place in places)

    @property
    def _output(self) -> Path:
        return self.place / "output"

    @property
    def _known(self) -> Path:
        return self.place / "warnings.json"

    @property
    def _said(self) -> Path:
        return self.place / "said"

    @property
    def _code(self) -> Path:
        return self.place / "code"

    @property
    def _busy(self) -> Path:
        """There while make runs: afterwards nobody knows what the objects had to say."""
        return self.place / "busy"

    def _enter(self) -> None:
        """Make the place ready; objects of a run that was killed are not to be trusted."""
        if self._busy.exists():
            shutil.rmtree(self.place)
        self._output.mkdir(parents=True, exist_ok=True)

    def _sparse_words(self) -> tuple[str, ...]:
        return ("C=1", f"CHECK=sparse -fdiagnostic-prefix={SPARSE}") if self.sparse else ()

    def _configure(self, again: bool) -> tuple[str, ...]:
        """Make the configuration if it is not there yet; the lines that say why it cannot be."""
        stamp = self.place / "configured.json"
        config = self.config
        wanted = json.dumps([config.base, config.enable, config.disable, config.values])
        dotconfig = self._output / ".config"
        ready = dotconfig.exists() and stamp.exists() and stamp.read_text() == wanted
        if ready and not again:
            return ()
        stamp.unlink(missing_ok=True)
        for done in self._configuring(dotconfig):
            if done.code:
                return tuple(done.output.splitlines()[-ERROR_LINES:])
        if unmet := self._unmet(config.required):
            return tuple(f"CONFIG_{name} cannot be enabled in this tree" for name in unmet)
        stamp.write_text(wanted)
        return ()

    def _configuring(self, dotconfig: Path) -> Iterator[Finished]:
        """Run the steps of a configuration as they are asked for."""
        yield self._make(self.config.base)
        options = [word for name in self.config.enable for word in ("--enable", name)]
        options += [word for name in self.config.disable for word in ("--disable", name)]
        for name, value in self.config.values:
            text = value.strip('"')
            options += ["--set-str" if text != value else "--set-val", name, text]
        if options:
            script = str(self.tree / "scripts/config")
            yield run(["bash", script, "--file", dotconfig, *options], self.tree)
        yield self._make("olddefconfig")

    def _unmet(self, names: Sequence[str]) -> tuple[str, ...]:
        """The options that are not on (unknown, or a dependency is off)."""
        dotconfig = self._output / ".config"
        lines = set(dotconfig.read_text(encoding="utf-8").splitlines())
        return tuple(n for n in names if not {f"CONFIG_{n}=y", f"CONFIG_{n}=m"} & lines)

    def _make(self, *words: str) -> Finished:
        fixed = ["make", f"O={self._output}", f"--jobs={self.jobs}", "--output-sync=target"]
        return run([*fixed, *words], self.tree, self.surroundings, guard=True)

    @property
    def surroundings(self) -> Mapping[str, str]:
        """The tree's scripts ask git for a version: a repository around ours is not theirs."""
        return {"GIT_CEILING_DIRECTORIES": str(self.tree.parent)}


def build_together(
    orders: Sequence[tuple[BuildDirectory, bool]], reconfigure: bool = False
) -> tuple[BuildResult, ...]:
    """Build the same files under several configurations at once.

    orders: of one tree, each with `BuildDirectory.build`'s ``first``. One make runs them, so that
    they share the jobs: while one configures, links or waits for its last object, another compiles.
    """
    start = time.monotonic()
    problems = [directory.ready(reconfigure) for directory, _ in orders]
    building = [one for (one, _), problem in zip(orders, problems, strict=True) if not problem]
    make = _make_all(building) if building else Finished(0, "")
    seconds = (time.monotonic() - start) / len(orders)
    return tuple(
        BuildFailed(problem, seconds) if problem else directory.judge(make, first, seconds)
        for (directory, first), problem in zip(orders, problems, strict=True)
    )


def _make_all(directories: Sequence[BuildDirectory]) -> Finished:
    """Run the recipes of directories of one tree."""
    names = [f"build-{number}" for number in range(len(directories))]
    rules = [f".PHONY: all {' '.join(names)}", f"all: {' '.join(names)}"]
    for name, directory in zip(names, directories, strict=True):
        rules.append(f"{name}:\n\t+@{directory.recipe()}")
    one = directories[0]
    command = ["make", f"--jobs={one.jobs}", "--no-print-directory", "--file=-", "all"]
    return run(command, one.tree, one.surroundings, stdin="\n".join(rules) + "\n", guard=True)


def _last_line(done: Finished) -> str:
    if done.code < 0:
        return f"signal {-done.code}"
    return next(
        line for line in reversed(done.output.splitlines()) if any(w in line for w in _KILLED)
    )


__all__ = [
    "BuildBroken",
    "BuildDirectory",
    "BuildFailed",
    "BuildResult",
    "Built",
    "ToolMissing",
    "build_together",
    "missing_tool",
]
