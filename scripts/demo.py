"""``make demo``: the main job on the mini kernel, as a user would run it, in ``build/demo``."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
TREE = ROOT / "corpus" / "minikernel"
WORK = ROOT / "build" / "demo"
PATH = "fs/minfs"

# A machine without a git identity shows the demo all the same.
IDENTITY = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Demo Author"), ("EMAIL", "demo@example.org"))
}


def show(*words: str | Path, quiet: bool = False) -> str:
    """Print a command, run it, print what it says; stops the demo if it fails."""
    print(f"\n$ {shlex.join(str(word) for word in words)}", flush=True)
    done = subprocess.run(
        [str(word) for word in words],
        cwd=WORK,
        env={**os.environ, **IDENTITY},
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    if not quiet:
        print(done.stdout, end="", flush=True)
    if done.returncode != 0:
        print(done.stdout, end="")
        sys.exit(f"demo: {words[0]} failed with exit code {done.returncode}")
    return done.stdout


def main() -> None:
    """Convert a copy of the mini kernel in a scratch repository, and say where to look."""
    shutil.rmtree(WORK, ignore_errors=True)
    WORK.mkdir(parents=True)
    shutil.copytree(TREE, WORK / "linux", ignore=shutil.ignore_patterns("build"))
    for words in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Base"]):
        subprocess.run(
            ["git", *words], cwd=WORK / "linux", env={**os.environ, **IDENTITY}, check=True
        )
    tool = str(Path(sys.executable).parent / "kmem-convert")
    text = show(tool, "report", "linux", PATH, quiet=True)
    shown = text[: text.index("Left for the author")] if "Left for the author" in text else text
    print(shown.rstrip())
    print("… (the whole report: build/demo/report.txt, build/demo/report.html)")
    print(text.rstrip().rsplit("\n", 1)[-1])
    (WORK / "report.txt").write_text(text, encoding="utf-8")
    show(tool, "report", "linux", PATH, "--format", "html", "-o", "report.html")
    show(tool, "series", "linux", PATH, "-o", "series")
    show(tool, "apply", "linux", PATH, "--branch", "converted")
    show(tool, "review", "series", "--tree", "linux")
    show("git", "-C", "linux", "diff", "--stat=72", "main", "converted")
    print(
        "\nLook at:\n"
        "  build/demo/report.html                       every site with its reason and diff\n"
        "  build/demo/series/0000-cover-letter.patch    the series, as it would be mailed\n"
        "  git -C build/demo/linux log -p main..converted"
    )


if __name__ == "__main__":
    main()
