"""Building User-Mode Linux kernels of commits, one after the other, in a directory that is kept.

A kernel is an ordinary program then. One source and one object directory serve all commits: only
what differs is written and compiled again. Finished kernels are kept by what they were made of.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from convert.tree.cache import write_atomic
from convert.verify.boot.patching import DebugPatch
from convert.verify.process import Finished, run
from convert.verify.scratch import ScratchTree

ERROR_LINES = 10  # of a failed build
_KEPT = 12  # finished kernels; each has about 10 MB
# Lockdep and the checks of memory, fault injection, and what a kernel in a process needs.
ENABLE = (
    "BLK_DEV_UBD", "HOSTFS", "TMPFS", "PROC_FS", "SYSFS", "DEVTMPFS", "DEBUG_FS", "SLUB",
    "PROVE_LOCKING", "DEBUG_VM", "DEBUG_LIST", "SLUB_DEBUG", "SLUB_DEBUG_ON", "DETECT_HUNG_TASK",
    "FAULT_INJECTION", "FAILSLAB", "FAIL_PAGE_ALLOC", "FAULT_INJECTION_DEBUG_FS", "QUOTA",
    "KALLSYMS",
)  # fmt: skip
WANTED = (
    "DEBUG_INFO_NONE", "KALLSYMS_ALL", "WQ_WATCHDOG", "BUG_ON_DATA_CORRUPTION", "SHRINKER_DEBUG",
    "PRINTK_TIME", "DEBUG_SG", "QUOTACTL", "QFMT_V2", "TMPFS_XATTR", "EXPERT",
)  # fmt: skip
DISABLE = (
    "MODULES", "SLAB", "DEBUG_INFO_DWARF_TOOLCHAIN_DEFAULT", "NET", "SOUND", "VT", "HID",
    "SLAB_MERGE_DEFAULT", "REISERFS_FS", "ISO9660_FS", "STATIC_LINK", "WERROR", "USB_SUPPORT",
    # What no workload uses and takes long to compile (some can be off only with EXPERT).
    "FTRACE", "EXT4_FS", "AUTOFS_FS", "AUTOFS4_FS", "CGROUPS", "NAMESPACES", "IO_URING", "AIO",
    "INPUT", "INPUT_KEYBOARD", "INPUT_MOUSE", "SERIO", "MQ_IOSCHED_DEADLINE", "MQ_IOSCHED_KYBER",
    "IOSCHED_BFQ", "BINFMT_MISC", "IKCONFIG", "SUSPEND", "BSD_PROCESS_ACCT", "SECCOMP",
    "BLK_DEV_LOOP", "CRYPTO_HW", "SYSVIPC", "POSIX_MQUEUE", "SSL", "PORT_CHAN", "PTY_CHAN",
    "TTY_CHAN", "XTERM_CHAN", "LEGACY_PTYS",
)  # fmt: skip


@dataclass(frozen=True)
class KernelBuilt:
    """A kernel that can be started. key: stands for all it was made of; missing: hooks of the
    debug patch that the tree has no place for."""

    program: Path
    key: str
    missing: tuple[str, ...]
    seconds: float
    cached: bool


@dataclass(frozen=True)
class KernelFailed:
    """The kernel could not be configured or compiled; ``errors`` are the first lines."""

    errors: tuple[str, ...]
    seconds: float


KernelResult = KernelBuilt | KernelFailed


@dataclass(frozen=True)
class UmlBuild:
    """Builds kernels in ``place``, a directory of ours (about 3 GB).

    enable: options that the tree must accept; wanted: set where they exist. Use it in `locked`:
    two runs must not share the directory at the same time.
    """

    place: Path
    patch: DebugPatch
    enable: tuple[str, ...]
    wanted: tuple[str, ...] = ()
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)

    @contextmanager
    def locked(self, repository: Path, progress: Callable[[str], None]) -> Iterator[None]:
        """Take the directory for this run; waits while another run has it."""
        self.place.mkdir(parents=True, exist_ok=True)
        with (self.place / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                progress("waiting for another run that builds kernels")
                fcntl.flock(lock, fcntl.LOCK_EX)
            self._output.mkdir(exist_ok=True)
            self.patch.open(repository)
            self._scratch.open()
            yield

    def build(self, commit: str, extra: Sequence[Path] = ()) -> KernelResult:
        """The kernel of a commit with the debug patch and ``extra`` patches.

        Raises InputError if a patch does not apply.
        """
        start = time.monotonic()
        patched = self.patch.apply(commit, extra)
        key = self._key(patched.tree)
        program = self.place / "kernels" / key / "linux"
        if program.is_file():
            os.utime(program.parent)
            return KernelBuilt(program, key, patched.missing, time.monotonic() - start, True)
        self._scratch.checkout(patched.tree)
        if problem := self._configure():
            return KernelFailed(problem, time.monotonic() - start)
        done = self._make("linux")
        if done.code:
            return KernelFailed(_errors(done.output), time.monotonic() - start)
        program.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(self._output / "linux", program.with_suffix(".part"))
        program.with_suffix(".part").chmod(0o755)
        program.with_suffix(".part").replace(program)
        self._forget()
        return KernelBuilt(program, key, patched.missing, time.monotonic() - start, False)

    def _key(self, tree: str) -> str:
        """Stands for everything that a kernel is made of."""
        words = [tree, *self._options(), _compiler()]
        return hashlib.sha256("\0".join(words).encode()).hexdigest()[:24]

    def _options(self) -> tuple[str, ...]:
        return ("enable", *self._enabled, "wanted", *self._wanted, "disable", *self._disabled)

    @property
    def _enabled(self) -> tuple[str, ...]:
        return (*ENABLE, *self.enable)

    @property
    def _wanted(self) -> tuple[str, ...]:
        return (*WANTED, *self.wanted)

    @property
    def _disabled(self) -> tuple[str, ...]:
        """What is switched off: nothing that is asked for."""
        asked = {*self._enabled, *self._wanted}
        return tuple(name for name in DISABLE if name not in asked)

    def _configure(self) -> tuple[str, ...]:
        """Make the configuration if it is not there yet; lines that say why it cannot be."""
        stamp = self.place / "configured.json"
        wanted = json.dumps(self._options())
        dotconfig = self._output / ".config"
        if stamp.exists() and stamp.read_text() == wanted and dotconfig.exists():
            return self._finished(self._make("olddefconfig"))
        stamp.unlink(missing_ok=True)
        if problem := self._finished(self._make("defconfig")):
            return problem
        words = [w for n in (*self._enabled, *self._wanted) for w in ("--enable", n)]
        words += [w for n in self._disabled for w in ("--disable", n)]
        script: list[str | Path] = [
            "bash",
            self._source / "scripts/config",
            "--file",
            dotconfig,
            *words,
        ]
        for done in (run(script, self._source), self._make("olddefconfig")):
            if problem := self._finished(done):
                return problem
        lines = set(dotconfig.read_text(encoding="utf-8").splitlines())
        unmet = tuple(
            f"CONFIG_{name} cannot be enabled in this tree"
            for name in self._enabled
            if f"CONFIG_{name}=y" not in lines
        )
        if not unmet:
            write_atomic(stamp, wanted.encode())
        return unmet

    @staticmethod
    def _finished(done: Finished) -> tuple[str, ...]:
        return tuple(done.output.splitlines()[-ERROR_LINES:]) if done.code else ()

    def _make(self, *words: str) -> Finished:
        fixed = ["make", "ARCH=um", f"O={self._output}", f"--jobs={self.jobs}"]
        # Name, time and host of the build would make every kernel another one.
        same = {"KBUILD_BUILD_TIMESTAMP": "1970-01-01", "KBUILD_BUILD_USER": "kmem-convert"}
        same |= {"KBUILD_BUILD_HOST": "localhost", "KBUILD_BUILD_VERSION": "1"}
        ceiling = {"GIT_CEILING_DIRECTORIES": str(self.place)}
        return run([*fixed, "--output-sync=target", *words], self._source, same | ceiling)

    def _forget(self) -> None:
        """Remove the kernels that were not used for longest."""
        kernels = sorted((self.place / "kernels").iterdir(), key=lambda path: path.stat().st_mtime)
        for old in kernels[:-_KEPT]:
            shutil.rmtree(old, ignore_errors=True)

    @property
    def _source(self) -> Path:
        return self.place / "source"

    @property
    def _output(self) -> Path:
        return self.place / "output"

    @property
    def _scratch(self) -> ScratchTree:
        return ScratchTree(self.patch.repository, self._source, self.place / "index")


def _compiler() -> str:
    """The compiler's and linker's own words about their versions."""
    words = (run([name, "--version"], Path.cwd()).output for name in ("gcc", "ld"))
    return " ".join(text.splitlines()[0] if text else "" for text in words)


def _errors(output: str) -> tuple[str, ...]:
    """The lines of a failed build that say why."""
    lines = output.splitlines()
    said = [line for line in lines if "error:" in line or "undefined reference" in line]
    said = said or [line for line in lines if "***" in line] or lines[-ERROR_LINES:]
    return tuple(said[:ERROR_LINES])
