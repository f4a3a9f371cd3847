"""The order of things: from a tree, paths and a recipe to a plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from convert.errors import InputError
from convert.plan import Axiom, Plan
from convert.profiles.wrappers import WrapperProfile, load_profile
from convert.rules.exact import ExactRecipe
from convert.semantics.flags import semantics_of
from convert.sites.family import find_family, locate_header
from convert.sites.inventory_model import WrapperNames
from convert.sites.occurrences import Occurrence, Where, occurrences
from convert.sites.sources import Sources
from convert.source.dialect import load_dialect
from convert.source.parse import Item, ParsedFile
from convert.tree.kernel import KernelTree

RECIPES = ("exact",)
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Options:
    """What a user can choose: see ``kmem-convert report --help``.

    ``cache_dir`` is None for no cache. ``keep_nowarn`` keeps ``__GFP_NOWARN`` in every mask.
    """

    recipe: str = "exact"
    profile: str = "xfs"
    prefix: str | None = None
    keep_nowarn: bool = False
    cache_dir: Path | None = None


def _quiet(_: str) -> None:
    """No progress."""


def normal_paths(tree: KernelTree, paths: Sequence[str]) -> tuple[str, ...]:
    """The paths as the tree names them. Raises InputError for paths that are not in the tree."""
    if not paths:
        raise InputError("name at least one path to convert, e.g. fs/xfs")
    result = []
    for path in paths:
        tree.files(path)  # raises for a path that is not in the tree
        result.append(str(PurePosixPath(path)))
    return tuple(dict.fromkeys(result))


def make_plan(
    tree: KernelTree, paths: Sequence[str], options: Options, progress: Progress = _quiet
) -> Plan:
    """Decide every site under ``paths``.

    Raises InputError for unusable input and InternalCheckError when one of the tool's own checks
    fails. Writes nothing (but the cache).
    """
    if options.recipe not in RECIPES:
        raise InputError(f"no recipe {options.recipe!r}; there are: {', '.join(RECIPES)}")
    profile = load_profile(options.profile)
    given = normal_paths(tree, paths)
    progress("looking for the wrappers' header")
    header = locate_header(tree, given, profile)
    if header is None:
        return _without_family(tree, given, options, profile)
    home = str(PurePosixPath(header).parent)
    sources = Sources(tree, (*given, home), lambda: load_dialect(tree, given, options.cache_dir))
    progress("reading the wrappers")
    family = find_family(sources, header, profile)
    semantics = semantics_of(profile, options.keep_nowarn)
    in_scope = frozenset(path for under in given for path in tree.files(under))
    kept = frozenset({"keep_nowarn"} if options.keep_nowarn else ())
    progress("finding and deciding sites")
    outcome = ExactRecipe(tree, sources, family, semantics, in_scope, kept).run()
    return Plan(
        tree=tree.name,
        revision=tree.revision,
        paths=given,
        recipe=options.recipe,
        profile=profile.name,
        prefix=options.prefix or subject_prefix(given),
        sites=outcome.sites,
        refusals=outcome.refusals,
        steps=outcome.steps,
        differences=outcome.differences,
        axioms=_axioms(profile),
        originals=outcome.originals,
        functions_found=outcome.functions_found,
        functions_parsed=outcome.functions_parsed,
        files_read=outcome.files_read,
        notes=outcome.notes,
    )


def subject_prefix(paths: Sequence[str]) -> str:
    """The subsystem that patches to these paths are sent for: ``fs/xfs/libxfs`` is ``xfs``."""
    parts = PurePosixPath(paths[0]).parts
    if len(parts) > 1 and parts[0] == "fs":
        return parts[1]
    return PurePosixPath(paths[0]).stem


def _axioms(profile: WrapperProfile) -> tuple[Axiom, ...]:
    """The profile's statements about the wrappers that nobody derived from the tree."""
    masks = [Axiom("mask", f"without flags: {' | '.join(profile.mask.base)}", profile.mask.source)]
    for fact in profile.flag:
        sets = "".join(f" sets {name}" for name in fact.sets)
        clears = "".join(f" clears {name}" for name in fact.clears)
        masks.append(Axiom(fact.name, f"{fact.name}{sets}{clears}", fact.source))
    for free in profile.deallocator:
        masks.append(Axiom(free.name, f"{free.name}() does what {free.plain}() does", free.source))
    return tuple(masks)


def _without_family(
    tree: KernelTree, paths: tuple[str, ...], options: Options, profile: WrapperProfile
) -> Plan:
    """The plan of a tree whose header is gone: nothing to do, unless wrappers are still called.

    Raises InputError if code uses a wrapper that no header declares.
    """
    sources = Sources(tree, paths, lambda: load_dialect(tree, paths, options.cache_dir))
    for path in sources.holding(profile.wrappers):
        parsed = sources.parsed(path, profile.wrappers)
        if parsed is None:
            raise InputError(f"{sources.broken[path]}; mend the file or leave it out")
        source = parsed.source
        for found in occurrences(source, profile.wrappers):
            if found.where in (Where.CODE, Where.DEFINE) and _is_wrapper_call(parsed, found):
                line = source.line(found.span.start)
                raise InputError(
                    f"{path}:{line}: {found.name} is used, but no header at or above "
                    f"{', '.join(paths)} defines the flags {', '.join(sorted(profile.flags))}; "
                    "is kmem.h missing?"
                )
    return Plan(
        tree=tree.name,
        revision=tree.revision,
        paths=paths,
        recipe=options.recipe,
        profile=profile.name,
        prefix=options.prefix or subject_prefix(paths),
        sites=(),
        refusals=(),
        steps=(),
        differences=(),
        axioms=(),
        originals={},
        functions_found=0,
        functions_parsed=0,
        files_read=len(sources.c_files),
    )


def _is_wrapper_call(parsed: ParsedFile, found: Occurrence) -> bool:
    """Whether a name is called, and is no local name of the function around it."""
    item = parsed.item_at(found.span.start)
    if not isinstance(item, Item):
        return parsed.source.text[found.span.end :].lstrip().startswith("(")
    return any(
        call.callee_span == found.span
        and not any(d.name == found.name and d.name_span != found.span for d in v.declarators)
        for v in item.variants
        for call in v.calls
    )


def wrapper_names(tree: KernelTree, paths: Sequence[str], options: Options) -> WrapperNames:
    """What an inventory counts as wrappers; the family's own files are left out of the count.

    Raises InputError for paths that are not in the tree.
    """
    profile = load_profile(options.profile)
    given = normal_paths(tree, paths)
    slots: dict[str, int | None] = {fact.name: fact.flags_slot for fact in profile.allocator}
    slots |= {fact.name: None for fact in profile.deallocator}
    header = locate_header(tree, given, profile)
    own: frozenset[str] = frozenset()
    if header is not None:
        home = str(PurePosixPath(header).parent)
        sources = Sources(tree, (home,), lambda: load_dialect(tree, given, options.cache_dir))
        own = frozenset(find_family(sources, header, profile).files)
    return WrapperNames(slots, profile.flags, own)
