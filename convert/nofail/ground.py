"""What the stage works on: the text before, the text with nofail scopes, the proofs about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from convert.errors import InternalCheckError
from convert.flow.scopes.prove import prove_scopes
from convert.flow.scopes.results import ProvenSite, ScopeProofs
from convert.nofail.api import SCOPE
from convert.nofail.sections import Runners
from convert.nofail.twins import TwinFinder, Twins
from convert.plan import Plan
from convert.profiles.callbacks import load_callbacks
from convert.profiles.nofail import load_nofail_facts
from convert.rules.large.places import Places
from convert.rules.scoped.equality import MaskJudge
from convert.semantics.scopes import ScopeTable, scope_table
from convert.sites.sources import Sources
from convert.source.edits import Edit, apply_edits
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree
from convert.tree.overlay import OverlayTree

_MODEL = "nofs"
_RUN = ("work", "thread")  # what runs a function as work of its own


@dataclass
class Ground:
    """A plan with the API ahead, and what its text says.

    places: of the text before this stage; table: the scopes of that text, nofail among them.
    """

    plan: Plan
    tree: KernelTree
    dialect: Callable[[], Dialect]
    progress: Callable[[str], None]
    cache_dir: Path | None = None
    places: Places = field(init=False)
    table: ScopeTable = field(init=False)
    twins: Twins = field(init=False)
    proofs: ScopeProofs | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.progress("looking for the handles that open nofs scopes")
        self.places = Places(self.plan, self.tree)
        self.table = scope_table(self.places.after, self.dialect())
        scopes = self.table.scopes
        if SCOPE not in scopes or scopes[SCOPE].change is None:
            raise InternalCheckError("the nofail scope of the patches cannot be run")
        self.sources = Sources(self.places.after, self.paths, self.dialect)
        takers = load_callbacks().takers
        work = frozenset(name for name, kind in takers.items() if kind in _RUN)
        runners = Runners(work, load_nofail_facts().sections)
        self.twins = TwinFinder(self.sources, scopes[_MODEL], scopes[SCOPE], runners).find()
        self.judge = MaskJudge(self.table, SCOPE)

    @property
    def paths(self) -> tuple[str, ...]:
        """The paths of the plan that are still there."""
        return tuple(path for path in self.plan.paths if self.places.after.exists(path))

    def edits(self) -> Mapping[str, tuple[Edit, ...]]:
        """What opens the scopes."""
        return self.twins.edits()

    def prove(self) -> ScopeProofs:
        """Prove the scopes in the text that opens them.

        Raises InternalCheckError if a function that was given a twin of a save or a restore has no
        effect on the scope.
        """
        self.progress("proving nofail scopes")
        opened = {
            path: apply_edits(self.places.after.read(path).decode("latin-1"), edits).encode(
                "latin-1"
            )
            for path, edits in self.edits().items()
        }
        tree = OverlayTree(self.places.after, opened)
        proofs = prove_scopes(
            tree, self.paths, cache_dir=self.cache_dir, progress=self.progress, scope=SCOPE
        )
        known = {effect.function for effect in proofs.openers}
        for move in self.twins.moves:
            moved = move.what in ("save", "restore") and not move.local
            lost = moved and move.function not in known  # a section ends in its function
            if lost and move.member not in self.twins.refused:
                raise InternalCheckError(
                    f"{move.path}: {move.function}() was given the twin of a {move.what}, "
                    f"and has no effect on the {SCOPE} scope"
                )
        self.proofs = proofs
        return proofs

    def proof(self, path: str, offset: int) -> ProvenSite | None:
        """What is known of the call whose callee stands at an offset of the text before."""
        assert self.proofs is not None
        shift = sum(
            len(edit.text) - (edit.span.end - edit.span.start)
            for edit in self.edits().get(path, ())
            if edit.span.start <= offset
        )
        return self.proofs.site(path, offset + shift)
