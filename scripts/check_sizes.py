"""Compare the tool's sizes of allocations with the compiler's, in a configured build directory.

    python -m scripts.check_sizes TREE PATH… --build DIR [--call NAME=POSITION]

A copy of each source file that allocates is compiled with the kernel's own flags; at each size a
comment in the assembly (an empty ``asm`` statement) shows its value if the compiler knows it. The
tool's bound must never be below that, and a constant must be equal. DIR is a build directory of
this tree for x86-64, after ``make O=DIR prepare``; one file is built in it to learn the flags.
Exit code 0 if every size agrees, 1 if one does not, 2 if nothing could be compared.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from convert.errors import KmemConvertError
from convert.semantics.sizes import Bounded, Constant, RunTime, SizeClass
from convert.source.edits import Edit, apply_edits
from scripts.allocation_sites import AllocationSite, allocation_sites, arguments, calls_of, subject

_SHOWN = re.compile(r"kc_size_(\d+) = \$(-?\d+)")


@dataclass(frozen=True)
class Compared:
    """One site with the tool's answer and the compiler's (None: not a constant there)."""

    place: str
    text: str
    ours: SizeClass
    theirs: int | None

    @property
    def agrees(self) -> bool:
        """Whether the answer holds for this configuration."""
        match self.ours:
            case Constant(size):
                return self.theirs in (None, size)
            case Bounded(high, _, low):
                return self.theirs is None or low <= self.theirs <= high
            case RunTime():
                return True


def compiler_command(tree: Path, build: Path, paths: Iterable[str]) -> list[str]:
    """The compiler and its flags, taken from the kernel's own build of the first file it builds."""
    for path in paths:
        command = _command(tree, build, path)
        if command:
            return command
    raise SystemExit(f"{build}: none of the files is built in this configuration")


def _command(tree: Path, build: Path, path: str) -> list[str]:
    target = str(Path(path).with_suffix(".s"))
    made = subprocess.run(
        ["make", "-C", str(tree), f"O={build}", target], capture_output=True, text=True
    )
    record = build / Path(target).parent / f".{Path(target).name}.cmd"
    if made.returncode or not record.is_file():
        return []
    line = record.read_text(encoding="utf-8").splitlines()[0]
    words = shlex.split(line.split(":=", 1)[1])
    return words[: words.index("-S") if "-S" in words else words.index("-o")]


def instrumented(text: str, sites: Sequence[tuple[int, AllocationSite]]) -> str:
    """The source with a mark at each size; a size that is part of another keeps its own mark."""
    edits = []
    for number, site in sites:
        slots = [site.call.slots[position] for position in site.sizes]
        whole = " * ".join(f"(unsigned long)({slot.span.of(text)})" for slot in slots)
        whole = " ".join(whole.split())
        mark = f'({{ asm volatile("# kc_size_{number} = %0" : : "ri" ({whole})); '
        edits.append(Edit(slots[0].span, f"{mark}({slots[0].span.of(text)}); }})"))
    return apply_edits(text, edits)


def compiled_sizes(
    command: Sequence[str], tree: Path, build: Path, path: str, text: str
) -> dict[int, int]:
    """Compile a text in the place of a file and read the marks. Raises RuntimeError."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / Path(path).name
        copy.write_text(text, encoding="latin-1")
        words = [word for word in command if not word.startswith("-Wp,-MMD")]
        words += ["-I", str((tree / path).parent), "-w", "-S", "-o", "-", str(copy)]
        done = subprocess.run(words, capture_output=True, text=True, cwd=build)
    if done.returncode:
        raise RuntimeError(done.stderr.strip()[:400])
    return {int(number): int(value) for number, value in _SHOWN.findall(done.stdout)}


def compare(
    tree: Path, build: Path, sites: Iterable[AllocationSite], answers: Sequence[SizeClass]
) -> list[Compared]:
    """Compile every file with sites once; sites in headers are left out."""
    by_file: dict[str, list[tuple[int, AllocationSite]]] = {}
    for number, site in enumerate(sites):
        by_file.setdefault(site.source.path, []).append((number, site))
    command: list[str] = []
    found: list[Compared] = []
    for path, numbered in by_file.items():
        if not path.endswith(".c"):
            continue
        command = command or compiler_command(tree, build, (p for p in by_file if p.endswith(".c")))
        seen: dict[object, tuple[int, AllocationSite]] = {}
        for number, site in numbered:
            seen.setdefault(site.call.span, (number, site))
        text = numbered[0][1].source.text
        try:
            sizes = compiled_sizes(
                command, tree, build, path, instrumented(text, list(seen.values()))
            )
        except RuntimeError as error:
            print(f"{path}: not compiled: {error}", file=sys.stderr)
            continue
        for number, site in seen.values():
            slots = [site.call.slots[p].span.of(text) for p in site.sizes]
            shown = " * ".join(" ".join(slot.split()) for slot in slots)
            found.append(Compared(site.place, shown, answers[number], sizes.get(number)))
    return found


def main() -> int:
    """Run the comparison; see the module's docstring."""
    parser = arguments(__doc__)
    parser.add_argument("--build", required=True, type=Path)
    options = parser.parse_args()
    try:
        run = subject(options.tree, options.paths)
    except KmemConvertError as error:
        print(error, file=sys.stderr)
        return 2
    sites = list(allocation_sites(run.sources, calls_of(options)))
    answers = [
        run.sizes.size_class(site.source, site.item, site.call, site.sizes) for site in sites
    ]
    tree, build = Path(options.tree).absolute(), options.build.absolute()
    found = compare(tree, build, sites, answers)
    for row in found:
        theirs = "not constant" if row.theirs is None else str(row.theirs)
        print(f"{'ok ' if row.agrees else 'BAD'} {row.place}: {row.text}: {theirs}: {row.ours}")
    known = [row for row in found if row.theirs is not None]
    shown = [row for row in known if not isinstance(row.ours, RunTime)]
    bad = [row for row in found if not row.agrees]
    print(
        f"{len(found)} sizes compiled, {len(known)} of them constant for the compiler; the tool "
        f"bounds {len(shown)} of these, {len(bad)} wrongly"
    )
    if not known:
        return 2
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
