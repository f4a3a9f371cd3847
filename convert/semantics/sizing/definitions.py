"""Where the headers define structs, typedefs, macros, enumerators and functions, found by text.

Headers are searched with regular expressions and only what is asked for is cut out and lexed: a
filesystem includes about a thousand headers and needs the layouts of about a hundred structs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from convert.semantics.sizing.headers import included_headers
from convert.semantics.sizing.target import known_truth
from convert.source.conditionals import Condition, Conditionals, conditionals, directives
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.source.typedefs import typedef_names
from convert.tree.kernel import KernelTree


@dataclass(frozen=True)
class Cut:
    """A piece of a file: its text, where it starts, and its first line (1-based)."""

    path: str
    text: str
    start: int
    line: int

    @property
    def offset(self) -> int:
        """Where the text starts when it is read at its own line, after empty lines."""
        return self.line - 1


@dataclass(frozen=True)
class MacroText:
    """A ``#define``: ``parameters`` is None for an object-like macro; ``body`` without comments."""

    name: str
    parameters: tuple[str, ...] | None
    body: str
    path: str
    start: int
    line: int


_HEAD = (
    r"[ \t\n\w]*(?:\([^(){};]*(?:\([^(){};]*(?:\([^(){};]*\)[^(){};]*)*\))*[^(){};]*\)[ \t\n\w]*)*"
)
_STARTS = re.compile(
    r"^[ \t]*(?:#[ \t]*define[ \t]+(\w+)|(typedef)\b"
    rf"|(?:(?:static|const|extern)[ \t]+)*(struct|union|enum)\b({_HEAD})\{{)",
    re.MULTILINE,
)
_NESTED_TAG = re.compile(r"\b(struct|union|enum)[ \t\n]+(\w+)[ \t\n]*\{")
_SKIPPED = r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'"
_BRACES = re.compile(rf"{_SKIPPED}|[{{}};]", re.DOTALL)
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
_DEFINE = re.compile(
    r"#[ \t]*define[ \t]+(\w+)(\([^()]*\))?((?:\\\r?\n|/\*.*?\*/|[^\n])*)", re.DOTALL
)
_ENUMERATOR = re.compile(r"[{,\n][ \t\n]*([A-Za-z_]\w*)[ \t\n]*(?=[=,}\n])")
_LARGEST_CUT = 1 << 17


def _tag(head: str) -> str:
    """The tag among the words between ``struct`` and its brace; the others are attributes."""
    words: list[str] = re.findall(r"\w+", re.sub(r"\(.*\)", " ", head, flags=re.DOTALL))
    plain = [word for word in words if not word.startswith("__")]
    if len(words) > 1 and not plain and words[-1] in ("__packed", "__attribute__"):
        return words[0]
    return (plain or words or [""])[-1]


class FileIndex:
    """The definitions of one file, by name: offsets into its text."""

    def __init__(self, path: str, text: str) -> None:
        self.path = path
        self.text = text
        self.macros: dict[str, list[int]] = {}
        self.tags: dict[tuple[str, str], list[int]] = {}
        self.typedefs: dict[str, list[int]] = {}
        self._enums: list[int] = []
        self._enumerators: dict[str, list[int]] | None = None
        for match in _STARTS.finditer(text):
            if match[1]:
                self.macros.setdefault(match[1], []).append(match.start())
            elif match[2]:
                self._typedef(match.start(2))
            else:
                self._note(match[3], _tag(match[4]), match.start(3))

    def _note(self, kind: str, tag: str, start: int) -> None:
        if kind == "enum":
            self._enums.append(start)
        if tag:
            self.tags.setdefault((kind, tag), []).append(start)

    def _typedef(self, start: int) -> None:
        text = self.cut(start).text
        for name in typedef_names(text):
            self.typedefs.setdefault(name, []).append(start)
        match = _NESTED_TAG.match(text, 8)
        if match is not None:
            self._note(match[1], match[2], start + match.start())
        elif re.match(r"typedef\s+enum\b[^;(]*\{", text):
            self._enums.append(start + text.index("enum"))

    @property
    def enumerators(self) -> dict[str, list[int]]:
        """The offsets of the enums that define a name."""
        if self._enumerators is None:
            self._enumerators = {}
            for start in dict.fromkeys(self._enums):
                text = _COMMENT.sub(" ", self.cut(start).text)
                for match in _ENUMERATOR.finditer(text[text.find("{") :]):
                    self._enumerators.setdefault(match[1], []).append(start)
        return self._enumerators

    def cut(self, start: int) -> Cut:
        """The declaration that starts at an offset, with its semicolon."""
        depth = 0
        limit = min(len(self.text), start + _LARGEST_CUT)
        for match in _BRACES.finditer(self.text, start, limit):
            char = match[0]
            depth += (char == "{") - (char == "}")
            if char == ";" and depth <= 0:
                break
        else:
            return self._piece(start, start)
        return self._piece(start, match.end())

    def body(self, start: int, brace: int) -> Cut:
        """The text from ``start`` to the brace that closes the one at ``brace``."""
        depth = 0
        for match in _BRACES.finditer(self.text, brace, min(len(self.text), brace + _LARGEST_CUT)):
            depth += (match[0] == "{") - (match[0] == "}")
            if depth == 0:
                return self._piece(start, match.end())
        return self._piece(start, start)

    def _piece(self, start: int, end: int) -> Cut:
        line = self.text.count("\n", 0, start) + 1
        return Cut(self.path, self.text[start:end], start, line)

    def macro(self, start: int) -> MacroText:
        """The macro whose ``#define`` stands at an offset."""
        match = _DEFINE.search(self.text, start)
        assert match is not None  # the pattern of a start has matched here
        parameters = match[2]
        names = None
        if parameters is not None:
            inner = parameters[1:-1].replace("\\\n", " ")
            names = tuple(name.strip() for name in inner.split(",") if name.strip())
        body = _COMMENT.sub(" ", match[3]).replace("\\\r\n", " ").replace("\\\n", " ").strip()
        line = self.text.count("\n", 0, start) + 1
        return MacroText(match[1], names, body, self.path, start, line)

    def functions(self, name: str) -> Iterable[Cut]:
        """The definitions of a function: from its specifiers to its closing brace."""
        pattern = re.compile(rf"\b{re.escape(name)}[ \t\n]*\(([^;{{}}]*)\)[\s\w]*\{{")
        at = self.text.find(name)
        while at >= 0:
            match = pattern.match(self.text, at)
            start = self._declaration_start(at) if match is not None else None
            if match is not None and start is not None:
                yield self.body(start, match.end() - 1)
            at = self.text.find(name, at + len(name))

    def _declaration_start(self, at: int) -> int | None:
        """Where the specifiers before a function's name start; None if it is no definition."""
        before = self.text[max(0, at - 400) : at]
        match = re.search(r"(?:\A|[;}]|\*/|^[ \t]*#[^\n]*|\n[ \t]*\n)([\s\w*]*)\Z", before, re.M)
        if match is None or not re.search(r"\w", match[1]):
            return None
        head = match[1]
        if re.search(r"\b(?:return|else|goto|case)\b", head):
            return None
        return at - len(head.lstrip())


class _Shared:
    """The definitions of several files by name; each table is made when it is first asked for."""

    def __init__(self, files: Sequence[FileIndex]) -> None:
        self.files = files
        self._tables: dict[str, dict[object, list[tuple[FileIndex, int]]]] = {}

    def table(self, name: str) -> dict[object, list[tuple[FileIndex, int]]]:
        if name not in self._tables:
            made: dict[object, list[tuple[FileIndex, int]]] = {}
            for file in self.files:
                for key, starts in getattr(file, name).items():
                    made.setdefault(key, []).extend((file, at) for at in starts)
            self._tables[name] = made
        return self._tables[name]


class DefinitionIndex:
    """Definitions that files of a run can see: their own and those of the headers they include.

    A name that a ``.c`` file defines for itself is only that; any other name is everything that the
    headers define under it, but for what stands in ``#if`` branches that no x86-64 build takes.
    """

    def __init__(
        self, tree: KernelTree, roots: Sequence[str], read: Callable[[str], bytes]
    ) -> None:
        self.tree = tree
        self.read = read
        self.roots = tuple(roots)
        self._files: dict[str, FileIndex] = {}
        self._headers: tuple[FileIndex, ...] | None = None
        self._conditions: dict[str, tuple[SourceFile, Conditionals] | None] = {}
        self._all: _Shared | None = None
        self._own: _Shared | None = None
        self._functions: dict[tuple[str, str], tuple[Cut, ...]] = {}

    @property
    def headers(self) -> tuple[FileIndex, ...]:
        """All headers reachable from the run's files."""
        if self._headers is None:
            paths = included_headers(self.tree, self.roots, self.read)
            self._headers = tuple(self.file(path) for path in paths)
        return self._headers

    def file(self, path: str) -> FileIndex:
        """One file's definitions."""
        if path not in self._files:
            self._files[path] = FileIndex(path, self.read(path).decode("latin-1"))
        return self._files[path]

    @property
    def _shared(self) -> _Shared:
        """The definitions of all headers together."""
        if self._all is None:
            self._all = _Shared(self.headers)
        return self._all

    def _sources_table(self, name: str) -> dict[object, list[tuple[FileIndex, int]]]:
        """What the run's own ``.c`` files define."""
        if self._own is None:
            self._own = _Shared([self.file(root) for root in self.roots if root.endswith(".c")])
        return self._own.table(name)

    def _found(self, table: str, key: object, path: str) -> Sequence[tuple[FileIndex, int]]:
        """Where something is defined: in the file itself if that is no header, or in headers."""
        if not path.endswith(".h"):
            own = self.file(path)
            starts = getattr(own, table).get(key)
            if starts:
                return self._live([(own, at) for at in starts])
        return self._live(self._shared.table(table).get(key, ()))

    def tagged(self, kind: str, tag: str, path: str) -> tuple[Cut, ...]:
        """The definitions of ``struct tag`` (or union, enum) that a file can see."""
        return tuple(file.cut(at) for file, at in self._found("tags", (kind, tag), path))

    def typedefs(self, name: str, path: str) -> tuple[Cut, ...]:
        """The typedefs of a name that a file can see."""
        return tuple(file.cut(at) for file, at in self._found("typedefs", name, path))

    def macros(self, name: str, path: str) -> tuple[MacroText, ...]:
        """The macros of a name that a file can see."""
        found = list(self._found("macros", name, path))
        if path.endswith(".h"):  # a file may define a macro before it includes a header
            own = self._sources_table("macros").get(name, ())
            found = list(self._live([*found, *own]))
        return tuple(file.macro(at) for file, at in found)

    def enums_with(self, name: str, path: str) -> tuple[Cut, ...]:
        """The enums that seem to have an enumerator of that name."""
        return tuple(file.cut(at) for file, at in self._found("enumerators", name, path))

    def functions(self, name: str, path: str) -> tuple[Cut, ...]:
        """The function's definitions: the file's own, the headers', or those of the run's files."""
        key = (name, "" if path.endswith(".h") else path)
        if key not in self._functions:
            self._functions[key] = self._find_functions(name, path)
        return self._functions[key]

    def _find_functions(self, name: str, path: str) -> tuple[Cut, ...]:
        own = () if path.endswith(".h") else (self.file(path),)
        others = tuple(self.file(root) for root in self.roots if root.endswith(".c"))
        for files in (own, self.headers, others):
            found = [(f, cut) for f in files for cut in f.functions(name)]
            live = {(f.path, at) for f, at in self._live([(f, c.start) for f, c in found])}
            if found:
                return tuple(cut for f, cut in found if (f.path, cut.start) in live)
        return ()

    def is_elsewhere(self, name: str, cuts: Sequence[Cut]) -> bool:
        """Whether headers declare a function that these definitions are only a stand-in for.

        That is so where a configuration has a macro or a static inline instead of the function.
        """
        if any(not re.match(r"\s*(?:\w+\s+)*static\b", cut.text) for cut in cuts):
            return False  # the function itself
        pattern = re.compile(
            r"^(?!.*\bstatic\b)[ \t]*(?!return\b|else\b|case\b)\w[\w \t*]*[ \t\n*]"
            rf"{re.escape(name)}"
            r"[ \t\n]*\([^;{}=]*\)[^;{}=()]*;",
            re.MULTILINE,
        )
        return any(name in file.text and pattern.search(file.text) for file in self.headers)

    def _live(self, found: Sequence[tuple[FileIndex, int]]) -> Sequence[tuple[FileIndex, int]]:
        """What no x86-64 build leaves out; conditions are read only where there is a choice."""
        if len(found) < 2:
            return found
        return [(file, at) for file, at in found if not self._is_dead(file, at)]

    def _is_dead(self, file: FileIndex, offset: int) -> bool:
        if file.path not in self._conditions:
            self._conditions[file.path] = _conditions(file)
        known = self._conditions[file.path]
        if known is None:
            return False
        source, groups = known
        index = source.tokens.index_at(offset)
        for group in groups.groups:
            for number, branch in enumerate(group.branches):
                if (
                    branch.first <= index < branch.next
                    and branch_truth(group.branches, number) is False
                ):
                    return True
        return False


def _conditions(file: FileIndex) -> tuple[SourceFile, Conditionals] | None:
    try:
        source = read_source(file.path, file.text.encode("latin-1"))
    except BrokenSource:
        return None
    return source, conditionals(directives(source), len(source.tokens))


def branch_truth(branches: Sequence[object], number: int) -> bool | None:
    """Whether an x86-64 build takes a branch of an ``#if`` group; None if it depends.

    ``number`` may be that of an absent ``#else``.
    """
    undecided = False
    for branch in branches[:number]:
        earlier = _truth(getattr(branch, "condition", None))
        if earlier is True:
            return False
        undecided = undecided or earlier is None
    own = True if number == len(branches) else _truth(getattr(branches[number], "condition", None))
    if own is False:
        return False
    return None if undecided else own


def _truth(condition: Condition | None) -> bool | None:
    if condition is None:
        return True
    if not condition.atom:
        return condition.value
    known = known_truth(condition.atom)
    return None if known is None else known == condition.value
