"""The corpus' wrapper families: what the interpreter derives is what a compiled run showed."""

from __future__ import annotations

import re
from functools import cache

import pytest

from convert.semantics.cint import CInt
from convert.semantics.contracts import Interpretation, WrapperContract
from convert.semantics.defines import words_of
from convert.semantics.scopes import ScopeTable, scope_table
from convert.semantics.table import executor_of
from convert.source.dialect import Dialect, load_dialect
from convert.source.tokens import lex_body
from tests.corpus.cases import CORPUS, MINIKERNEL
from tests.corpus.contracts import FamilyContracts, Promise, load_contracts
from tests.semantics.running import STUBS
from tests.semantics.trees import MemoryTree

ROWS = [
    pytest.param(family, promise, id=f"{family.name}-{promise.call}-{promise.context}")
    for family in load_contracts()
    for promise in family.promises
]
# The limit is a variable, so that more than it is a size of which nothing is known.
ABOVE_THE_LIMIT = "kmem_alloc(spl_kmem_alloc_max + 1, KM_SLEEP)"


def undecided(family: str, call: str) -> set[str]:
    """What the text leaves open, where one compiled run with one configuration shows an answer."""
    if family == "f2fs" and "__GFP_NOFAIL" in call:
        return {"may_fail"}  # faults may be injected
    if family == "xfs36" and call.startswith("kmem_zone_zalloc"):
        return {"zeroed"}  # memset() of zone->size bytes
    if family == "spl" and re.match(r"kmem_z?alloc\(64, KM_(SLEEP|PUSHPAGE)", call):
        return {"may_fail"}  # more than a limit, which is a variable, is refused
    return set()


@cache
def kernel(family: str, header: str, source: str) -> MemoryTree:
    texts = {
        path.relative_to(MINIKERNEL).as_posix(): path.read_text("latin-1")
        for path in (MINIKERNEL / "include").rglob("*.h")
    }
    for path in (header, source):
        texts[f"fs/{family}/{path.rsplit('/', 1)[1]}"] = (CORPUS / path).read_text("latin-1")
    return MemoryTree(texts)


@cache
def scopes_and_words() -> tuple[ScopeTable, Dialect]:
    tree = kernel("minfs", "minikernel/fs/minfs/kmem.h", "minikernel/fs/minfs/kmem.c")
    dialect = load_dialect(tree, ["fs/minfs"])
    return scope_table(tree, dialect, STUBS), dialect


def derived(family: FamilyContracts, promise: Promise) -> WrapperContract:
    tree = kernel(family.name, family.header, family.source)
    scopes, _ = scopes_and_words()
    files = tree.files(f"fs/{family.name}")
    executor = executor_of(tree, files, STUBS, load_dialect(tree, [f"fs/{family.name}"]))
    flags = executor.program.constants.evaluate(words_of(lex_body(promise.context)))
    assert isinstance(flags, CInt)
    match = re.fullmatch(r"(\w+)\((.*)\)", promise.call)
    assert match is not None
    arguments = [text.strip() for text in match.group(2).split(",")]
    task = flags.number
    assert task is not None
    result = Interpretation(executor, scopes, task).call(match.group(1), arguments)
    assert isinstance(result, WrapperContract), result
    return result


@pytest.mark.parametrize(("family", "promise"), ROWS)
def test_derived_is_what_ran(family: FamilyContracts, promise: Promise) -> None:
    found = vars(derived(family, promise).contract)
    expected = vars(promise.contract)
    if promise.call == ABOVE_THE_LIMIT:
        assert found["may_fail"] is None
        return
    open_ones = {name for name, value in found.items() if value is None}
    assert open_ones == undecided(family.name, promise.call)
    wrong = {n: v for n, v in found.items() if v is not None and v != expected[n]}
    assert not wrong
