"""Compile every commit of a series with the kernel's own build, one after the other.

One build directory serves all commits: git rewrites only what differs, make compiles only what
that touches. What counts is what a commit adds; old warnings are not its doing.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

from convert.verify.messages import Known, read_output
from convert.verify.process import Finished, ToolMissing, first_missing, run
from convert.verify.scratch import ScratchTree, subject

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
ERROR_LINES = 10  # of a failed build; the rest seldom says more


@dataclass(frozen=True)
class KernelConfig:
    """A kernel configuration: a named one of the tree, then options (without ``CONFIG_``)."""

    base: str = "defconfig"
    enable: tuple[str, ...] = ()
    disable: tuple[str, ...] = ()


@dataclass(frozen=True)
class Built:
    """The commit compiles. ``warnings`` are those that it adds; ``compiled`` counts objects."""

    commit: str
    subject: str
    compiled: int
    warnings: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class BuildFailed:
    """The commit does not compile, or cannot be configured; ``errors`` are the first lines."""

    commit: str
    subject: str
    errors: tuple[str, ...]
    seconds: float


BuildResult = Built | BuildFailed | ToolMissing


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
class KernelBuild:
    """Builds commits of ``repository``; use it in a ``with`` statement.

    objects: directories or objects to build ("fs/xfs/"). work: where the scratch tree (1.5 GB for a
    kernel) and the build directory live; kept between runs if given, else made in the system's
    directory for temporary files and removed at the end. extra: words for make ("W=1", "C=1").
    The repository is only read; a killed run leaves nothing in it.
    """

    repository: Path
    objects: tuple[str, ...]
    config: KernelConfig
    work: Path | None = None
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)
    extra: tuple[str, ...] = ()

    def __enter__(self) -> KernelBuild:
        place = Path(tempfile.mkdtemp(prefix="kernel-build-")) if self.work is None else self.work
        self._place = place.absolute()
        self._output.mkdir(parents=True, exist_ok=True)
        try:
            self._scratch.open()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._remove()

    @property
    def tree(self) -> Path:
        """The scratch tree: the files of the commit that was built last."""
        return self._place / "tree"

    def build(self, commit: str, first: bool = False) -> BuildResult:
        """Build one commit. Warnings are compared with the build before it.

        ``first``: the commit is the base, so its warnings are only remembered.
        """
        if missing := missing_tool():
            return missing
        start = time.monotonic()
        title = subject(self.repository, commit)
        self._scratch.checkout(commit)
        if problem := self._configure():
            return BuildFailed(commit, title, problem, time.monotonic() - start)
        done = self._make("--keep-going", *self.extra, *self.objects)
        output = read_output(done.output, self.tree)
        known = Known.load(self._known)
        known.updated(output).save(self._known)
        seconds = time.monotonic() - start
        if done.code:
            lines = output.errors or tuple(done.output.splitlines()[-ERROR_LINES:])
            return BuildFailed(commit, title, lines[:ERROR_LINES], seconds)
        new = () if first else tuple(str(message) for message in known.added(output))
        return Built(commit, title, len(output.objects), new, seconds)

    def build_series(self, base: str, commits: Sequence[str]) -> Iterator[BuildResult]:
        """Build the base, then each commit; the first result is the base's."""
        yield self.build(base, first=True)
        for commit in commits:
            yield self.build(commit)

    @property
    def _output(self) -> Path:
        return self._place / "output"

    @property
    def _known(self) -> Path:
        return self._place / "warnings.json"

    @property
    def _scratch(self) -> ScratchTree:
        return ScratchTree(self.repository, self.tree, self._place / "index")

    def _configure(self) -> tuple[str, ...]:
        """Make the configuration if it is not there yet; the lines that say why it cannot be."""
        stamp = self._place / "configured.json"
        wanted = json.dumps([self.config.base, self.config.enable, self.config.disable])
        dotconfig = self._output / ".config"
        if dotconfig.exists() and stamp.exists() and stamp.read_text() == wanted:
            return ()
        stamp.unlink(missing_ok=True)
        for done in self._configuring(dotconfig):
            if done.code:
                return tuple(done.output.splitlines()[-ERROR_LINES:])
        if unmet := self._unmet(dotconfig.read_text(encoding="utf-8").splitlines()):
            return unmet
        stamp.write_text(wanted)
        return ()

    def _configuring(self, dotconfig: Path) -> Iterator[Finished]:
        """Run the steps of a configuration as they are asked for."""
        yield self._make(self.config.base)
        options = [word for name in self.config.enable for word in ("--enable", name)]
        options += [word for name in self.config.disable for word in ("--disable", name)]
        if options:
            script = str(self.tree / "scripts/config")
            yield run(["bash", script, "--file", dotconfig, *options], self.tree)
        yield self._make("olddefconfig")

    def _unmet(self, lines: Sequence[str]) -> tuple[str, ...]:
        """The options that the tree did not accept (unknown, or a dependency is off)."""
        return tuple(
            f"CONFIG_{name} cannot be enabled in this tree"
            for name in self.config.enable
            if f"CONFIG_{name}=y" not in lines and f"CONFIG_{name}=m" not in lines
        )

    def _make(self, *words: str) -> Finished:
        fixed = ["make", f"O={self._output}", f"--jobs={self.jobs}", "--output-sync=target"]
        # The tree's scripts ask git for a version: a repository around ours is not theirs.
        return run([*fixed, *words], self.tree, {"GIT_CEILING_DIRECTORIES": str(self._place)})

    def _remove(self) -> None:
        if self.work is None:
            shutil.rmtree(self._place, ignore_errors=True)


__all__ = [
    "BuildFailed",
    "BuildResult",
    "Built",
    "KernelBuild",
    "KernelConfig",
    "ToolMissing",
    "missing_tool",
]
