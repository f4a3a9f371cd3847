"""The patches of the nofail API in a plan: ahead of everything that a recipe does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from convert.choices import Options
from convert.errors import InternalCheckError
from convert.nofail.api import nofail_api
from convert.nofail.decide import Failing
from convert.nofail.ground import Ground
from convert.nofail.scoping import with_open_scopes
from convert.plan import FileChange, Plan, Step
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree

FOLDER = "nofail"


def with_nofail_scopes(
    plan: Plan,
    tree: KernelTree,
    options: Options,
    dialect: Callable[[], Dialect],
    progress: Callable[[str], None],
) -> Plan:
    """The plan with nofail scopes as far as the options ask for them."""
    if options.nofail_scopes is None:
        return plan
    plan = with_nofail_api(plan, tree, dialect, progress)
    if options.nofail_scopes == "api":
        return plan
    ground = Ground(plan, tree, dialect, progress, options.cache_dir)
    failing: Failing = "accept" if options.nofail_failing == "accept" else "keep"
    return with_open_scopes(ground, failing, redundant=options.nofail_scopes == "convert")


def with_nofail_api(
    plan: Plan, tree: KernelTree, dialect: Callable[[], Dialect], progress: Callable[[str], None]
) -> Plan:
    """The plan with the patches that give the tree a nofail scope as its first steps.

    The series is marked RFC then. Raises InputError where the tree does not allow the patches; see
    `nofail_api`.
    """
    progress("making the patches of the nofail scope")
    api = nofail_api(tree, dialect())
    both = sorted({*api.originals} & {*plan.originals})
    if both:
        raise InternalCheckError(f"{both[0]}: changed by the nofail API and by the conversion")
    steps = [
        Step(
            number=number,
            id=f"{FOLDER}/{patch.id}",
            subject=patch.subject,
            changes=tuple(FileChange(path, edits) for path, edits in patch.edits.items()),
            facts=patch.facts,
            prefix=patch.prefix,
        )
        for number, patch in enumerate(api.patches, 1)
    ]
    later = [replace(step, number=step.number + len(steps)) for step in plan.steps]
    return replace(
        plan,
        steps=(*steps, *later),
        originals={**plan.originals, **api.originals},
        rfc=True,
    )
