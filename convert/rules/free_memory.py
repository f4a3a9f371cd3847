"""The memory behind the frees of a wrapper family, judged as it will be after the conversion."""

from __future__ import annotations

from collections.abc import Mapping

from convert.flow.provenance.execution import FamilyRunner, WrapperBuilder
from convert.flow.provenance.load import index_of, with_private_wrappers
from convert.flow.provenance.names import Names, load_names
from convert.flow.provenance.search import Provenance
from convert.flow.provenance.verdict import Verdict, judge
from convert.semantics.derived import Meaning, PlainAllocation
from convert.semantics.scopes import scope_table
from convert.sites.family import Family
from convert.sites.sources import Sources
from convert.tree.kernel import KernelTree


def free_verdicts(
    tree: KernelTree, sources: Sources, family: Family, meaning: Meaning
) -> Mapping[tuple[str, int], Verdict]:
    """The verdict on each free of the wrapper family, by file and offset of the call."""
    names = family_names(family, meaning)
    index = index_of(sources, names)
    dialect = sources.tables()
    builder = WrapperBuilder(tree, dialect, names, meaning.gfp, index)
    runner = FamilyRunner(builder, scope_table(tree, dialect, names.stubs))
    provenance = with_private_wrappers(Provenance(index, names), runner)
    return {
        (free.path, free.offset): judge(provenance, free)
        for free in provenance.frees()
        if free.deallocator in family.profile.freeing
    }


def family_names(family: Family, meaning: Meaning) -> Names:
    """The names that count as allocators and frees: wrappers are what they become."""
    allocators = {}
    for name, form in meaning.forms.items():
        if isinstance(form, PlainAllocation):
            primitive = meaning.stubs.primitive(form.plain)
            if primitive is not None:
                allocators[name] = primitive.family
    return load_names().extended(allocators, dict.fromkeys(family.profile.freeing, 0))
