"""From decided sites to the steps of the series, and the facts that each message may state."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from convert.plan import FileChange, PlannedSite, Step
from convert.rules.model import Converted
from convert.rules.removal import Removal
from convert.sites.family import Family
from convert.sites.model import SiteKind
from convert.source.edits import Edit

STEPS = ("zalloc", "alloc", "move-helpers", "kvfree", "kfree", "free", "remove")


@dataclass(frozen=True)
class StepMaker:
    """Makes the steps of the recipe; those without changes are left out."""

    family: Family

    def steps(self, sites: Sequence[PlannedSite], removal: Removal) -> tuple[Step, ...]:
        edits: dict[str, dict[str, set[Edit]]] = {step: {} for step in STEPS}
        for planned in sites:
            decision = planned.decision
            if isinstance(decision, Converted):
                row = edits[decision.step].setdefault(planned.site.file, set())
                row.update(decision.edits)
        for move in removal.moves:
            edits["move-helpers"].setdefault(move.target, set()).add(move.insertion)
        steps: list[Step] = []
        for step in STEPS:
            deleted = set(removal.deleted) if step == "remove" and not removal.blockers else set()
            paths = sorted({p for p, e in edits[step].items() if e} | deleted)
            if not paths:
                continue
            changes = tuple(
                FileChange(p, (), True)
                if p in deleted
                else FileChange(p, tuple(sorted(edits[step][p])))
                for p in paths
            )
            number = len(steps) + 1
            facts = self._facts(step, sites, removal, len(paths))
            steps.append(Step(number, step, self._subject(step, sites, removal), changes, facts))
        return tuple(steps)

    def _names(self, step: str, sites: Sequence[PlannedSite]) -> tuple[list[str], list[str]]:
        """The wrappers that a step replaces, and the plain functions, the commonest first."""
        old: Counter[str] = Counter()
        new: Counter[str] = Counter()
        for planned in sites:
            decision = planned.decision
            if isinstance(decision, Converted) and decision.step == step:
                if planned.site.kind not in (SiteKind.ALLOC, SiteKind.FREE):
                    continue
                old[planned.site.callee] += 1
                new[re.split(r"\W", decision.replacement, maxsplit=1)[0]] += 1
        return [n for n, _ in old.most_common()], [n for n, _ in new.most_common()]

    def _subject(self, step: str, sites: Sequence[PlannedSite], removal: Removal) -> str:
        old, new = self._names(step, sites)
        if step in ("zalloc", "alloc", "kvfree", "kfree", "free"):
            if not old:
                return "convert allocation flags to gfp_t"
            if step == "kvfree":
                return f"convert {old[0]}() to kvfree() where vmalloc is possible"
            if step == "kfree":
                return f"convert remaining {old[0]}() to kfree()"
            return f"convert {old[0]}() to {new[0]}()"
        if step == "move-helpers":
            names = [f"{move.piece.name}()" for move in removal.moves]
            target = removal.moves[0].target.rsplit("/", 1)[-1]
            return f"move {' and '.join(names)} to {target}"
        names = [path.rsplit("/", 1)[-1] for path in removal.deleted]
        return f"remove {' and '.join(sorted(names)) or 'the kmem wrappers'}"

    def _facts(
        self, step: str, sites: Sequence[PlannedSite], removal: Removal, files: int
    ) -> dict[str, object]:
        old, new = self._names(step, sites)
        own = [s for s in sites if isinstance(s.decision, Converted) and s.decision.step == step]
        masks: Counter[tuple[str, str]] = Counter()
        for planned in own:
            assert isinstance(planned.decision, Converted)
            if planned.site.kind is SiteKind.ALLOC and planned.decision.gfp_after:
                before = " | ".join(planned.decision.gfp_before) or "0"
                masks[before, " | ".join(planned.decision.gfp_after)] += 1
        includer = removal.moves[0].target if removal.moves else ""
        if not includer and removal.includes:
            includer = removal.includes[0].path
        return {
            "wrappers": old,
            "replacements": new,
            "header": self.family.header,
            "includer": includer,
            "helpers": [move.piece.name for move in removal.moves],
            "deleted": list(removal.deleted),
            "includes_added": sorted({name for c in removal.includes for name in c.added}),
            "events": [s.site.callee for s in own if s.site.kind is SiteKind.TRACE_EVENT],
            "files": files,
            "sites": len(own),
            "masks": [(b, a, n) for (b, a), n in sorted(masks.items())],
            "memory": _memory(own),
        }


def _memory(sites: Sequence[PlannedSite]) -> dict[str, int]:
    """How many frees of a step get memory of which kind; "unread" where nothing is known."""
    found: Counter[str] = Counter()
    for planned in sites:
        decision = planned.decision
        if planned.site.kind is SiteKind.FREE and isinstance(decision, Converted):
            verdict = decision.provenance
            found["unread" if verdict is None else verdict.kind.value] += 1
    return dict(sorted(found.items()))
