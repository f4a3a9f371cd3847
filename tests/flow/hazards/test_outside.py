"""Code outside of the paths that names a function: what it holds when it calls is not known."""

from __future__ import annotations

import pytest

from convert.flow.graph.model import Place
from convert.flow.hazards.outside import OutsideCallers
from tests.flow.hazards.support import LOCKS, report_of, site_of, told
from tests.flow.scopes.support import PATH, MemoryTree

OTHER = "fs/other/main.c"
NAMES = [
    pytest.param({OTHER: "\nvoid g(void)\n{\n\ttoy_use();\n}\n"}, 4, id="a-call"),
    pytest.param({OTHER: "int x = toy_use;\n"}, 1, id="a-value"),
    pytest.param({OTHER: "/* toy_use() */\n"}, None, id="a-comment"),
    pytest.param({OTHER: "/* toy_use"}, 1, id="a-file-that-cannot-be-read"),
    pytest.param({OTHER: "int toy_user, my_toy_use;\n"}, None, id="other-names"),
    pytest.param({"drivers/x.c": "int x = toy_use;\n"}, None, id="a-driver"),
    pytest.param({"fs/other/main.h": "int toy_use(void);\n"}, None, id="a-header"),
    pytest.param({PATH: "int x = toy_use;\n"}, None, id="a-file-that-was-read"),
]
EXPORTED = "int toy_use(struct toy *t) { %s return 0; }\nEXPORT_SYMBOL(toy_use);\n"
CALLED = [
    pytest.param("here(1);", "missing", id="nothing-held"),
    pytest.param("mutex_lock(&t->lock); here(1); mutex_unlock(&t->lock);", "c toy.lock", id="lock"),
    pytest.param(
        "unsigned int nofs = memalloc_nofs_save(); here(1); memalloc_nofs_restore(nofs);",
        "a",
        id="scope",
    ),
]


@pytest.mark.parametrize(("files", "line"), NAMES)
@pytest.mark.parametrize("wanted", [(), ("toy_use", "nobody")])
def test_where_a_function_is_named(
    files: dict[str, str], line: int | None, wanted: tuple[str, ...]
) -> None:
    (path,) = files
    callers = OutsideCallers(MemoryTree(files), [PATH], wanted)
    assert callers.place("toy_use") == (None if line is None else Place(path, line))
    assert callers.place("nobody") is None


@pytest.mark.parametrize(("body", "expected"), CALLED)
def test_what_has_to_be_known_of_callers(body: str, expected: str) -> None:
    """A lock that is held there is a hazard, and an open scope an answer, whoever calls."""
    assert told(site_of(report_of(LOCKS + EXPORTED % body))) == expected
