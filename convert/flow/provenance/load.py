"""Reading all files of a directory for questions about provenance."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

from convert.flow.code import FunctionKey
from convert.flow.provenance.facts import FileFacts, FunctionFacts, file_facts, unread_facts
from convert.flow.provenance.index import Index
from convert.flow.provenance.names import Names
from convert.flow.provenance.places import Result
from convert.flow.provenance.search import Provenance
from convert.sites.sources import Sources
from convert.source.parse import ParsedFile
from convert.tree.store import key_of

Parser = Callable[[str], ParsedFile | None]
Runner = Callable[[FunctionFacts], str | None]


def read_index(paths: Iterable[str], parsed: Parser, names: Names) -> Index:
    """The facts of all files that can be split into tokens."""
    files: dict[str, FileFacts] = {}
    for path in paths:
        file = parsed(path)
        if file is not None:
            files[path] = file_facts(file, names)
    return Index(files)


def index_of(sources: Sources, names: Names) -> Index:
    """The facts of all files of a run; where a file was read before, those that were kept.

    Of one that cannot be split into tokens only its words are known.
    """
    keys = keys_of(sources, names)
    found = {path: _facts_of(sources, path, names, keys[path]) for path in sources.c_files}
    sources.kept.prune()
    return Index(found)


def keys_of(sources: Sources, names: Names) -> Mapping[str, str]:
    """For each file a key that stands for all that its facts depend on."""
    tables = (names.stubs, names.kernel, names.facts)
    own = (sorted(names.own_allocators.items()), sorted(names.own_frees.items()))
    meaning = key_of(*(table.model_dump_json() for table in tables), repr(own))
    return {
        path: key_of("facts", path, sources.data(path), sources.tables().at(path).digest, meaning)
        for path in sources.c_files
    }


def _facts_of(sources: Sources, path: str, names: Names, key: str) -> FileFacts:
    found = sources.kept.load(key)
    if isinstance(found, FileFacts):
        return found
    parsed = sources.parsed_whole(path)
    if parsed is None:
        return unread_facts(path, sources.data(path).decode("latin-1"))
    facts = file_facts(parsed, names)
    sources.kept.save(key, facts)
    return facts


def load_provenance(
    paths: Iterable[str], parsed: Parser, names: Names, run: Runner | None = None
) -> Provenance:
    """Provenance for the files of some directories.

    run: the family of the memory that a private wrapper returns, by executing its body; None if
    that is not one family, or it cannot be run.
    """
    index = read_index(paths, parsed, names)
    first = Provenance(index, names)
    return first if run is None else with_private_wrappers(first, run)


def with_private_wrappers(first: Provenance, run: Runner) -> Provenance:
    """The same with private wrappers known by the memory that they return."""
    wrappers = private_wrappers(first, run)
    return replace(first, wrappers=wrappers) if wrappers else first


def private_wrappers(provenance: Provenance, run: Runner) -> Mapping[FunctionKey, str]:
    """The functions that return fresh memory through nothing but results, with its family."""
    found: dict[FunctionKey, str] = {}
    for key, definitions in provenance.index.definitions.items():
        function = definitions[0]
        if not is_candidate(provenance, function):
            continue
        account = provenance.account([Result(key)])
        if account.missing or not account.reached:
            continue
        if any(not isinstance(place, Result) for r in account.reached for place in r.way):
            continue
        family = run(function)
        if family is not None:
            found[key] = family
    return found


def is_candidate(provenance: Provenance, function: FunctionFacts) -> bool:
    """Whether a function could be a wrapper by its declaration: it returns ``void *``."""
    if function.is_macro or provenance.names.family(function.key.name) is not None:
        return False
    kind = provenance.index.plain(function.returns)
    return kind.base == "void" and kind.stars == 1
