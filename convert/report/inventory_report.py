"""An inventory as text for a terminal and as JSON by the schema ``kmem-convert/inventory/1``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from enum import Enum
from importlib.resources import files
from typing import Any

from rich.console import Console

from convert.report.console import Column, heading, say, table
from convert.report.display import count, encodable, source_text
from convert.sites.inventory_model import (
    Access,
    Form,
    Inventory,
    MaskUse,
    Place,
    ScopeAction,
    ScopeUse,
    StoredMask,
    TaskFlagUse,
    WrapperForm,
    WrapperUse,
)

SCHEMA = "kmem-convert/inventory/1"

_Use = WrapperUse | MaskUse | ScopeUse | StoredMask | TaskFlagUse


def inventory_json(inventory: Inventory, tool_version: str) -> str:
    """The inventory as JSON text, ASCII only, with a final newline. Equal input, equal bytes."""
    document = {
        "schema": SCHEMA,
        "tool": {"name": "kmem-convert", "version": tool_version},
        "tree": {"path": encodable(inventory.tree), "rev": inventory.revision},
        "paths": [encodable(path) for path in inventory.paths],
        "summary": _summary(inventory),
        "left_out": [encodable(path) for path in inventory.left_out],
        "unread": [_plain(asdict(one)) for one in inventory.unread],
        "wrappers": [_wrapper(use) for use in inventory.wrappers],
        "masks": [_flat(use) for use in inventory.masks],
        "never_fails": [_flat(use) for use in inventory.never_fails],
        "scopes": [_flat(use) for use in inventory.scopes],
        "stored": [_flat(use) for use in inventory.stored],
        "task_flags": [_flat(use) for use in inventory.task_flags],
    }
    return json.dumps(document, indent=2) + "\n"


def inventory_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) that every inventory obeys."""
    text = files(__package__).joinpath("inventory-1.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _summary(inventory: Inventory) -> dict[str, object]:
    return {
        "files_read": inventory.files_read,
        "unread": len(inventory.unread),
        "wrapper_calls": _tally((use.wrapper, use.combination) for use in calls(inventory)),
        "masks": _tally((use.name,) for use in inventory.masks),
        "never_fails": _tally((use.name,) for use in inventory.never_fails),
        "scopes": _tally((use.scope, use.action.value) for use in inventory.scopes),
        "stored": _tally((use.storage.value,) for use in inventory.stored),
        "task_flags": _tally((use.name, use.access.value) for use in inventory.task_flags),
    }


def _tally(keys: Iterable[tuple[str, ...]]) -> dict[str, Any]:
    """Counts by key, nested where a key has two parts, sorted."""
    result: dict[str, Any] = {}
    for key, number in sorted(Counter(keys).items()):
        inner = result
        for part in key[:-1]:
            inner = inner.setdefault(part, {})
        inner[key[-1]] = number
    return result


def _wrapper(use: WrapperUse) -> dict[str, object]:
    return {**_flat(use), "combination": use.combination if use.form is WrapperForm.CALL else None}


def _flat(use: _Use) -> dict[str, object]:
    """A use with its place's fields beside its own."""
    record = asdict(use)
    return _plain({**record.pop("place"), **record})


def _plain(record: Mapping[str, object]) -> dict[str, object]:
    return {key: _value(value) for key, value in record.items()}


def _value(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, tuple):
        return list(value)
    return source_text(value) if isinstance(value, str) else value


def calls(inventory: Inventory) -> tuple[WrapperUse, ...]:
    """The wrapper uses that are calls."""
    return tuple(use for use in inventory.wrappers if use.form is WrapperForm.CALL)


def inventory_text(inventory: Inventory, console: Console) -> None:
    """Print an inventory: tables of counts first, then every place."""
    revision = f" at {inventory.revision}" if inventory.revision else ""
    say(console, f"{inventory.tree}{revision}: {', '.join(inventory.paths)}", "bold")
    say(console, f"{count(inventory.files_read, 'C file')} read.")
    if inventory.left_out:
        say(console, f"Left out, as they define the wrappers: {', '.join(inventory.left_out)}")
    _unread(inventory, console)
    _combinations(inventory, console)
    _files(inventory, console)
    _places(console, "Masks that forbid reclaim to enter the filesystem", inventory.masks)
    _places(console, "Allocations that must not fail", inventory.never_fails)
    _places(console, "Allocation scopes", inventory.scopes)
    _places(console, "Stored masks: they take effect elsewhere", inventory.stored)
    _places(console, "Task flags of the scopes", inventory.task_flags)
    others = [use for use in inventory.wrappers if use.form is not WrapperForm.CALL]
    _places(console, "Wrappers named without a call", others)
    say(console)
    say(console, _conclusion(inventory), "bold")


def _unread(inventory: Inventory, console: Console) -> None:
    if inventory.unread:
        heading(console, f"NOT READ: {count(len(inventory.unread), 'file')}", "bold red")
    for one in inventory.unread:
        say(console, f"{one.file}:{one.line}: {one.construct}", indent=2)


def _combinations(inventory: Inventory, console: Console) -> None:
    tallies = Counter((use.wrapper, use.combination) for use in calls(inventory))
    if tallies:
        heading(console, "Wrapper calls")
        rows = [(*key, number) for key, number in sorted(tallies.items())]
        columns = [Column("wrapper"), Column("flags"), Column("calls", "right")]
        table(console, columns, [*rows, ("all", "", tallies.total())])


def _files(inventory: Inventory, console: Console) -> None:
    """One row a file, one column a kind of use that occurs."""
    kinds: dict[str, Sequence[_Use]] = {}
    for use in sorted(calls(inventory), key=lambda use: use.wrapper):
        kinds[use.wrapper] = [*kinds.get(use.wrapper, ()), use]
    for mask in (*sorted(inventory.masks, key=lambda use: use.name), *inventory.never_fails):
        kinds[mask.name] = [*kinds.get(mask.name, ()), mask]
    opened = [use for use in inventory.scopes if use.action is not ScopeAction.CLOSE]
    kinds |= {"scopes": opened, "stored": inventory.stored, "task flags": inventory.task_flags}
    counts = {name: Counter(use.place.file for use in uses) for name, uses in kinds.items() if uses}
    if not counts:
        return
    heading(console, "Files")
    columns = [Column("file"), *(Column(name, "right") for name in counts)]
    names = sorted(set().union(*counts.values()))
    rows = [(file, *(tally[file] or "" for tally in counts.values())) for file in names]
    table(console, columns, [*rows, ("all", *(tally.total() for tally in counts.values()))])


def _places(console: Console, title: str, uses: Sequence[_Use]) -> None:
    if uses:
        heading(console, f"{title}: {len(uses)}")
    for use in uses:
        say(console, f"{_where(use.place)}: {_what(use)}", indent=2)


def _where(place: Place) -> str:
    inside = f" in {place.function}{'' if place.in_macro else '()'}" if place.function else ""
    return f"{place.file}:{place.line}:{place.column}{inside}"


def _what(use: _Use) -> str:
    match use:
        case WrapperUse():
            return f"{use.wrapper}: {use.form.value}"
        case MaskUse():
            return f"{use.name} {_FORMS[use.form].format(use.target)}".rstrip()
        case ScopeUse():
            return f"{use.name}({use.argument}): {_ACTIONS[use.action].format(use.scope)}"
        case StoredMask():
            return f"{use.name}: {use.mask} ({use.storage.value})"
        case TaskFlagUse():
            words = _ACCESS[use.access].format(use.target) if use.target else use.access.value
            return f"{use.name} {words}"


_FORMS = {
    Form.ARGUMENT: "passed to {}()",
    Form.ASSIGNED: "assigned to {}",
    Form.RETURNED: "returned",
    Form.TESTED: "tested",
    Form.OTHER: "",
}
_ACTIONS = {
    ScopeAction.OPEN: "opens a {} scope",
    ScopeAction.CLOSE: "closes a {} scope",
    ScopeAction.GUARD: "opens a {} scope until the end of the block",
}
_ACCESS = {
    Access.READ: "read in {}()",
    Access.WRITTEN: "written to {}",
    Access.COMBINED: "put into {}",
    Access.PASSED: "passed to {}()",
}


def _conclusion(inventory: Inventory) -> str:
    opened = sum(use.action is not ScopeAction.CLOSE for use in inventory.scopes)
    masks = sorted(Counter(use.name for use in inventory.masks).items())
    parts = [
        count(len(calls(inventory)), "wrapper call"),
        *(f"{number} {name}" for name, number in masks),
        f"{count(len(inventory.never_fails), 'allocation')} that must not fail",
        f"{count(opened, 'scope')} opened",
        count(len(inventory.stored), "stored mask"),
    ]
    unread = f"; {count(len(inventory.unread), 'file')} not read" if inventory.unread else ""
    return ", ".join(parts) + unread + "."
