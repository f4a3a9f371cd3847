"""The mail files of a series, as ``git format-patch`` writes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import InternalCheckError
from convert.plan import Plan
from convert.series.base import Base, GitBase, series_base
from convert.series.check import am_tree, read_back
from convert.series.identity import read_identity
from convert.series.mail import transportable, with_cover, with_fixed_ids
from convert.series.maintainers import Recipients, find_recipients
from convert.series.messages import render_cover, render_series
from convert.series.model import Check, Generator, Series
from convert.series.publish import check_output, publish
from convert.series.scratch import Built, Scratch, build, scratch_repository
from convert.tree.directory import DirectoryTree
from convert.tree.kernel import KernelTree

_COVER = "0000-cover-letter.patch"


@dataclass(frozen=True)
class SeriesWritten:
    """A series that now lies in a directory.

    base: the commit that it applies to, None for a plain directory. commits: ids that `apply` would
    give with the same date. tree_id: the tree after the last (for a plain directory, of the touched
    files only). checks: what was checked of the mails. notes: such as why To and Cc are empty.
    """

    directory: Path
    cover: Path
    patches: tuple[Path, ...]
    base: str | None
    commits: tuple[str, ...]
    tree_id: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    checks: tuple[Check, ...]
    notes: tuple[str, ...]


def write_series(
    plan: Plan,
    tree: KernelTree,
    outdir: Path,
    *,
    generator: Generator,
    checks: Sequence[Check] = (),
    maintainers: bool = True,
    force: bool = False,
) -> SeriesWritten:
    """Write ``0000-cover-letter.patch``, ``0001-….patch`` and so on into a directory.

    ``checks``: builds and tests that the caller ran, for the cover letter. The patches are read
    back and applied by plain ``git am`` before anything is written. ``force`` replaces an earlier
    series. Raises InputError (directory not empty or not writable, uncommitted files, no identity)
    and InternalCheckError; then the directory is as it was.
    """
    check_output(outdir, force)
    base = series_base(plan, tree)
    identity = read_identity(_identity_directory(base, tree))
    series = render_series(plan, generator)
    with scratch_repository(base, identity) as scratch:
        built = build(scratch, base, series, identity)
        recipients = (
            _recipients(scratch, base, built, tree, series) if maintainers else Recipients()
        )
        seconds = identity.author.date.split()[0]
        mails = {
            path.name: transportable(with_fixed_ids(path.read_bytes(), seconds))
            for path in _format_patch(scratch, base, built, recipients, rfc=plan.rfc)
        }
        self_checks = _check_mails(mails, scratch, base, built, series, plan)
    cover = render_cover(plan, generator, checks, self_checks)
    mails[_COVER] = transportable(with_cover(mails[_COVER], cover))
    publish(mails, outdir)
    names = sorted(mails)
    return SeriesWritten(
        directory=outdir,
        cover=outdir / _COVER,
        patches=tuple(outdir / name for name in names if name != _COVER),
        base=base.commit if isinstance(base, GitBase) else None,
        commits=built.commits,
        tree_id=built.tree,
        to=recipients.to,
        cc=recipients.cc,
        checks=tuple(self_checks),
        notes=recipients.notes,
    )


def _identity_directory(base: Base, tree: KernelTree) -> Path:
    """Where to ask git for its configuration."""
    if isinstance(base, GitBase):
        return Path(base.tree.repo.working_tree_dir or base.tree.repo.git_dir)
    return tree.root if isinstance(tree, DirectoryTree) else Path()


def _recipients(
    scratch: Scratch, base: Base, built: Built, tree: KernelTree, series: Series
) -> Recipients:
    """Whom the whole series concerns."""
    relative = [f"--relative={base.prefix}"] if base.prefix else []
    diff = scratch.git("diff", "--no-renames", *relative, built.base, built.commits[-1])
    return find_recipients(tree, diff, series.files)


def _format_patch(
    scratch: Scratch, base: Base, built: Built, recipients: Recipients, *, rfc: bool
) -> list[Path]:
    """Let git write the mails; the cover letter comes first."""
    outdir = scratch.directory.parent / "mails"
    options = [
        f"--output-directory={outdir}",
        "--cover-letter",
        "--numbered",
        "--thread=shallow",
        "--no-renames",
        "--cover-from-description=none",
        *(f"--to={address}" for address in recipients.to),
        *(f"--cc={address}" for address in recipients.cc),
    ]
    if rfc:
        options.append("--rfc")
    if isinstance(base, GitBase):
        options.append(f"--base={base.commit}")
    scratch.git("format-patch", *options, f"{built.base}..{built.commits[-1]}")
    return sorted(outdir.iterdir())


def _check_mails(
    mails: dict[str, bytes], scratch: Scratch, base: Base, built: Built, series: Series, plan: Plan
) -> list[Check]:
    """Check the patches in both ways; raises InternalCheckError. Returns what was checked."""
    before = {path: text.encode("latin-1") for path, text in plan.originals.items()}
    names = [name for name in sorted(mails) if name != _COVER]
    read_back([mails[name] for name in names], series, before, base.prefix)
    directory = scratch.directory.parent / "checked"
    directory.mkdir()
    for name in names:
        (directory / name).write_bytes(mails[name])
    touched = [base.prefix + path for path in series.files]
    tree = am_tree([directory / name for name in names], base, touched)
    if tree != built.tree:
        raise InternalCheckError(f"git am of the mails gives tree {tree}, not {built.tree}")
    # Of a plain directory the base holds only some files, so its tree means nothing to others.
    made = f"tree {tree[:12]}" if isinstance(base, GitBase) else "files"
    return [
        Check("patches read back by unidiff", "every hunk fits and gives the intended files"),
        Check("plain git am of the patches on the base", f"gives the intended {made}"),
    ]
