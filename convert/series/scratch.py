"""A private repository in a temporary directory, where commits are built and tried out.

It borrows the objects of the user's repository and never writes there. Git runs in it without the
user's configuration, attributes, hooks and environment: the same input gives the same mails.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError, InternalCheckError
from convert.series.base import Base, GitBase, blob_id
from convert.series.identity import Identity
from convert.series.model import Commit, Series
from convert.tree.git import NO_GIT, reason_line

# Background jobs would outlive the directory; abbreviated ids have the kernel's 12 digits.
_SETTINGS = """\
[gc]
\tauto = 0
[maintenance]
\tauto = false
[core]
\tabbrev = 12
\tquotePath = false
"""


class GitFailed(InputError):
    """Git ended with an error; the message is its own line."""


@dataclass(frozen=True)
class Built:
    """A series in a scratch repository: the ids of its base, its commits and its last tree."""

    base: str
    commits: tuple[str, ...]
    tree: str


@dataclass(frozen=True)
class Scratch:
    """A scratch repository: the directory that git runs in, and the environment it gets."""

    directory: Path
    environment: Mapping[str, str]

    def git(self, *arguments: str, data: bytes = b"") -> bytes:
        """Run git and return what it printed. Raises GitFailed with git's own reason."""
        command = ["git", *arguments]
        try:
            result = subprocess.run(
                command,
                cwd=self.directory,
                env=dict(self.environment),
                input=data,
                capture_output=True,
                check=False,
            )
        except FileNotFoundError as error:
            raise InputError(NO_GIT) from error
        if result.returncode:
            reason = reason_line(result.stderr.decode("utf-8", "replace"))
            raise GitFailed(f"git {arguments[0]} failed: {reason or result.returncode}")
        return result.stdout

    def line(self, *arguments: str) -> str:
        """The one line that git prints."""
        return self.git(*arguments).decode("utf-8", "surrogateescape").strip()


@contextmanager
def scratch_repository(
    base: Base, identity: Identity, bare: bool = True, inside: Path | None = None
) -> Iterator[Scratch]:
    """Make a scratch repository on a base and delete it at the end, whatever happens.

    ``inside``: the directory to make it in; by default that for temporary files.
    """
    with tempfile.TemporaryDirectory(prefix="kmem-convert-", dir=inside) as name:
        top = Path(name).resolve()
        directory = top / "repository"
        directory.mkdir()
        scratch = Scratch(directory, _environment(top, identity))
        kind = ["--bare"] if bare else []
        scratch.git("init", "--quiet", "--template=", *_object_format(base), *kind)
        git_dir = directory if bare else directory / ".git"
        with (git_dir / "config").open("a", encoding="ascii") as config:
            config.write(_SETTINGS)
        (git_dir / "info").mkdir(exist_ok=True)
        # Hunk headers name functions, not labels, as with the kernel's own .gitattributes.
        (git_dir / "info" / "attributes").write_text("*.c diff=cpp\n*.h diff=cpp\n", "ascii")
        if isinstance(base, GitBase):
            _borrow(base, git_dir)
        yield scratch


def _borrow(base: GitBase, git_dir: Path) -> None:
    """Let a scratch repository read the user's objects."""
    alternates = git_dir / "objects" / "info" / "alternates"
    alternates.write_bytes(os.fsencode(base.objects) + b"\n")
    shallow = Path(base.tree.repo.common_dir) / "shallow"
    if shallow.is_file():  # the commits at which a shallow clone ends
        (git_dir / "shallow").write_bytes(shallow.read_bytes())


def _object_format(base: Base) -> list[str]:
    sha256 = isinstance(base, GitBase) and len(base.commit) == 64
    return ["--object-format=sha256"] if sha256 else []


def _environment(home: Path, identity: Identity) -> dict[str, str]:
    """The process's environment without anything that configures git, plus the identity."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    return {
        **kept,
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home),
        "LC_ALL": "C",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        **identity.environment(),
    }


def build_base(scratch: Scratch, base: Base, identity: Identity) -> str:
    """The id of the base commit; for a plain directory it is made of the base's files."""
    if isinstance(base, GitBase):
        return base.commit
    commit = _import_commit("base", 1, "Files as they are\n", None, base.files, identity)
    return _fast_import(scratch, commit)[0]


def build(scratch: Scratch, base: Base, series: Series, identity: Identity) -> Built:
    """Make the commits of a series, by one ``git fast-import`` for all.

    Raises GitFailed, and InternalCheckError if a commit does not hold exactly the intended files.
    """
    start = build_base(scratch, base, identity)
    stream: list[bytes] = []
    parent = start
    for commit in series.commits:
        changes = {
            base.prefix + path: None if data is None else (base.mode(path), data)
            for path, data in commit.files.items()
        }
        mark = commit.number
        stream += _import_commit("series", mark, commit.message, parent, changes, identity)
        parent = f":{mark}"
    commits = _fast_import(scratch, stream)
    for before, made, commit in zip((start, *commits), commits, series.commits, strict=False):
        _check_commit(scratch, base, before, made, commit)
    return Built(start, commits, scratch.line("rev-parse", f"{commits[-1]}^{{tree}}"))


def _fast_import(scratch: Scratch, stream: list[bytes]) -> tuple[str, ...]:
    """Run ``git fast-import`` and return the ids of its commits, in the order of their marks."""
    table = scratch.directory / "marks"
    scratch.git("fast-import", "--quiet", f"--export-marks={table}", data=b"".join(stream))
    ids = dict(line.split() for line in table.read_text("ascii").splitlines())
    return tuple(ids[mark] for mark in sorted(ids, key=lambda mark: int(mark[1:])))


def _import_commit(
    branch: str,
    mark: int,
    message: str,
    parent: str | None,
    files: Mapping[str, tuple[str, bytes] | None],
    identity: Identity,
) -> list[bytes]:
    """One commit in the language of ``git fast-import``."""
    author, committer = identity.author, identity.committer
    parts = [
        f"commit refs/heads/{branch}\nmark :{mark}\n"
        f"author {author.person} {author.date}\n"
        f"committer {committer.person} {committer.date}\n".encode("utf-8", "surrogateescape"),
        _data(message.encode("utf-8")),
        f"from {parent}\n".encode("ascii") if parent else b"",
    ]
    for path, file in files.items():
        quoted = _quoted(path)
        if file is None:
            parts.append(b"D " + quoted + b"\n")
        else:
            parts += [
                b"M " + file[0].encode("ascii") + b" inline " + quoted + b"\n",
                _data(file[1]),
            ]
    return [*parts, b"\n"]


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _quoted(path: str) -> bytes:
    """A path in C's quotes."""
    raw = os.fsencode(path)
    return b'"' + raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n") + b'"'


def _check_commit(scratch: Scratch, base: Base, parent: str, made: str, commit: Commit) -> None:
    """Raises InternalCheckError unless a commit changes the files it should, to the byte."""
    raw = scratch.git("diff-tree", "-r", "-z", "--raw", "--no-renames", parent, made)
    fields = raw.decode("utf-8", "surrogateescape").split("\0")[:-1]
    found = {}
    for head, path in zip(fields[::2], fields[1::2], strict=True):
        _, mode, _, blob, status = head.split()
        found[path] = None if status == "D" else (mode, blob)
    wanted = {
        base.prefix + path: None if data is None else (base.mode(path), blob_id(data, made))
        for path, data in commit.files.items()
    }
    if found != wanted:
        raise InternalCheckError(
            f"commit {commit.number} changes {_names(found)}, but should change {_names(wanted)}"
        )


def _names(paths: Mapping[str, object]) -> str:
    names: Sequence[str] = sorted(paths)
    return ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
