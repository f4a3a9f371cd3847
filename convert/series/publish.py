"""Putting finished files into a directory so that nothing half-written is ever left there."""

from __future__ import annotations

import errno
import re
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

from convert.errors import InputError

_MAIL_FILE = re.compile(r"[0-9]{4}-.*\.patch")


def check_output(outdir: Path, force: bool) -> None:
    """Raises InputError if the directory holds something, or is none.

    ``force`` allows to replace an earlier series, never other files.
    """
    try:
        present = sorted(path.name for path in outdir.iterdir()) if outdir.exists() else []
    except NotADirectoryError as error:
        raise InputError(f"{outdir}: not a directory; name another place for the series") from error
    except OSError as error:
        raise InputError(f"{outdir}: cannot be read: {error.strerror}") from error
    foreign = [name for name in present if not _MAIL_FILE.fullmatch(name)]
    if foreign and force:
        raise InputError(
            f"{outdir}: holds {foreign[0]}, which is no mail of a series; name another directory"
        )
    if present and not force:
        raise InputError(
            f"{outdir}: not empty ({present[0]}); name a new directory, or say --force to replace"
            " an earlier series"
        )


def publish(files: Mapping[str, bytes], outdir: Path) -> None:
    """Write the files into the directory, in place of the mail files that are there.

    All content is written to a temporary directory beside it first, then moved by renaming. A new
    output directory appears as a whole; in one that exists the files are exchanged one by one and
    put back if that fails. Missing parents are made. Raises InputError if it cannot be written;
    then, and on Ctrl-C, it is as it was.
    """
    outdir = outdir.absolute()
    try:
        with _parents(outdir), _beside(outdir) as temporary:
            new = temporary / "new"
            new.mkdir()
            for name, data in files.items():
                (new / name).write_bytes(data)
            if outdir.exists():
                _exchange(new, outdir, temporary / "old")
            else:
                new.rename(outdir)
    except OSError as error:
        raise InputError(f"{outdir}: cannot be written: {error.strerror or error}") from error


@contextmanager
def _parents(outdir: Path) -> Iterator[None]:
    """Make the missing parents of a directory; on failure they go again."""
    missing = [parent for parent in outdir.parents if not parent.exists()]
    present = outdir.parents[len(missing)]
    if not present.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, f"{present} is not a directory")
    try:
        outdir.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for parent in missing:
            with suppress(OSError):
                parent.rmdir()
        raise


@contextmanager
def _beside(outdir: Path) -> Iterator[Path]:
    """A temporary directory on the same file system: inside an existing output directory."""
    parent = outdir if outdir.exists() else outdir.parent
    path = Path(tempfile.mkdtemp(prefix=f".{outdir.name}.", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _exchange(new: Path, outdir: Path, old: Path) -> None:
    """Move the earlier mail files away and the new ones in; undo both if that fails."""
    old.mkdir()
    moved: list[tuple[Path, Path]] = []
    steps = [(path, old / path.name) for path in outdir.iterdir() if path.is_file()]
    steps += [(path, outdir / path.name) for path in sorted(new.iterdir())]
    try:
        for source, target in steps:
            # Noted first: an interrupt between the two may leave it undone, never unknown.
            moved.append((source, target))
            source.rename(target)
    except BaseException:
        for source, target in reversed(moved):
            with suppress(FileNotFoundError):
                target.rename(source)
        raise
