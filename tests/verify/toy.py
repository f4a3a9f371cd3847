"""A toy kernel in a git repository: enough of the build's outer shape to compile one directory."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

MAKEFILE = """\
objects := $(patsubst $(CURDIR)/%.c,$(O)/%.o,$(wildcard $(CURDIR)/fs/toy/*.c))

.PHONY: defconfig olddefconfig fs/toy/
defconfig:
\t@test ! -e $(CURDIR)/no-defconfig || { echo no such configuration; exit 1; }
\t@mkdir -p $(O) && echo CONFIG_BLOCK=y > $(O)/.config
olddefconfig:
\t@sed -i /NOWHERE/d $(O)/.config
fs/toy/: $(objects)
\t@true
$(O)/%.o: $(CURDIR)/%.c $(wildcard $(CURDIR)/fs/toy/*.h)
\t@mkdir -p $(@D)
\t@echo "  CC      $(patsubst $(O)/%,%,$@)"
\t@gcc -Wall -c $< -o $@
"""

CONFIG_SCRIPT = """\
#!/bin/bash
# scripts/config --file FILE [--enable NAME | --disable NAME]...
file=$2; shift 2
while [ $# -gt 0 ]; do
    case $1 in
    --enable) echo "CONFIG_$2=y" >> "$file" ;;
    --disable) sed -i "/^CONFIG_$2=/d" "$file" ;;
    esac
    shift 2
done
"""

# Reports every added line that holds BAD, ODD or NIT, as the kernel's checkpatch.pl would in its
# terse form with positions in the file.
CHECKPATCH = r"""
use strict;
my ($file, $line, $in, $asked) = ("", 0, 0, 0);
while (<STDIN>) {
    die "unreadable patch\n" if /^SUBJECT IS UNREADABLE/;
    if (m{^\+\+\+ b/(\S+)}) { $file = $1; $in = 0; next; }
    if (/^\@\@ -\S+ \+(\d+)/) { $line = $1; $in = 1; next; }
    print "WARNING:COMMIT_LOG: odd message\n" if !$in && /^odd message/;
    $asked = 1 if !$in && /^new file mode/;
    next if !$in || /^-/;
    if (/^\+/) {
        print "$file:$line: ERROR:BAD: bad word\n" if /BAD/;
        print "$file:$line: WARNING:ODD: odd word\n" if /ODD/;
        print "$file:$line: CHECK:NIT: small matter\n" if /NIT/;
    }
    $line++;
}
print "$file:1: WARNING:FILE_PATH_CHANGES: does MAINTAINERS need updating?\n" if $asked;
"""

QUIET = "int quiet(void)\n{\n\treturn 1;\n}\n"
NOISY = "int noisy(void)\n{\n\tint old;\n\treturn 1;\n}\n"

BASE: Mapping[str, str] = {
    "Makefile": MAKEFILE,
    "scripts/config": CONFIG_SCRIPT,
    "scripts/checkpatch.pl": CHECKPATCH,
    "fs/toy/quiet.c": QUIET,
    "fs/toy/noisy.c": NOISY,
}


@dataclass(frozen=True)
class Toy:
    """The repository and its base commit."""

    path: Path
    base: str

    def commit(self, message: str, files: Mapping[str, str | None]) -> str:
        """Commit files (None deletes one) on the current branch; returns the commit id."""
        for name, text in files.items():
            place = self.path / name
            if text is None:
                place.unlink()
            else:
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(text)
        git(self.path, "add", "--all")
        git(self.path, "commit", "--quiet", "--allow-empty", "--message", message)
        return git(self.path, "rev-parse", "HEAD").strip()


def toy_kernel(path: Path, files: Mapping[str, str] = BASE) -> Toy:
    """Make the repository at ``path``."""
    path.mkdir()
    git(path, "init", "--quiet")
    for name, value in (("user.name", "A"), ("user.email", "a@example.org")):
        git(path, "config", name, value)
    return Toy(path, Toy(path, "").commit("base", files))


def git(path: Path, *words: str) -> str:
    """Run git in a directory; its output."""
    return subprocess.run(
        ["git", *words], cwd=path, check=True, capture_output=True, text=True
    ).stdout


def files_below(path: Path) -> dict[str, bytes]:
    """All files with their bytes, to show that nothing was touched."""
    return {
        str(file.relative_to(path)): file.read_bytes()
        for file in sorted(path.rglob("*"))
        if file.is_file()
    }
