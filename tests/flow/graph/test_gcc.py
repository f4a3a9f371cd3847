"""The call graph of a few C files against the one that gcc writes with -fcallgraph-info."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from convert.flow.graph.build import build_graph
from convert.tree.directory import DirectoryTree
from scripts.callgraph_gcc import Comparison, main, read_edges

FLAGS = ("-fcallgraph-info", "-fno-inline", "-fno-ipa-icf", "-fno-ipa-cp", "-fno-ipa-sra",
         "-fno-partial-inlining", "-fno-optimize-sibling-calls", "-O2", "-c")  # fmt: skip

FILES = {
    "include/linux/kernel.h": "#define offsetof __builtin_offsetof\nint outside(int);\n",
    "fs/x/x.h": (
        "struct ops { int (*run)(int); int (*stop)(int); };\n"
        "struct holder { int n; struct ops ops; };\n"
        "#define TWICE(x) (plain(x) + plain(x))\n#define ALIAS plain\n"
        "#define CALL(p, op, x) ((p)->op(x))\n"
        "#define GETTER(n) \\\n"
        "static inline int get_##n(const struct holder *h) { return twice(h->n); }\n"
        "int plain(int);\nint twice(int);\nint through(struct ops *, int);\n"
        "int apply(int (*)(int), int);\nGETTER(n)\n"
    ),
    "fs/x/a.c": (
        '#include <linux/kernel.h>\n#include "x.h"\n'
        "static int local(int x) { return outside(x) + 1; }\n"
        "int plain(int x) { return local(x); }\n"
        "int twice(int x) { return TWICE(x) + ALIAS(x); }\n"
        "int through(struct ops *p, int x) { return CALL(p, run, x) + p->stop(x); }\n"
        "int apply(int (*fn)(int), int x) { return x ? fn(x) : apply(fn, 1); }\n"
    ),
    "fs/x/b.c": (
        '#include "x.h"\n'
        "static int local(int x) { return x - 1; }\nstatic int halt(int x) { return -x; }\n"
        "static struct ops table[] = { [1] = { .run = local, .stop = halt } };\n"
        "int use(struct holder *h)\n{\n\th->ops = table[1];\n"
        "\treturn through(&h->ops, local(get_n(h))) + apply(halt, ({ int y = local(2); y; }));\n}\n"
    ),
}


def compiled(tmp_path: Path) -> tuple[Path, Path]:
    """The files, and what gcc says about them; skips where gcc cannot."""
    gcc = shutil.which("gcc")
    if gcc is None:
        pytest.skip("no gcc")
    tree, build = tmp_path / "tree", tmp_path / "build"
    for name, text in FILES.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)
    (build / "fs/x").mkdir(parents=True)
    for name in ("fs/x/a.c", "fs/x/b.c"):
        output = build / name.replace(".c", ".o")
        done = subprocess.run(
            [gcc, *FLAGS, f"-I{tree}/include", str(tree / name), "-o", str(output)],
            capture_output=True,
            text=True,
        )
        if "-fcallgraph-info" in done.stderr:
            pytest.skip("this gcc has no -fcallgraph-info")
        assert done.returncode == 0, done.stderr
    return tree, build


def test_every_edge_of_gcc_is_ours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree, build = compiled(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main([str(tree), str(build), "fs/x"]) == 0
    out = capsys.readouterr().out
    assert "2 files of gcc, 3 files read" in out
    assert "missing" not in out
    counts = {line[8:]: int(line[:7]) for line in out.splitlines()[1:]}
    assert counts["call"] >= 8
    assert counts["indirect call"] >= 2


def test_a_missing_edge_is_seen(tmp_path: Path) -> None:
    tree, build = compiled(tmp_path)
    comparison = Comparison(build_graph(DirectoryTree(tree), ["fs/x"]))
    comparison.prepare()
    comparison.callees.clear()
    comparison.pointers.clear()
    edges = tuple(read_edges(sorted(build.rglob("*.ci")), str(tree.resolve())))
    judged = {comparison.judge(edge) for edge in edges}
    assert {"missing: call", "missing: indirect call"} <= judged


def test_nothing_compiled_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "fs/x").mkdir(parents=True)
    (tmp_path / "fs/x/a.c").write_text("int f(void) { return 0; }\n")
    (tmp_path / "build").mkdir()
    assert main([str(tmp_path), str(tmp_path / "build"), "fs/x"]) == 2
    assert "compile with -fcallgraph-info" in capsys.readouterr().err
