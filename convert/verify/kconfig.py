"""Which options of the kernel configuration belong to a directory, read from its Kconfig file.

Only what the choice of a configuration needs is read: names, types, whether a person may set the
option, and what it depends on. kbuild itself decides in the end what can be switched on; see
`build.Configured`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from convert.tree.kernel import KernelTree

_ENTRY = re.compile(r"^(?:config|menuconfig)\s+(?P<name>\w+)\s*$")
_TYPE = re.compile(r"^(?P<type>bool|tristate|string|int|hex|def_bool|def_tristate)\b(?P<rest>.*)$")
_DEPENDS = re.compile(r"^depends\s+on\s+(?P<expression>.*)$")
_IF = re.compile(r"^if\s+(?P<expression>.*)$")
# What ends the entry before it, and may carry a "depends on" of its own.
_OTHER = re.compile(r"^(?:choice|endchoice|comment|menu|endmenu|mainmenu|endif|source)\b")
_HELP = re.compile(r"^(?:help|---help---)\s*$")
_TERM = re.compile(r"!?\s*\(|\)|\|\||&&|!?\s*\w+(?:\s*!?=\s*\w+)?")
_SWITCH = r"obj-\$\(CONFIG_(\w+)\)\s*\+?:?=\s*(?:.*\s)?{}/(?:\s|$)"
_TEXTS = frozenset({"string", "int", "hex"})


@dataclass(frozen=True)
class Option:
    """One option. ``prompt``: a person may set it. ``needs``: options of which its dependencies say
    that they have to be on; ``bars``: those that have to be off. Alternatives give the first.
    """

    name: str
    type: str
    prompt: bool
    needs: tuple[str, ...]
    bars: tuple[str, ...]

    @property
    def switch(self) -> bool:
        """Whether it can be on or off, and be set."""
        return self.prompt and self.type not in _TEXTS


@dataclass
class _Draft:
    name: str
    type: str = "bool"
    prompt: bool = False
    depends: list[str] = field(default_factory=list)

    def finished(self) -> Option:
        terms = [term for text in self.depends for term in _terms(text)]
        return Option(
            self.name,
            self.type,
            self.prompt,
            tuple(dict.fromkeys(name for name, on in terms if on)),
            tuple(dict.fromkeys(name for name, on in terms if not on)),
        )


def read_options(text: str) -> tuple[Option, ...]:
    """The options of a Kconfig file, in its order. What it does not know it passes over."""
    options: list[Option] = []
    draft: _Draft | None = None
    conditions: list[str] = []
    for line in _statements(text):
        entry, other, opened = _ENTRY.match(line), _OTHER.match(line), _IF.match(line)
        if (entry or other or opened) and draft is not None:
            options.append(draft.finished())
            draft = None
        if entry:
            draft = _Draft(entry["name"], depends=list(conditions))
        elif opened:
            conditions.append(opened["expression"])
        elif line.startswith("endif") and conditions:
            conditions.pop()
        elif draft is not None:
            _attribute(draft, line)
    if draft is not None:
        options.append(draft.finished())
    return tuple(options)


def _statements(text: str) -> Iterator[str]:
    """The lines that say something: joined, without comments and without help texts."""
    deep: int | None = None  # the indent of a help text; -1 until its first line
    for line in text.replace("\\\n", " ").expandtabs().split("\n"):
        stripped = line.strip()
        if not stripped:
            continue
        indent = len(line) - len(line.lstrip())
        if deep is not None:
            if deep < 0 and indent > 0:
                deep = indent
            if deep > 0 and indent >= deep:
                continue
            deep = None
        if _HELP.match(stripped):
            deep = -1
        elif not stripped.startswith("#"):
            yield stripped.partition(" #")[0].rstrip()


def _attribute(draft: _Draft, line: str) -> None:
    if kind := _TYPE.match(line):
        draft.type = kind["type"].removeprefix("def_")
        draft.prompt |= not kind["type"].startswith("def_") and bool(kind["rest"].strip())
    elif line.startswith("prompt "):
        draft.prompt = True
    elif depends := _DEPENDS.match(line):
        draft.depends.append(depends["expression"])


def _terms(expression: str) -> Iterator[tuple[str, bool]]:
    """The options that an expression wants on (True) or off (False).

    Of alternatives the first is taken; what stands in negated brackets is left out.
    """
    depth_skipped = 0  # inside negated brackets
    after_or = False
    for found in _TERM.findall(expression):
        word = "".join(found.split())
        if depth_skipped:
            depth_skipped += word.endswith("(") - (word == ")")
        elif word == "!(":
            depth_skipped = 1
        elif word == "||":
            after_or = True
        elif word == "&&":
            after_or = False
        elif word not in ("(", ")") and not after_or:
            yield _wanted(word)


def _wanted(word: str) -> tuple[str, bool]:
    on = not word.startswith("!")
    name, unequal, value = word.lstrip("!").partition("!=")
    if not unequal:
        name, _, value = name.partition("=")
        return name, on and value != "n"
    return name, value == "n"


@dataclass(frozen=True)
class Family:
    """The options of the directories that a series touches.

    directories: what kbuild is asked to build. switches: the options that let kbuild enter these
    directories. options: all options of their Kconfig files.
    """

    directories: tuple[str, ...]
    switches: tuple[str, ...]
    options: tuple[Option, ...]


def find_family(tree: KernelTree, files: Iterable[str]) -> Family:
    """What belongs to the C files and headers among ``files``; each by its nearest Makefile.

    A directory has options of its own if an option switches it on; those of ``mm`` or ``fs``, say,
    are the whole kernel's.
    """
    homes = (_home(tree, path) for path in files if path.endswith((".c", ".S", ".h")))
    directories = tuple(dict.fromkeys(home for home in homes if home))
    options: dict[str, Option] = {}
    switches: dict[str, None] = {}
    for directory in directories:
        for place, names in _switched(tree, directory):
            switches |= dict.fromkeys(names)
            if tree.exists(f"{place}/Kconfig"):
                found = read_options(_text(tree, f"{place}/Kconfig"))
                options |= {option.name: option for option in found}
    return Family(directories, tuple(switches), tuple(options.values()))


def _switched(tree: KernelTree, directory: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """A directory and those above it, as long as options switch them on; with these options."""
    for place in (PurePosixPath(directory), *PurePosixPath(directory).parents):
        names = tuple(_switches(tree, str(place)))
        if not names:
            return
        yield str(place), names


def _home(tree: KernelTree, path: str) -> str:
    """The directory that kbuild builds a file in; "" for headers that belong to none."""
    for parent in PurePosixPath(path).parents:
        place = str(parent)
        if place in (".", "include"):
            return ""
        if any(tree.exists(f"{place}/{name}") for name in ("Kbuild", "Makefile")):
            return place
    return ""


def _switches(tree: KernelTree, directory: str) -> Iterator[str]:
    """The options under which the Makefile of the directory above enters a directory."""
    place = PurePosixPath(directory)
    for name in ("Kbuild", "Makefile"):
        above = str(place.parent / name)
        if tree.exists(above):
            wanted = _SWITCH.format(re.escape(place.name))
            yield from re.findall(wanted, _text(tree, above).replace("\\\n", " "))


def _text(tree: KernelTree, path: str) -> str:
    return tree.read(path).decode("utf-8", "replace")
