"""Making a plan, or taking the one of an earlier run.

Little is imported here: most of the program is what makes a plan, and one that was kept needs none
of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from convert.choices import HAZARDOUS, PROVEN, Options
from convert.plan import Plan
from convert.progress import Progress, silent
from convert.tree.kernel import KernelTree
from convert.tree.store import Store, key_of
from convert.tree.traced import remembered


def make_plan(
    tree: KernelTree, paths: Sequence[str], options: Options, progress: Progress = silent
) -> Plan:
    """Decide every site under ``paths``, as `convert.pipeline.plan_anew` does.

    A plan of a tree that did not change since is taken from the cache. Raises InputError for
    unusable input and InternalCheckError when one of the tool's own checks fails. Writes nothing
    (but the cache).
    """

    def anew(asked: KernelTree) -> Plan:
        from convert.pipeline import plan_anew

        return plan_anew(asked, paths, options, progress)

    if options.cache_dir is None or options.recipe in (PROVEN, *HAZARDOUS):
        # Proofs answer questions later, from the whole analysis: that is too much to keep.
        return anew(tree)
    chosen = replace(options, cache_dir=None)
    key = key_of("plan", tree.name, tree.revision or "", repr(tuple(paths)), repr(chosen))
    progress("comparing with the last run")
    return remembered(Store(options.cache_dir / "plans"), key, tree, anew)
