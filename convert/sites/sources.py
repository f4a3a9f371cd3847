"""The files of a run: read once, parsed as far as the names of interest need it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from convert.source.dialect import Dialect
from convert.source.parse import FileReader, ParsedFile
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.tree.kernel import KernelTree
from convert.tree.store import NOTHING_KEPT, Store

C_SUFFIXES = (".c", ".h")
_WORD = re.compile(rb"\w+")


class Sources:
    """The C files under some paths. Parses lazily: only items that hold a wanted name.

    ``broken`` maps the path of a file that could not be lexed to the reason. ``dialect`` is asked
    for the tables only when the first file is parsed. ``kept`` is where facts of single files are
    kept between runs.
    """

    def __init__(
        self,
        tree: KernelTree,
        paths: Iterable[str],
        dialect: Callable[[], Dialect],
        kept: Store = NOTHING_KEPT,
    ) -> None:
        self.tree = tree
        self.kept = kept
        self.all_files = tuple(sorted({path for under in paths for path in tree.files(under)}))
        self.broken: dict[str, BrokenSource] = {}
        self._dialect = dialect
        self._known_dialect: Dialect | None = None
        self._texts: dict[str, bytes] = {}
        self._words: dict[str, frozenset[bytes]] = {}
        self._sources: dict[str, SourceFile] = {}
        self._readers: dict[str, FileReader] = {}
        self._whole: dict[str, ParsedFile] = {}
        self._parsed: dict[str, tuple[frozenset[str], ParsedFile]] = {}

    @property
    def c_files(self) -> tuple[str, ...]:
        """The paths of all C sources and headers, sorted."""
        return tuple(path for path in self.all_files if path.endswith(C_SUFFIXES))

    def data(self, path: str) -> bytes:
        """The bytes of any file of the tree."""
        if path not in self._texts:
            self._texts[path] = self.tree.read(path)
        return self._texts[path]

    def holding(self, names: Iterable[str]) -> tuple[str, ...]:
        """The C files whose bytes hold one of the names as a whole word."""
        wanted = {name.encode() for name in names}
        return tuple(path for path in self.c_files if not wanted.isdisjoint(self._words_of(path)))

    def _words_of(self, path: str) -> frozenset[bytes]:
        if path not in self._words:
            self._words[path] = frozenset(_WORD.findall(self.data(path)))
        return self._words[path]

    def source(self, path: str) -> SourceFile | None:
        """The lexed file, or None if it is broken (see ``broken``)."""
        if path not in self._sources and path not in self.broken:
            try:
                self._sources[path] = read_source(path, self.data(path))
            except BrokenSource as error:
                self.broken[path] = error
        return self._sources.get(path)

    def parsed_whole(self, path: str) -> ParsedFile | None:
        """The file with every item parsed; None if broken."""
        source = self.source(path)
        if source is not None and path not in self._whole:
            self._whole[path] = self._reader(source).parsed()
        return self._whole.get(path)

    def _reader(self, source: SourceFile) -> FileReader:
        if source.path not in self._readers:
            self._readers[source.path] = FileReader(source, self.tables())
        return self._readers[source.path]

    def tables(self) -> Dialect:
        if self._known_dialect is None:
            self._known_dialect = self._dialect()
        return self._known_dialect

    def parsed(self, path: str, names: frozenset[str]) -> ParsedFile | None:
        """The file with at least the items parsed that hold one of ``names``; None if broken."""
        source = self.source(path)
        if source is None:
            return None
        known = self._parsed.get(path)
        if known is not None and names <= known[0]:
            return known[1]
        wanted = names | (known[0] if known else frozenset())
        parsed = self._reader(source).parsed(wanted)
        self._parsed[path] = (wanted, parsed)
        return parsed
