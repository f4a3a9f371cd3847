"""Getting a kernel into a scratch repository: Debian's source package, or a directory.

Everything lives in the user's cache directory and is made once: unpacking and committing the 80,000
files of a kernel takes a minute or two and 2 GB.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InputError
from convert.verify.process import run
from convert.verify.scratch import git

# One identity and date: the same files always give the same commit id.
IDENTITY = {
    "GIT_AUTHOR_NAME": "Kernel source",
    "GIT_AUTHOR_EMAIL": "kernel@example.org",
    "GIT_AUTHOR_DATE": "2000-01-01T00:00:00Z",
    "GIT_COMMITTER_NAME": "Kernel source",
    "GIT_COMMITTER_EMAIL": "kernel@example.org",
    "GIT_COMMITTER_DATE": "2000-01-01T00:00:00Z",
    "GIT_CONFIG_GLOBAL": "/dev/null",  # the user's filters and hooks are not for scratch work
}
# Stream every file into one pack: 80,000 loose files would take three times as long.
_ADD = ("-c", "core.bigFileThreshold=1", "-c", "core.compression=1", "add", "--all", "--force", ".")
Say = Callable[[str], None]


@dataclass(frozen=True)
class Kernel:
    """A scratch repository of ours: its directory, the base commit, a directory for builds."""

    name: str
    repository: Path
    base: str
    work: Path


def debian_kernel(package: str, cache: Path, say: Say) -> Kernel:
    """The kernel of a Debian source package; downloaded unless some version of it is cached.

    Raises InputError if it is not cached and apt-get cannot fetch it.
    """
    places = sorted(cache.glob(f"{package}_*/repository/.git/ready"))
    if places:
        return _kernel(places[-1].parents[2])
    archive = _download(package, cache, say)
    place = cache / archive.name.removesuffix(".deb")
    repository = place / "repository"
    shutil.rmtree(place, ignore_errors=True)
    repository.mkdir(parents=True)
    say(f"unpacking {archive.name}")
    member = f"./usr/src/{package}.tar.xz"
    _shell(
        'dpkg-deb --fsys-tarfile "$1" | tar --extract --to-stdout "$2"'
        ' | tar --extract --xz --strip-components=1 --directory "$3"',
        (str(archive), member, str(repository)),
        cache,
    )
    archive.unlink()
    say("committing the tree to a scratch repository")
    _git(repository, "init", "--quiet")
    _commit(repository, repository, place.name)
    return _kernel(place)


def directory_kernel(directory: Path, cache: Path, say: Say) -> Kernel:
    """The kernel in a directory: HEAD of a git repository, else its files. It is only read.

    Raises InputError if it is not the top of a kernel tree.
    """
    if not (directory / "MAINTAINERS").is_file() or not (directory / "Kbuild").is_file():
        raise InputError(f"{directory}: not the top of a kernel tree")
    top = directory.resolve()
    key = hashlib.sha256(str(top).encode()).hexdigest()[:8]
    place = cache / f"{top.name}-{key}"
    repository = place / "repository"
    repository.mkdir(parents=True, exist_ok=True)
    _git(repository, "init", "--quiet")
    if (top / ".git").exists():
        say(f"taking HEAD of {directory}")
        objects = git(top, "rev-parse", "--path-format=absolute", "--git-path", "objects")
        (repository / ".git/objects/info/alternates").write_text(objects)
        head = git(top, "rev-parse", "HEAD").strip()
        _git(repository, "update-ref", "refs/heads/base", head)
        _ready(repository)
    else:
        say(f"committing the files of {directory} to a scratch repository")
        _commit(repository, top, top.name)
    return _kernel(place)


def _kernel(place: Path) -> Kernel:
    """The finished repository, its work tree set back to the base."""
    repository = place / "repository"
    _git(repository, "checkout", "--quiet", "--force", "base")
    _git(repository, "clean", "--quiet", "--force", "-d", "-x")
    base = git(repository, "rev-parse", "refs/heads/base").strip()
    return Kernel(place.name, repository, base, place / "build")


def _commit(repository: Path, files: Path, title: str) -> None:
    """Commit a directory's files as the branch "base", with an index kept for the next time."""
    place = {
        "GIT_WORK_TREE": str(files),
        "GIT_DIR": str(repository / ".git"),
        "GIT_INDEX_FILE": str(repository / ".git/source-index"),
    }
    _git(files, *_ADD, **place)
    tree = _git(files, "write-tree", **place)
    commit = _git(files, "commit-tree", tree, "-m", title, **place)
    _git(repository, "update-ref", "refs/heads/base", commit)
    _ready(repository)


def _ready(repository: Path) -> None:
    """Note that the repository is complete."""
    _git(repository, "config", "gc.auto", "0")
    (repository / ".git/ready").touch()


def _download(package: str, cache: Path, say: Say) -> Path:
    if shutil.which("apt-get") is None:
        raise InputError(f"no apt-get to fetch {package} with; name a kernel tree: KERNEL=dir")
    cache.mkdir(parents=True, exist_ok=True)
    say(f"downloading {package} with apt-get")
    done = run(["apt-get", "download", package], cache)
    archives = sorted(cache.glob(f"{package}_*.deb"))
    if done.code or not archives:
        last = done.output.strip().splitlines()[-1:] or ["no output"]
        raise InputError(f"apt-get download {package}: {last[0]}; or name a tree: KERNEL=dir")
    return archives[-1]


def _git(cwd: Path, *words: str, **place: str) -> str:
    """Run a git command that writes, in a repository of ours. Raises InputError if it fails."""
    done = run(["git", *words], cwd, {**IDENTITY, **place}, merge=False)
    if done.code:
        raise InputError(f"git {words[0]} in {cwd}: {done.errors.strip()}")
    return done.output.strip()


def _shell(script: str, arguments: Sequence[str], cwd: Path) -> None:
    done = run(["bash", "-c", f"set -o pipefail; {script}", "bash", *arguments], cwd)
    if done.code:
        raise InputError(f"cannot unpack {arguments[0]}: {done.output.strip()}")
