"""What a simplification finds: a place, and either its new text or the reason to leave it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from convert.flow.code import Routine
from convert.rules.layout import Break, ContinuationStyle
from convert.rules.model import Kept, Refused
from convert.semantics.sizes import SizeReader
from convert.sites.sources import Sources
from convert.source.edits import Edit, Span
from convert.tree.kernel import KernelTree

Node = Any  # pycparser ships no types


@dataclass(frozen=True, eq=False)
class Rewrite:
    """A simplification of one place.

    text: edits whose lines are still to be laid out, with ``place``, where a line may be broken.
    fixed: edits that stay as they are. tree: what becomes of nodes, by their ``id``: another node,
    or None for a statement that goes; the new text has to parse to just that. nodes: keeps those
    nodes alive. names: the functions that are called now. notes: see `Converted`.
    """

    text: tuple[Edit, ...]
    fixed: tuple[Edit, ...]
    tree: Mapping[int, Node | None]
    nodes: tuple[Node, ...]
    reason: str
    names: tuple[str, ...] = ()
    place: Break | None = None
    notes: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()

    @property
    def edits(self) -> tuple[Edit, ...]:
        """All edits as the rule made them, sorted."""
        return tuple(sorted({*self.text, *self.fixed}))


@dataclass(frozen=True, eq=False)
class Found:
    """A place that has the shape of a simplification; ``callee``: the function that it is about."""

    span: Span
    callee: str
    verdict: Rewrite | Kept | Refused


@dataclass(frozen=True, eq=False)
class Given:
    """What rules may ask: the converted tree, its sizes and types, the styles of its files.

    declared: for each function or macro that a rule may write, the header that declares it in this
    tree, or None.
    """

    tree: KernelTree
    sources: Sources
    sizes: SizeReader
    declared: Mapping[str, str | None]
    style: Mapping[str, ContinuationStyle] = field(default_factory=dict)


class Rule(Protocol):
    """One simplification."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def words(self) -> frozenset[str]:
        """Functions that do not hold one of these names are not looked at."""

    @property
    def writes(self) -> frozenset[str]:
        """The functions and macros that it may call."""

    def find(self, routine: Routine, given: Given) -> Iterator[Found]:
        """All places of a function in one of its ``#if`` variants."""
