"""What the proofs say of programs that are not whole, or odd."""

from __future__ import annotations

import pytest

from convert.errors import InputError
from convert.flow.scopes.model import Verdict
from convert.flow.scopes.prove import prove_scopes
from convert.flow.scopes.results import ProvenSite, ScopeProofs
from tests.flow.scopes.support import PATH, PRELUDE, MemoryTree, prove, verdict

SCOPED = "unsigned int f = memalloc_nofs_save(); %s memalloc_nofs_restore(f);"
ROOT = "int root(int arg)\n{\n%s\n\treturn 0;\n}\nEXPORT_SYMBOL(root);\n"


def site(proofs: ScopeProofs) -> ProvenSite:
    """The allocation of ``here``."""
    (found,) = (one for one in proofs.sites if one.function == "here")
    return found


def test_without_roots_everything_is_dead() -> None:
    """Nothing is proven where nothing can start."""
    proofs = prove("static void never(void) { " + SCOPED % "here(1);" + " }\n")
    assert site(proofs).evidence.verdict is Verdict.DEAD
    assert "no root" in site(proofs).evidence.reason


def test_what_an_unparsed_function_calls_has_an_unscoped_caller() -> None:
    """Nothing is known of the function that could not be read, so no scope is open in it."""
    broken = "static int broken(int a)\n{\n\tint x = ;\n\tuse();\n\treturn x;\n}\n"
    use = "static void use(void) { here(1); }\n"
    assert verdict(use + ROOT % (SCOPED % "use();")) == "proven"
    proofs = prove(use + broken + ROOT % (SCOPED % "use();"))
    evidence = site(proofs).evidence
    assert evidence.verdict is Verdict.MIXED
    assert evidence.witness is not None
    assert evidence.witness.root.place.path == PATH
    assert any(row.what == "broken" for row in proofs.coverage)


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param("static int mine(struct handle **h) { return start(h); }\n", "proven"),
        pytest.param("static int mine(struct handle **h) { return 0; }\n", "mixed"),
        pytest.param("static int mine(struct handle **h) { return -ENOSPC; }\n", "proven"),
    ],
    ids=["both open it", "one opens nothing", "one always fails"],
)
def test_two_functions_of_one_name(other: str, expected: str) -> None:
    """Under different ``#if``s either may be the one that is called."""
    first = "static int mine(struct handle **h) { return start(h); }\n"
    both = f"#ifdef CONFIG_MINE\n{first}#else\n{other}#endif\n"
    code = "struct handle *h; if (mine(&h)) return -1; here(1);"
    assert verdict(both + ROOT % code) == expected


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        pytest.param("here(1); if (n) again(n - 1);", "proven", id="inside"),
        pytest.param("here(1); if (n) lost(n - 1);", "mixed", id="around a closed scope"),
    ],
)
def test_recursion(inside: str, expected: str) -> None:
    """Functions that call each other end in a fixed point."""
    code = (
        "static void again(int n);\nstatic void lost(int n) { unsigned int f = current->flags &"
        " PF_MEMALLOC_NOFS; current->flags &= ~PF_MEMALLOC_NOFS; again(n);"
        " current->flags |= f; }\n"
        f"static void again(int n) {{ {inside} }}\n"
    )
    assert verdict(code + ROOT % (SCOPED % "again(arg);")) == expected


def test_half_a_filesystem() -> None:
    """Callers in files that were not named count as unscoped; the other half proves it."""
    use = "void small_use(void) { here(1); }\n"
    caller = (
        '#include "../small/small.h"\n#include <linux/sched/mm.h>\nint root(int arg) { '
        + SCOPED % "small_use();"
        + " return 0; }\nEXPORT_SYMBOL(root);\n"
    )
    texts = {
        PATH: '#include "small.h"\n' + PRELUDE + use,
        "fs/small/small.h": "void small_use(void);\n",
        "fs/large/large.c": caller,
    }
    tree = MemoryTree(texts)
    half = prove_scopes(tree, ["fs/small"])
    assert site(half).evidence.verdict is Verdict.UNSCOPED
    assert any("callers elsewhere count as unscoped" in note for note in half.notes)
    whole = prove_scopes(tree, ["fs/small", "fs/large"])
    assert site(whole).evidence.verdict is Verdict.PROVEN


def test_paths_without_code() -> None:
    """One line says what is wrong."""
    tree = MemoryTree({"fs/small/Makefile": "obj-y += small.o\n"})
    with pytest.raises(InputError, match="no C files"):
        prove_scopes(tree, ["fs/small"])


def test_a_scope_that_the_tree_does_not_have() -> None:
    """The message names those that it has."""
    with pytest.raises(InputError, match=r"no scope 'noswap'; the tree has: .*nofs"):
        prove(ROOT % "here(1);", scope="noswap")
