"""Reviewing a whole series against a tree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from convert.errors import InputError
from convert.flow.provenance.names import Names, load_names
from convert.progress import Progress, silent
from convert.source.collection import without_collections
from convert.tree.git import NotARepository
from convert.tree.kernel import KernelTree
from convert.verify.review.commit import ScopeProof, Setting, review_commit
from convert.verify.review.declared import declared_places
from convert.verify.review.mails import (
    Applier,
    Commit,
    messages_of,
    read_mails,
    whole_prefix,
)
from convert.verify.review.model import CommitReview, Review
from convert.verify.review.revisions import is_range, read_range, repository_of
from convert.verify.review.sites import Site
from convert.verify.review.states import (
    C_SUFFIXES,
    State,
    Workshop,
    check_tree,
    roots_of,
    series_dialect,
    states_of,
)


@dataclass(frozen=True)
class SeriesToReview:
    """A series: the tree that it applies to, its commits, all its texts, and what was left out."""

    base: KernelTree
    commits: tuple[Commit, ...]
    messages: Mapping[str, str]
    notes: tuple[str, ...]


def read_series(source: str, tree: KernelTree) -> SeriesToReview:
    """Read a series: a directory of mails, a mail, an mbox, a plain diff, or a range ``A..B``.

    Raises InputError for what cannot be read and for a patch that does not apply exactly.
    """
    if is_range(source):
        base, commits = read_range(source, tree)
        return SeriesToReview(base, commits, {c.name: c.message for c in commits}, ())
    path = Path(source)
    if not path.exists():
        raise InputError(f"{source}: no such file or directory, and no range A..B")
    box = read_mails(path)
    applier = Applier(tree, whole_prefix(box.patches, _prefix(tree)))
    commits = tuple(applier.commit(mail) for mail in box.patches)
    others = [m for m in box.others if not m.name.startswith("0000-")]
    applier.notes += [
        f"{mail.name}: no patch in it ({mail.subject or 'no subject'})" for mail in others
    ]
    return SeriesToReview(tree, commits, messages_of(box), tuple(applier.notes))


def _prefix(tree: KernelTree) -> str:
    try:
        return repository_of(tree)[1]
    except (NotARepository, InputError):
        return ""


def review_series(
    source: str,
    tree: KernelTree,
    *,
    cache_dir: Path | None = None,
    proof: ScopeProof | None = None,
    progress: Progress = silent,
) -> Review:
    """Review what a series changes in allocations, commit by commit.

    source: see `read_series`. proof: shows scopes that a function itself does not show. Raises
    InputError for unusable input; writes nothing but the cache.
    """
    progress("reading the series")
    series = read_series(source, tree)
    check_tree(series.base)
    names = load_names()
    touched = [c.path for commit in series.commits for c in commit.changes]
    own = [path for path in dict.fromkeys(touched) if path.endswith(C_SUFFIXES)]
    roots = roots_of(own, series.base)
    progress("reading the tree's headers")
    dialect = series_dialect(series.base, series.commits, roots, cache_dir)
    workshop = Workshop(names, dialect, roots)
    setting = _setting(names, series, proof)
    reviews: list[CommitReview] = []
    with without_collections():
        for number, (before, after, commit) in enumerate(
            states_of(series.base, series.commits, workshop), 1
        ):
            progress(f"reviewing {number}/{len(series.commits)}: {commit.subject or commit.name}")
            reviews.append(review_commit(before, after, commit, number, setting))
    return Review(source, tree.name, series.base.revision, tuple(reviews), series.notes)


def _setting(names: Names, series: SeriesToReview, proof: ScopeProof | None) -> Setting:
    lines = _BaseLines(series.base)
    return Setting(
        names=names,
        declared=declared_places(series.messages.values()),
        base_line=lines.line,
        proof=proof,
    )


@dataclass
class _BaseLines:
    """Lines of a state as lines of the tree before the series."""

    base: KernelTree
    _known: dict[tuple[int, str], Sequence[int | None]] = field(default_factory=dict)

    def line(self, state: State, site: Site) -> int | None:
        """The line that a site had before the series; None if it is new."""
        if not self.base.exists(site.path) or not state.tree.exists(site.path):
            return None
        key = (id(state), site.path)
        if key not in self._known:
            self._known[key] = _mapped(self.base.read(site.path), state.tree.read(site.path))
        lines = self._known[key]
        return lines[site.line - 1] if site.line <= len(lines) else None


def _mapped(base: bytes, now: bytes) -> list[int | None]:
    """For each line of ``now`` the equal line of ``base``, both counted from 1."""
    old, new = base.split(b"\n"), now.split(b"\n")
    found: list[int | None] = [None] * len(new)
    for block in SequenceMatcher(None, old, new).get_matching_blocks():
        for step in range(block.size):
            found[block.b + step] = block.a + step + 1
    return found
