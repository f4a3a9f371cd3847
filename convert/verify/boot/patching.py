"""The debug patch: what is added to a commit before it is booted, as a git tree of its own.

Everything happens in a repository of ours that borrows the user's objects; theirs gets none.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from convert.errors import InputError
from convert.series.templates import template_root
from convert.verify.boot.profile import BootProfile, Hook, HookPlace
from convert.verify.process import Finished, run
from convert.verify.scratch import git

REPORTS = 20  # of one kind in one boot; see the template
_HEADER = "include/linux/kmem_convert_debug.h"
_CODE = "lib/kmem_convert_debug.c"
_MAKEFILE = "lib/Makefile"
# Tracepoints stay off in a boot, and their code takes long to compile. The word is the kernel's own
# (include/linux/tracepoint.h); PROVE_LOCKING does not let the option be off.
_NO_TRACEPOINTS = "\nccflags-y += -DNOTRACE\n"
_INCLUDE = "#include <linux/kmem_convert_debug.h>"
_FIRST_INCLUDE = re.compile(r"^#include .*$", re.MULTILINE)


@dataclass(frozen=True)
class PatchedTree:
    """A commit with the debug patch. tree: git's id in `DebugPatch.repository`; missing: hooks
    whose functions this kernel does not have, so that their checks are not made."""

    tree: str
    missing: tuple[str, ...]


@dataclass(frozen=True)
class DebugPatch:
    """Adds the debug patch for ``profile``; ``repository`` is the directory of ours."""

    profile: BootProfile
    hooks: tuple[Hook, ...]
    repository: Path

    def open(self, borrowed: Path) -> None:
        """Make the repository, or have it borrow the objects of another one.

        Raises InputError if ``borrowed`` is no git repository.
        """
        where = git(borrowed, "rev-parse", "--path-format=absolute", "--git-path", "objects")
        self.repository.mkdir(parents=True, exist_ok=True)
        self._git("init", "--quiet", "--bare")
        (self.repository / "objects/info/alternates").write_text(where, encoding="utf-8")
        self._index.with_name(self._index.name + ".lock").unlink(missing_ok=True)

    def apply(self, commit: str, extra: Sequence[Path] = ()) -> PatchedTree:
        """The commit's tree with the debug patch and then the ``extra`` patches.

        Raises InputError if a patch does not apply, or if the kernel lacks a file that every
        kernel has.
        """
        self._git("read-tree", commit)
        for file in extra:
            self._apply_file(file)
        missing = tuple(hook.name for hook in self.hooks if not self._hook(hook))
        self._write(_HEADER, _render("kmem_convert_debug.h.j2"))
        self._write(_CODE, _render("kmem_convert_debug.c.j2", limit=REPORTS))
        self._write(_MAKEFILE, self._read(_MAKEFILE) + "\nobj-y += kmem_convert_debug.o\n")
        for place in self.profile.paths:
            if (text := self._text(f"{place}/Makefile")) is not None:
                self._write(f"{place}/Makefile", text + _NO_TRACEPOINTS)
        if priming := self.profile.priming:
            code = _render(
                "priming.c.j2",
                filesystem=self.profile.filesystem,
                include=priming.include,
                prepare=priming.prepare,
                locks=priming.lock,
            )
            self._write(priming.file, self._read(priming.file) + code)
        return PatchedTree(self._git("write-tree").strip(), missing)

    def _hook(self, hook: Hook) -> bool:
        """Put a hook at its first place that this kernel has; False if it has none."""
        for place in hook.place:
            text = self._text(place.file)
            if text is not None and (hooked := with_hook(text, place)) is not None:
                self._write(place.file, hooked)
                return True
        return False

    def _apply_file(self, file: Path) -> None:
        words = ("apply", "--cached", "--whitespace=nowarn", str(file.absolute()))
        done = self._run(*words)
        if done.code:
            first = done.errors.strip().splitlines()[:1] or ["no reason given"]
            raise InputError(f"{file}: does not apply to the commit: {first[0]}")

    def _read(self, path: str) -> str:
        text = self._text(path)
        if text is None:
            raise InputError(f"the kernel has no {path}, which the debug patch needs")
        return text

    def _text(self, path: str) -> str | None:
        """A file of the index (latin-1: bytes survive), None if it is not there."""
        if self._run("cat-file", "-e", f":{path}").code:
            return None
        data = self._git("cat-file", "blob", f":{path}")
        return data.encode("utf-8", "surrogateescape").decode("latin-1")

    def _write(self, path: str, text: str) -> None:
        data = text.encode("latin-1").decode("utf-8", "surrogateescape")
        blob = self._git("hash-object", "-w", "--stdin", stdin=data).strip()
        self._git("update-index", "--add", "--cacheinfo", f"100644,{blob},{path}")

    def _git(self, *words: str, stdin: str = "") -> str:
        done = self._run(*words, stdin=stdin)
        if done.code:
            raise InputError(f"git {words[0]} in {self.repository}: {done.errors.strip()}")
        return done.output

    def _run(self, *words: str, stdin: str = "") -> Finished:
        place = {"GIT_DIR": str(self.repository), "GIT_INDEX_FILE": str(self._index)}
        return run(["git", *words], self.repository, place, stdin, merge=False)

    @property
    def _index(self) -> Path:
        return self.repository / "patch-index"


def with_hook(text: str, place: HookPlace) -> str | None:
    """The file with the hook's code at the start of the function; None if it is not defined there.

    The function's name must stand in a definition at the left margin, as the kernel writes them.
    """
    name = re.escape(place.function)
    start = rf"^[A-Za-z_][^;{{}}#=]*?\b{name}\([^;{{}}]*\)[^;{{}}=]*^\{{$"
    found = list(re.finditer(start, text, re.MULTILINE))
    if len(found) != 1:
        return None
    line = f"\n\tint kmem_convert_hook __maybe_unused = {place.code};"
    text = text[: found[0].end()] + line + text[found[0].end() :]
    first = _FIRST_INCLUDE.search(text)
    assert first is not None, f"{place.file} includes nothing"
    return text[: first.end()] + "\n" + _INCLUDE + text[first.end() :]


def _render(name: str, **variables: object) -> str:
    environment = Environment(
        loader=FileSystemLoader(template_root() / "boot"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # C and shell
        keep_trailing_newline=True,
    )
    return environment.get_template(name).render(variables)


render = _render
