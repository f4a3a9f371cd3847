"""What the tool knows of each allocation site's size and NULL check, one site a line.

    python -m scripts.site_facts TREE PATH… [--call NAME=POSITION] [--free NAME]

Without --call all allocators of the kernel that the tool knows are looked at. --free adds a
function that accepts NULL. The last line counts the classes.
"""

from __future__ import annotations

import sys
from collections import Counter

from convert.errors import KmemConvertError
from convert.flow.null_checks import (
    Checked,
    Escapes,
    NullCheck,
    Unchecked,
    Unknown,
    null_check_of_item,
)
from convert.semantics.sizes import Bounded, Constant, RunTime, SizeClass
from scripts.allocation_sites import (
    AllocationSite,
    allocation_sites,
    arguments,
    calls_of,
    known_frees,
    subject,
)


def size_text(size: SizeClass) -> str:
    """A size class in a few words."""
    match size:
        case Constant(count):
            return f"{count}"
        case Bounded(high, why, low):
            return f"{low}..{high} ({why})"
        case RunTime(_, why):
            return f"run time ({why})"


def check_text(check: NullCheck) -> str:
    """A NULL check in a few words."""
    match check:
        case Checked(line):
            return f"checked in line {line}"
        case Unchecked(line, how, asserted):
            note = f", asserted in line {asserted}" if asserted is not None else ""
            return f"unchecked: {how} in line {line}{note}"
        case Escapes(line, how):
            return f"escapes: {how} in line {line}"
        case Unknown(why):
            return f"unknown: {why}"


def expression(site: AllocationSite) -> str:
    """The size as written, on one line."""
    texts = [site.call.slots[at].span.of(site.source.text) for at in site.sizes]
    return " * ".join(" ".join(text.split()) for text in texts)


def main() -> int:
    """Print the table; see the module's docstring."""
    parser = arguments(__doc__)
    parser.add_argument("--free", action="append", default=[], metavar="NAME")
    options = parser.parse_args()
    try:
        run = subject(options.tree, options.paths)
    except KmemConvertError as error:
        print(error, file=sys.stderr)
        return 2
    frees = known_frees() | frozenset(options.free)
    seen: set[object] = set()
    counts: Counter[str] = Counter()
    for site in allocation_sites(run.sources, calls_of(options)):
        if (site.source.path, site.call.span) in seen:
            continue
        seen.add((site.source.path, site.call.span))
        size = run.sizes.size_class(site.source, site.item, site.call, site.sizes)
        check = null_check_of_item(site.source, site.item, site.call, frees)
        counts.update((type(size).__name__, type(check).__name__))
        print(f"{site.place}: {expression(site)}: {size_text(size)}; {check_text(check)}")
    print(f"{len(seen)} sites: {', '.join(f'{k} {n}' for k, n in sorted(counts.items()))}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
