"""The order of things: from a tree, paths and a recipe to a plan."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import PurePosixPath

from convert.choices import HAZARDOUS, PROVEN, RECIPES, Options
from convert.errors import InputError
from convert.flow.provenance.ahead import reading_ahead
from convert.flow.provenance.deferred import names_of
from convert.flow.provenance.mismatch import Mismatch, mismatches_of, units_of
from convert.flow.provenance.verdict import Verdict
from convert.flow.scopes.prove import prove_scopes
from convert.flow.scopes.results import ScopeProofs
from convert.hazarding import with_scope_recipe
from convert.nofail.stage import with_nofail_scopes
from convert.plan import Axiom, Plan
from convert.planned import make_plan
from convert.profiles.wrappers import WrapperProfile, load_profile
from convert.progress import Progress, silent
from convert.rules.calls import SizeJudge
from convert.rules.exact import ExactRecipe
from convert.rules.free_memory import family_names, free_verdicts
from convert.rules.frees import FreeJudge
from convert.rules.large.stage import with_large_sizes
from convert.rules.simplify.stages import simplified
from convert.semantics.contracts import WrapperContract
from convert.semantics.derived import Meaning, derive
from convert.semantics.sizes import Consequence, SizeReader, never_fail_consequence
from convert.semantics.table import ContractTable
from convert.sites.family import Family, find_family, locate_header
from convert.sites.inventory_model import WrapperNames
from convert.sites.occurrences import Occurrence, Where, occurrences
from convert.sites.sources import C_SUFFIXES, Sources
from convert.source.collection import without_collections
from convert.source.dialect import load_dialect
from convert.source.parse import Item, ParsedFile, parse_file
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.source.variants import Call
from convert.source.vocabulary import Dialect
from convert.tree.kernel import KernelTree
from convert.tree.store import Store


def normal_paths(tree: KernelTree, paths: Sequence[str]) -> tuple[str, ...]:
    """The paths as the tree names them. Raises InputError for paths that are not in the tree."""
    if not paths:
        raise InputError("name at least one path to convert, e.g. fs/xfs")
    result = []
    for path in paths:
        tree.files(path)  # raises for a path that is not in the tree
        result.append(str(PurePosixPath(path)))
    return tuple(dict.fromkeys(result))


@without_collections()
def plan_anew(
    tree: KernelTree, paths: Sequence[str], options: Options, progress: Progress = silent
) -> Plan:
    """Decide every site under ``paths``; then masks by scopes, then simplifications, if asked for.

    Raises InputError for unusable input and InternalCheckError when one of the tool's own checks
    fails. Writes nothing (but the cache).
    """
    given = normal_paths(tree, paths)
    dialect = cache(lambda: load_dialect(tree, given, options.cache_dir))
    plan = _converted(tree, given, options, dialect, progress)
    plan = with_scope_recipe(plan, tree, options, dialect, progress)
    if options.large_sizes is not None:
        plan = with_large_sizes(plan, tree, dialect, progress)
    plan = simplified(plan, tree, options.simplify, dialect, progress)
    return with_nofail_scopes(plan, tree, options, dialect, progress)


def scope_proofs(
    tree: KernelTree,
    paths: Sequence[str],
    options: Options,
    progress: Progress = silent,
    scope: str = "nofs",
) -> ScopeProofs:
    """Whether a scope is open at every allocation under ``paths``; see `prove_scopes`.

    Raises InputError for paths that are not in the tree or hold no C.
    """
    given = normal_paths(tree, paths)
    return prove_scopes(tree, given, cache_dir=options.cache_dir, progress=progress, scope=scope)


def _facts_kept(options: Options) -> Store:
    """Where the facts of single files are kept."""
    return Store(None if options.cache_dir is None else options.cache_dir / "facts")


def _converted(
    tree: KernelTree,
    given: tuple[str, ...],
    options: Options,
    dialect: Callable[[], Dialect],
    progress: Progress,
) -> Plan:
    """The plan of the recipe alone."""
    if options.recipe not in RECIPES:
        raise InputError(f"no recipe {options.recipe!r}; there are: {', '.join(RECIPES)}")
    if options.placeholder_scopes and options.recipe not in HAZARDOUS:
        raise InputError(f"placeholder scopes need the recipe {' or '.join(HAZARDOUS)}")
    profile = load_profile(options.profile)
    progress("looking for the wrappers' header")
    header = locate_header(tree, given, profile)
    if header is None:
        return _without_family(tree, given, options, profile)
    home = str(PurePosixPath(header).parent)
    sources = Sources(tree, (*given, home), dialect, _facts_kept(options))
    progress("reading the wrappers")
    family = find_family(sources, header, profile)
    progress("running the wrappers")
    meaning = derive(tree, family, sources.tables(), dropped_flags(profile, options))
    in_scope = frozenset(path for under in given for path in tree.files(under))
    progress("finding and deciding sites")
    sizes = _size_judge(tree, sources)
    frees = _free_judge(tree, sources, family, meaning, progress)
    with reading_ahead(sources, family_names(family, meaning)):
        outcome = ExactRecipe(tree, sources, family, meaning, in_scope, sizes, frees).run()
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
        axioms=_axioms(meaning),
        originals=outcome.originals,
        functions_found=outcome.functions_found,
        functions_parsed=outcome.functions_parsed,
        files_read=outcome.files_read,
        notes=outcome.notes,
        validation=outcome.validation,
    )


def tree_mismatches(
    tree: KernelTree, paths: Sequence[str], options: Options, progress: Progress = silent
) -> tuple[Mismatch, ...]:
    """Memory that is given to a free of another kind, anywhere below some paths.

    Raises InputError for paths that are not in the tree.
    """
    found: dict[Mismatch, None] = {}
    for path in normal_paths(tree, paths):
        under = str(PurePosixPath(path).parent) if path.endswith(C_SUFFIXES) else path
        if under.count("/") > 1 and under.startswith("fs/"):
            under = "/".join(under.split("/")[:2])  # its headers are seen by all of it
        dialect = load_dialect(tree, (under,), options.cache_dir)

        def parsed(file: str, dialect: Dialect = dialect) -> ParsedFile | None:
            try:
                return parse_file(read_source(file, tree.read(file)), dialect)
            except BrokenSource:
                return None

        files = [file for file in tree.files(under) if file.endswith(C_SUFFIXES)]
        units = units_of(files, under)
        for wrong in mismatches_of(units, parsed, names_of(tree), tree.read, progress):
            if wrong.free.path == path or wrong.free.path.startswith(f"{path}/"):
                found[wrong] = None
    return tuple(found)


def subject_prefix(paths: Sequence[str]) -> str:
    """The subsystem that patches to these paths are sent for: ``fs/xfs/libxfs`` is ``xfs``."""
    parts = PurePosixPath(paths[0]).parts
    if len(parts) > 1 and parts[0] == "fs":
        return parts[1]
    return PurePosixPath(paths[0]).stem


def _size_judge(tree: KernelTree, sources: Sources) -> SizeJudge:
    """Judges sizes by the tree's headers, which are read when the first size is asked for."""
    readers: list[SizeReader] = []

    def judge(source: SourceFile, item: Item, call: Call, position: int) -> Consequence:
        if not readers:
            readers.append(SizeReader(tree, sources.c_files, sources.tables(), sources.data))
        return never_fail_consequence(readers[0].size_class(source, item, call, (position,)))

    return judge


def _free_judge(
    tree: KernelTree, sources: Sources, family: Family, meaning: Meaning, progress: Progress
) -> FreeJudge:
    """Judges frees by where their memory comes from; all files are read for the first one."""
    known: list[Mapping[tuple[str, int], Verdict]] = []

    def judge(path: str, offset: int) -> Verdict | None:
        if not known:
            progress("following memory to its frees")
            known.append(free_verdicts(tree, sources, family, meaning))
        return known[0].get((path, offset))

    return judge


def dropped_flags(profile: WrapperProfile, options: Options) -> frozenset[str]:
    """The gfp flags that the wrappers pass and the plain calls do not, unless an option says so."""
    kept = {"keep_nowarn"} if options.keep_nowarn else set()
    return frozenset(
        fact.flag for fact in profile.difference if fact.flag and fact.option not in kept
    )


def _axioms(meaning: Meaning) -> tuple[Axiom, ...]:
    """What the derived contracts rest on that the tree's text does not show."""
    results = [r for r in meaning.table.results.values() if isinstance(r, WrapperContract)]
    found: dict[str, Axiom] = {}
    for text in sorted({text for result in results for text in result.ignored}):
        name = text.split("(")[0]
        found[f"ignored:{name}"] = Axiom(
            f"ignored:{name}",
            f"{text} was not looked into: nothing is done with its result, and it is given nothing "
            "that the contract depends on",
            text.rsplit(" at ", 1)[-1],
        )
    for text in sorted({text for result in results for text in result.assumptions}):
        found[text] = Axiom("assumed", text, "convert/semantics")
    for name in sorted({name for result in results for name in result.allocators}):
        primitive = meaning.stubs.primitive(name)
        if primitive is not None:
            found[name] = Axiom(
                name,
                f"{name}() gives memory by the gfp mask it is handed, or NULL",
                primitive.source,
            )
    return tuple(found.values())


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
                    f"{', '.join(paths)} defines flags named {profile.flag_prefix}…; "
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
    header = locate_header(tree, given, profile)
    if header is None:
        return WrapperNames(dict.fromkeys(sorted(profile.wrappers)), frozenset())
    home = str(PurePosixPath(header).parent)
    sources = Sources(tree, (home,), lambda: load_dialect(tree, given, options.cache_dir))
    family = find_family(sources, header, profile)
    slots: dict[str, int | None] = dict.fromkeys(sorted(profile.wrappers))
    slots |= {shape.name: shape.flags_slot for shape in family.allocators.values()}
    return WrapperNames(slots, family.flags, frozenset(family.files))


def wrapper_home(tree: KernelTree, path: str, options: Options) -> str:
    """The directory below which everything may use the wrappers that a file sees.

    Raises InputError for a file that is not in the tree, or sees no wrappers' header.
    """
    given = normal_paths(tree, (path,))
    header = locate_header(tree, given, load_profile(options.profile))
    if header is None:
        raise InputError(f"{path}: no wrappers' header in its directory or above")
    return str(PurePosixPath(header).parent)


def subsystem_home(tree: KernelTree, path: str, options: Options) -> str:
    """The directory to read for all that is to be told about one file.

    That of the wrappers it may use; without any, the filesystem's own, or the file's directory.
    Raises InputError for a file that is not in the tree.
    """
    given = normal_paths(tree, (path,))
    if locate_header(tree, given, load_profile(options.profile)) is not None:
        return wrapper_home(tree, path, options)
    parts = PurePosixPath(given[0]).parts
    return "/".join(parts[:2]) if parts[0] == "fs" and len(parts) > 2 else "/".join(parts[:-1])


def derived_contracts(
    tree: KernelTree, paths: Sequence[str], options: Options, progress: Progress = silent
) -> ContractTable:
    """The contract of each wrapper for each combination of flags, by execution.

    Raises InputError if there are no wrappers at or above the paths, or none can be run.
    """
    profile = load_profile(options.profile)
    given = normal_paths(tree, paths)
    header = locate_header(tree, given, profile)
    if header is None:
        raise InputError(f"no wrappers' header at or above {', '.join(given)}")
    home = str(PurePosixPath(header).parent)
    sources = Sources(tree, (*given, home), lambda: load_dialect(tree, given, options.cache_dir))
    progress("running the wrappers")
    return derive(tree, find_family(sources, header, profile), sources.tables()).table


__all__ = [
    "PROVEN",
    "RECIPES",
    "Options",
    "derived_contracts",
    "dropped_flags",
    "make_plan",
    "normal_paths",
    "plan_anew",
    "scope_proofs",
    "subject_prefix",
    "subsystem_home",
    "tree_mismatches",
    "wrapper_home",
    "wrapper_names",
]
