"""Recipes that look at scopes: what would deadlock without, and which masks are needless."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from convert.choices import HAZARDOUS, PROVEN, UPSTREAM, Options
from convert.errors import InputError
from convert.flow.hazards.find import analyse
from convert.flow.hazards.model import HazardReport
from convert.flow.placement.model import Placement
from convert.flow.placement.place import place_scopes
from convert.flow.scopes.prove import prove_scopes
from convert.plan import Plan
from convert.progress import Progress, silent
from convert.rules.hazards.editor import TreeEditor
from convert.rules.hazards.recipe import Choice, Means, with_hazards
from convert.rules.scoped.proven import with_proven_masks
from convert.rules.scoped.stage import Ground
from convert.semantics.scopes import scope_table
from convert.source.collection import without_collections
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree

_SCOPE = "nofs"


def with_scope_recipe(
    plan: Plan,
    tree: KernelTree,
    options: Options,
    dialect: Callable[[], Dialect],
    progress: Progress = silent,
) -> Plan:
    """The plan of a conversion with the steps of its recipe behind it; of ``exact`` there are none.

    Raises InputError for paths that hold no C or a tree without such scopes, InternalCheckError
    when one of the tool's own checks fails.
    """
    if options.recipe not in (PROVEN, *HAZARDOUS):
        return plan
    table = scope_table(tree, dialect())
    if _SCOPE not in table.scopes:
        raise InputError(f"{tree.name}: there is no memalloc_{_SCOPE}_save(); use the recipe exact")
    if options.recipe == PROVEN:
        proofs = prove_scopes(
            tree, plan.paths, cache_dir=options.cache_dir, progress=progress, scope=_SCOPE
        )
        progress("dropping masks inside of open scopes")
        return with_proven_masks(Ground(plan, tree, proofs, table, dialect))
    report, placement = find_and_place(tree, plan.paths, options, progress)
    progress("placing scopes and dropping masks")

    def again(edited: KernelTree) -> HazardReport:
        return analyse(edited, plan.paths, options.cache_dir, progress, _SCOPE).report()

    ground = Ground(plan, tree, report.proofs, table, dialect)
    editor = TreeEditor(tree, plan.paths, dialect, table.scopes[_SCOPE])
    choice = Choice(options.recipe == UPSTREAM, options.placeholder_scopes)
    return with_hazards(ground, report, placement, Means(again, editor, progress), choice)


@without_collections()  # of the analysis, which is as large as its graph of calls
def find_and_place(
    tree: KernelTree, paths: Sequence[str], options: Options, progress: Progress = silent
) -> tuple[HazardReport, Placement]:
    """The hazards below some paths of a tree, and the scopes that would be placed.

    Raises InputError as `convert.flow.hazards.find.find_hazards`.
    """
    analysis = analyse(tree, paths, options.cache_dir, progress, _SCOPE)
    report = analysis.report()
    return report, place_scopes(report, analysis.ways())
