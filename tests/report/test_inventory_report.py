"""The inventory as text and JSON."""

from __future__ import annotations

import copy
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from jsonschema import Draft202012Validator, ValidationError

from convert.profiles.kernel import load_kernel_names
from convert.report.console import report_console
from convert.report.inventory_report import (
    SCHEMA,
    inventory_json,
    inventory_schema,
    inventory_text,
)
from convert.sites.inventory import take_inventory
from convert.sites.inventory_model import (
    Access,
    Form,
    Inventory,
    ScopeAction,
    Storage,
    Unread,
    WrapperForm,
    WrapperNames,
)
from tests.sites.memory_tree import MemoryTree

TEXT = """\
#define TOY_MASK (GFP_NOIO)
void (*toy_free)(void *) = wrap_free;

void toy_get(struct toy *t)
{
\tunsigned int m = memalloc_nofs_save();

\tt->list = wrap_alloc(8, W_NOFS | W_MAYFAIL);
\tt->item = wrap_alloc(8, t->flags);
\tt->more = kmalloc(8, GFP_NOFS | __GFP_NOFAIL);
\tINIT_RADIX_TREE(&t->tree, GFP_NOFS);
\tWARN_ON(current->flags & PF_MEMALLOC_NOFS);
\tmemalloc_nofs_restore(m);
}
"""


def toy_inventory() -> Inventory:
    wrappers = WrapperNames(
        {"wrap_alloc": 1, "wrap_free": None},
        frozenset(["W_NOFS", "W_MAYFAIL"]),
        frozenset(["fs/toy/wrap.h"]),
    )
    files = {"fs/toy/toy.c": TEXT, "fs/toy/wrap.h": "", "fs/toy/odd.c": "GFP_NOFS /*"}
    return take_inventory(MemoryTree(files, "abc"), ["fs/toy"], wrappers, load_kernel_names())


def empty_inventory() -> Inventory:
    tree = MemoryTree({"a.c": "int x;\n"})
    return take_inventory(tree, ["a.c"], WrapperNames({}, frozenset()), load_kernel_names())


def text_of(inventory: Inventory) -> str:
    buffer = io.StringIO()
    inventory_text(inventory, report_console(buffer))
    return buffer.getvalue()


def document_of(inventory: Inventory) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(inventory_json(inventory, "1.2.3"))
    Draft202012Validator(inventory_schema()).validate(document)
    return document


def test_the_schema_is_a_schema_and_knows_every_value() -> None:
    schema = inventory_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["title"] == SCHEMA
    for enum, where in (
        (WrapperForm, schema["properties"]["wrappers"]["items"]["properties"]["form"]),
        (ScopeAction, schema["properties"]["scopes"]["items"]["properties"]["action"]),
        (Storage, schema["properties"]["stored"]["items"]["properties"]["storage"]),
        (Access, schema["properties"]["task_flags"]["items"]["properties"]["access"]),
        (Form, schema["$defs"]["mask"]["properties"]["form"]),
    ):
        assert set(where["enum"]) == {member.value for member in enum}


def test_the_json_of_an_inventory() -> None:
    document = document_of(toy_inventory())
    assert document["summary"] == {
        "files_read": 3,
        "unread": 1,
        "wrapper_calls": {"wrap_alloc": {"W_MAYFAIL | W_NOFS": 1, "computed": 1}},
        "masks": {"GFP_NOFS": 2, "GFP_NOIO": 1},
        "never_fails": {"__GFP_NOFAIL": 1},
        "scopes": {"nofs": {"close": 1, "open": 1}},
        "stored": {"call": 1},
        "task_flags": {"PF_MEMALLOC_NOFS": {"read": 1}},
    }
    assert document["left_out"] == ["fs/toy/wrap.h"]
    assert document["unread"] == [
        {"file": "fs/toy/odd.c", "line": 1, "construct": "comment without an end"}
    ]
    assert document["wrappers"][1] == {
        "file": "fs/toy/toy.c",
        "line": 8,
        "column": 12,
        "function": "toy_get",
        "in_macro": False,
        "wrapper": "wrap_alloc",
        "form": "call",
        "flags": ["W_MAYFAIL", "W_NOFS"],
        "argument": "W_NOFS | W_MAYFAIL",
        "combination": "W_MAYFAIL | W_NOFS",
    }
    assert document["wrappers"][2]["flags"] is None
    assert document["wrappers"][2]["argument"] == "t->flags"


def test_equal_inventories_give_equal_ascii_bytes() -> None:
    odd = replace(toy_inventory(), unread=(Unread("\udcff\xe9.c", 1, "é"),))
    assert inventory_json(odd, "1") == inventory_json(copy.deepcopy(odd), "1")
    inventory_json(odd, "1").encode("ascii")


def set_in_first(key: str, name: str, value: object) -> Callable[[dict[str, Any]], None]:
    return lambda document: document[key][0].update({name: value})


@pytest.mark.parametrize(
    "breakage",
    [
        pytest.param(lambda document: document.update(more=1), id="unknown key"),
        pytest.param(lambda document: document.pop("masks"), id="missing list"),
        pytest.param(set_in_first("masks", "more", 1), id="unknown key of a mask"),
        pytest.param(set_in_first("masks", "form", "kept"), id="unknown form"),
        pytest.param(set_in_first("wrappers", "line", 0), id="line 0"),
        pytest.param(set_in_first("scopes", "action", "begin"), id="unknown action"),
        pytest.param(set_in_first("stored", "more", 1), id="unknown key of a stored mask"),
    ],
)
def test_a_broken_inventory_is_found(breakage: Callable[[dict[str, Any]], None]) -> None:
    document = document_of(toy_inventory())
    breakage(document)
    with pytest.raises(ValidationError):
        Draft202012Validator(inventory_schema()).validate(document)


def test_the_text_of_an_inventory() -> None:
    text = text_of(toy_inventory())
    for line in (
        "memory at abc: fs/toy\n3 C files read.\n",
        "Left out, as they define the wrappers: fs/toy/wrap.h\n",
        "\nNOT READ: 1 file\n----------------\n  fs/toy/odd.c:1: comment without an end\n",
        "  fs/toy/toy.c:1:19 in TOY_MASK: GFP_NOIO\n",
        "  fs/toy/toy.c:10:23 in toy_get(): GFP_NOFS passed to kmalloc()\n",
        "  fs/toy/toy.c:10:34 in toy_get(): __GFP_NOFAIL passed to kmalloc()\n",
        "  fs/toy/toy.c:6:19 in toy_get(): memalloc_nofs_save(): opens a nofs scope\n",
        "  fs/toy/toy.c:13:2 in toy_get(): memalloc_nofs_restore(m): closes a nofs scope\n",
        "  fs/toy/toy.c:11:2 in toy_get(): INIT_RADIX_TREE: GFP_NOFS (call)\n",
        "  fs/toy/toy.c:12:27 in toy_get(): PF_MEMALLOC_NOFS read in WARN_ON()\n",
        "  fs/toy/toy.c:2:28: wrap_free: reference\n",
        "\n2 wrapper calls, 2 GFP_NOFS, 1 GFP_NOIO, 1 allocation that must not fail, "
        "1 scope opened, 1 stored mask; 1 file not read.\n",
    ):
        assert line in text
    assert re.search(r"^  wrap_alloc  W_MAYFAIL \| W_NOFS +1$", text, re.M)
    assert re.search(r"^  fs/toy/toy.c +2 +2 +1 +1 +1 +1 +1$", text, re.M)
    assert not re.search(r"[ \t]$", text, re.M)


def test_an_empty_inventory_says_so() -> None:
    text = text_of(empty_inventory())
    assert "1 C file read." in text
    assert text.endswith(
        "\n0 wrapper calls, 0 allocations that must not fail, 0 scopes opened, 0 stored masks.\n"
    )
    assert document_of(empty_inventory())["masks"] == []
