"""Noting what a tree is asked, so that a result can be kept together with all that it rests on.

What is computed from a tree alone is the same for every tree that answers the questions that were
asked in the same way: the first question does not depend on the tree, and each further one only on
the answers before it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from convert.errors import InputError
from convert.tree.kernel import KernelTree
from convert.tree.store import Store, code_is_unchanged

Questions = Mapping[tuple[str, str], bytes]
"""Each question (what is asked, a path) with a digest of its answer."""

_A = TypeVar("_A")


class TracedTree:
    """A `KernelTree` that passes all questions on and notes them with digests of the answers."""

    def __init__(self, base: KernelTree) -> None:
        self._base = base
        self._asked: dict[tuple[str, str], bytes] = {}
        self._steady = True

    @property
    def name(self) -> str:
        """The tree as the user named it; not among the questions."""
        return self._base.name

    @property
    def revision(self) -> str | None:
        """The full commit id, or None; not among the questions."""
        return self._base.revision

    def read(self, path: str) -> bytes:
        """The bytes of a file. Raises InputError if there is no such regular file."""
        return self._noted("read", path, self._base.read)

    def exists(self, path: str) -> bool:
        """Whether a regular file or a directory of that path is in the tree."""
        return self._noted("exists", path, self._base.exists)

    def files(self, under: str = "") -> tuple[str, ...]:
        """All regular files below a directory. Raises InputError for a path that is not there."""
        return self._noted("files", under, self._base.files)

    @property
    def questions(self) -> Questions | None:
        """What was asked so far; None if the tree changed meanwhile."""
        return dict(self._asked) if self._steady else None

    def _noted(self, kind: str, path: str, ask: Callable[[str], _A]) -> _A:
        try:
            answer = ask(path)
        except InputError as error:
            self._note(kind, path, _digest(error))
            raise
        self._note(kind, path, _digest(answer))
        return answer

    def _note(self, kind: str, path: str, digest: bytes) -> None:
        if self._asked.setdefault((kind, path), digest) != digest:
            self._steady = False


def answers_alike(tree: KernelTree, questions: Questions) -> bool:
    """Whether a tree answers all questions as another one did."""
    asks: dict[str, Callable[[str], object]] = {
        "read": tree.read,
        "exists": tree.exists,
        "files": tree.files,
    }
    for (kind, path), digest in questions.items():
        try:
            answer = asks[kind](path)
        except InputError as error:
            answer = error
        if _digest(answer) != digest:
            return False
    return True


@dataclass(frozen=True)
class _Kept:
    """A result with the questions that it rests on."""

    questions: Questions
    result: object


def remembered(store: Store, key: str, tree: KernelTree, make: Callable[[KernelTree], _A]) -> _A:
    """What ``make`` computes from a tree, or what was kept of it if the tree answers as then.

    key: stands for all that the result depends on beside the tree's answers, its name included.
    """
    kept = store.load(key)
    if isinstance(kept, _Kept) and answers_alike(tree, kept.questions):
        found: _A = kept.result  # type: ignore[assignment]  # under this key only `make`'s results
        return found
    traced = TracedTree(tree)
    result = make(traced)
    questions = traced.questions
    if questions is not None and code_is_unchanged():
        store.save(key, _Kept(questions, result))
        store.prune()
    return result


def _digest(answer: object) -> bytes:
    match answer:
        case bytes():
            return hashlib.sha256(answer).digest()
        case bool():
            return b"yes" if answer else b"no"
        case InputError():
            return b"error " + hashlib.sha256(str(answer).encode()).digest()
    assert isinstance(answer, tuple)
    return b"list " + hashlib.sha256("\0".join(answer).encode("utf-8", "surrogateescape")).digest()
