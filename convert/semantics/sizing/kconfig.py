"""Bounds of integer options, from the tree's Kconfig files."""

from __future__ import annotations

import re
from collections.abc import Iterable

from convert.tree.kernel import KernelTree

_CONFIG = re.compile(r"^[ \t]*(?:menu)?config[ \t]+(\w+)[ \t]*$", re.MULTILINE)
_END = re.compile(
    r"^[ \t]*(?:(?:menu)?config|menu|endmenu|choice|endchoice|if|endif|source|comment|mainmenu)\b",
    re.MULTILINE,
)
_VALUE = re.compile(r"^[ \t]+(default|range|int|hex|prompt)\b[ \t]*([^\n#]*)", re.MULTILINE)
_MAX_DEPTH = 8
# Where the options of sizes in headers are defined, on x86-64.
_DIRECTORIES = ("arch/x86", "arch", "mm", "kernel", "lib", "init", "fs", "block")


class Options:
    """Reads ``config`` entries of type int or hex; each file once."""

    def __init__(self, tree: KernelTree) -> None:
        self._tree = tree
        self._entries: dict[str, list[str]] | None = None

    def bounds(self, name: str) -> tuple[int, int] | None:
        """The least and greatest value of an option (without ``CONFIG_``); None if not known.

        An option that a user may set is known only if it has a range.
        """
        return self._bounds(name, 0)

    def _bounds(self, name: str, depth: int) -> tuple[int, int] | None:
        if self._entries is None:
            self._entries = self._read()
        entries = self._entries.get(name, [])
        if not entries or depth > _MAX_DEPTH:
            return None
        low: list[int] = []
        high: list[int] = []
        for entry in entries:
            values = self._entry(entry, depth)
            if values is None:
                return None
            low.append(values[0])
            high.append(values[1])
        return min(low), max(high)

    def _entry(self, text: str, depth: int) -> tuple[int, int] | None:
        lines = _VALUE.findall(text)
        if not any(word in ("int", "hex") for word, _ in lines):
            return None
        ranges = [rest.split()[:2] for word, rest in lines if word == "range"]
        asks = any(word in ("int", "hex", "prompt") and '"' in rest for word, rest in lines)
        given = [*ranges, *([value] for value in _defaults(lines))]
        if not given or (asks and not ranges):
            return None
        known = [self._number(value, depth) for pair in given for value in pair]
        numbers = [number for pair in known if pair is not None for number in pair]
        if len(numbers) != 2 * len(known):
            return None
        return min(numbers), max(numbers)

    def _number(self, text: str, depth: int) -> tuple[int, int] | None:
        text = text.strip('"')
        if re.fullmatch(r"[0-9]+|0[xX][0-9a-fA-F]+", text):
            number = int(text, 0 if text[:2].lower() == "0x" else 10)
            return number, number
        return self._bounds(text, depth + 1)

    def _read(self) -> dict[str, list[str]]:
        entries: dict[str, list[str]] = {}
        for path in self._files():
            text = self._tree.read(path).decode("latin-1")
            for match in _CONFIG.finditer(text):
                end = _END.search(text, match.end())
                entry = text[match.end() : end.start() if end else len(text)]
                entry = re.split(r"^[ \t]*(?:---)?help(?:---)?[ \t]*$", entry, flags=re.MULTILINE)[
                    0
                ]
                entries.setdefault(match[1], []).append(entry)
        return entries

    def _files(self) -> Iterable[str]:
        for directory in _DIRECTORIES:
            for name in ("Kconfig", "Kconfig.cpu", "Kconfig.debug"):
                path = f"{directory}/{name}"
                if self._tree.exists(path):
                    yield path


def _defaults(lines: Iterable[tuple[str, str]]) -> list[str]:
    return [rest.split()[0] for word, rest in lines if word == "default" and rest.split()]
