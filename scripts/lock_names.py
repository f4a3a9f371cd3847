"""List what files call that sounds like a lock or a wait, and that locks.toml does not know.

    python -m scripts.lock_names TREE PATH… [--word WORD]… [--all]

Listed are names called in the files of the paths and defined in none of them, most called first,
with the number of calls and the first place. `--word` gives other words to look for in the names,
`--all` takes every name. Exit code 1 if there is such a name, 2 for unusable input.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from convert.errors import InputError
from convert.profiles.locks import Locks, load_locks
from convert.source.text import BrokenSource, SourceFile, read_source
from convert.source.tokens import Kind, Tokens, lex_body
from convert.tree.kernel import KernelTree
from convert.tree.open import open_tree

WORDS = ("lock", "mutex", "rwsem", "sema", "down", "up", "wait", "wake", "flush", "drain", "sync",
         "complete", "queue", "work", "kthread", "sleep", "schedule", "freeze",
         "synchronize", "thaw", "iput", "dput", "iget", "ilookup", "evict", "writeback",
         "truncate")  # fmt: skip
_INSIDE = frozenset({"lock", "mutex", "rwsem", "flush", "complete", "queue", "kthread", "schedule",
                     "freeze", "writeback", "truncate", "synchronize", "evict"})  # fmt: skip
_UNRELATED = (
    "block",
    "round_up",
    "round_down",
    "align_down",
)  # words that hold or are one of the words
_DEFINE = re.compile(r"#\s*define\s+(\w+)\(([^)]*)\)(.*)", re.DOTALL)
_PASTED = re.compile(r"\w+(?:\s*##\s*\w+)+(?=\s*\()")
_QUIET = frozenset({"if", "while", "for", "switch", "return", "sizeof", "defined"})


@dataclass(frozen=True)
class Place:
    """The first call of a name."""

    path: str
    line: int


@dataclass
class Names:
    """What some files define, and what they call with the number of calls and the first place."""

    defined: set[str]
    called: dict[str, tuple[int, Place]]
    pasted: list[re.Pattern[str]] = field(default_factory=list)  # names that macros put together

    def is_defined(self, name: str) -> bool:
        """Whether one of the files defines a name, or a macro may."""
        return name in self.defined or any(pattern.fullmatch(name) for pattern in self.pasted)

    def call(self, name: str, place: Place) -> None:
        """Count a call."""
        count, first = self.called.get(name, (0, place))
        self.called[name] = (count + 1, first)

    def unknown(
        self, known: frozenset[str], words: Sequence[str]
    ) -> Mapping[str, tuple[int, Place]]:
        """The names that are called, not defined and not known, most called first."""
        parts = frozenset(words)
        found = {
            name: calls
            for name, calls in self.called.items()
            if name not in known
            and (not parts or sounds(name, parts))
            and not self.is_defined(name)
        }
        return dict(sorted(found.items(), key=lambda entry: (-entry[1][0], entry[0])))


def sounds(name: str, words: frozenset[str]) -> bool:
    """Whether one of the words stands in a name: as a part between ``_``, or (long ones) inside."""
    plain = name.lower()
    for quiet in _UNRELATED:
        plain = plain.replace(quiet, "")
    parts = plain.split("_")
    return any(word in parts or (word in _INSIDE and word in plain) for word in words)


def _code(tokens: Tokens) -> list[int]:
    """The tokens that are neither white space, comments nor directives."""
    quiet = (Kind.SPACE, Kind.COMMENT, Kind.DIRECTIVE)
    return [index for index, kind in enumerate(tokens.kinds) if kind not in quiet]


def _calls(tokens: Tokens, deep: bool) -> Iterator[tuple[str, int, bool]]:
    """Names before a parenthesis: name, offset, and whether it stands outside of all braces."""
    code, depth = _code(tokens), int(deep)
    for at, index in enumerate(code):
        text = tokens.text(index)
        depth += (text == "{") - (text == "}")
        if tokens.kinds[index] != Kind.IDENTIFIER or text in _QUIET or at + 1 == len(code):
            continue
        # A member is called through a pointer, which the call graph resolves; `##` makes a name.
        part = at > 0 and tokens.text(code[at - 1]) in ("->", ".", "##")
        if tokens.text(code[at + 1]) == "(" and not part:
            yield text, tokens.starts[index], depth == 0


def read(source: SourceFile, names: Names) -> None:
    """Add the names of one file. A name before a parenthesis outside of braces is a definition."""
    for text, offset, outside in _calls(source.tokens, deep=False):
        if outside:
            names.defined.add(text)
        else:
            names.call(text, Place(source.path, source.line(offset)))
    for span in source.tokens.directives():
        found = _DEFINE.match(span.of(source.text))
        if found is None:
            continue
        names.defined.add(found[1])
        place = Place(source.path, source.line(span.start))
        for text, _, _ in _calls(lex_body(found[3]), deep=True):
            names.call(text, place)
        parameters = frozenset(re.findall(r"\w+", found[2]))
        names.pasted += [_pattern(name, parameters) for name in _PASTED.findall(found[3])]


def _pattern(pasted: str, parameters: frozenset[str]) -> re.Pattern[str]:
    """What a name may be that is put together of words and of a macro's parameters."""
    words = re.split(r"\s*##\s*", pasted)
    return re.compile("".join(r"\w+" if word in parameters else word for word in words))


def survey(tree: KernelTree, paths: Sequence[str]) -> Names:
    """Read the C files of some paths. Raises InputError for a path that is not in the tree."""
    names = Names(set(), {})
    for path in sorted({path for under in paths for path in tree.files(under)}):
        if path.endswith((".c", ".h")):
            try:
                read(read_source(path, tree.read(path)), names)
            except BrokenSource as error:
                print(f"not read: {error}", file=sys.stderr)
    return names


def known_names(locks: Locks) -> frozenset[str]:
    """All functions and macros that the profile says something about."""
    return frozenset(locks.names)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the names that the profile does not know."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("tree", help="a kernel tree: a directory, or DIR@REV")
    parser.add_argument("paths", nargs="+", help="paths in it, e.g. fs/ext4 fs/jbd2")
    parser.add_argument("--word", action="append", help="look for names with this word")
    parser.add_argument("--all", action="store_true", help="look at all names")
    options = parser.parse_args(arguments)
    words = () if options.all else tuple(options.word or WORDS)
    try:
        names = survey(open_tree(options.tree), options.paths)
    except InputError as error:
        print(error, file=sys.stderr)
        return 2
    locks = load_locks()
    unknown = {
        name: calls
        for name, calls in names.unknown(known_names(locks), words).items()
        if not locks.is_harmless(name) and not name.startswith("trace_")
    }
    for name, (count, place) in unknown.items():
        print(f"{count:6} {name}  {place.path}:{place.line}")
    print(f"{len(unknown)} unknown names")
    return int(bool(unknown))


if __name__ == "__main__":
    sys.exit(main())
