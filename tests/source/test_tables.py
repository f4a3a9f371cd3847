"""The tables that headers hold, and the dialect made of them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from convert.errors import InputError
from convert.source.dialect import load_dialect
from convert.source.tables import file_dialect, from_json, join, to_json, words_of
from convert.source.typedefs import typedef_names
from convert.source.vocabulary import Dialect


class MemoryTree:
    """A tree in memory."""

    name = "memory"
    revision = None

    def __init__(self, files: Mapping[str, str]) -> None:
        self._files = dict(files)
        self.reads = 0

    def read(self, path: str) -> bytes:
        self.reads += 1
        return self._files[path].encode("latin-1")

    def exists(self, path: str) -> bool:
        return any(file == path or file.startswith(f"{path}/") for file in self._files)

    def files(self, under: str = "") -> tuple[str, ...]:
        if under and not self.exists(under):
            raise InputError(f"{under}: no such directory")
        return tuple(
            sorted(f for f in self._files if not under or f == under or f.startswith(f"{under}/"))
        )


@pytest.mark.parametrize(
    ("text", "names"),
    [
        pytest.param("typedef int a;", ("a",), id="plain"),
        pytest.param("typedef unsigned long long a, *b;", ("a", "b"), id="two"),
        pytest.param("typedef struct a { int b; } c;", ("c",), id="struct"),
        pytest.param("typedef struct { int b; } __packed c;", ("c",), id="annotation before"),
        pytest.param("typedef struct { int b; } c __aligned(8);", ("c",), id="annotation after"),
        pytest.param("typedef int (*a)(int b, int c);", ("a",), id="pointer to a function"),
        pytest.param("typedef int a(int b);", ("a",), id="function"),
        pytest.param("typedef int (a)(int b);", ("a",), id="function in parentheses"),
        pytest.param("typedef int a[3][4];", ("a",), id="array"),
        pytest.param("typedef int (*a[3])(void);", ("a",), id="array of functions"),
        pytest.param("typedef const a_t *__user b;", ("b",), id="annotated pointer"),
        pytest.param("typedef DECLARE_BITMAP(a, 3);", ("a",), id="macro"),
        pytest.param("typedef enum { A, B } a;", ("a",), id="enum"),
        pytest.param("typedef __attribute__((b)) int a;", ("a",), id="attribute"),
        pytest.param("/* typedef int a; */ char *s = \"typedef\";", (), id="no code"),
        pytest.param("#define T typedef int a;\n", (), id="in a directive"),
    ],
)  # fmt: skip
def test_typedef_names(text: str, names: tuple[str, ...]) -> None:
    assert typedef_names(text) == names


@pytest.mark.parametrize(
    "define",
    [
        pytest.param("a(x) for (x = 0; x; x++)", id="for"),
        pytest.param("a(x) \\\n\tfor (x = 0; \\\n\t     x; x++)", id="over lines"),
        pytest.param("a(x) for (x = 0; x; x++) if (x->y)", id="for and if"),
        pytest.param("a(x) for (x = 0; x; x++) if (!x->y) {} else", id="ends in else"),
        pytest.param("a(x) for (x = 0; x; x++) if (!x->y) ; else", id="empty statement, else"),
        pytest.param("a(x) while (x)", id="while"),
        pytest.param("a(x) if (x)", id="if"),
        pytest.param("a(x) base_each(x, y)", id="another loop macro"),
        pytest.param("a(x) (y) = 0; base_each(x, y)", id="a statement first"),
        pytest.param("a(x) /* why */ for (;;)", id="comment"),
    ],
)
def test_macros_that_head_a_statement(define: str) -> None:
    dialect = join([words_of(f"#define {define}\n#define base_each(x, y) for (;;)\n")])
    assert "a" in dialect.loop_macros


@pytest.mark.parametrize(
    "define",
    [
        pytest.param("a(x) b(x)", id="call"),
        pytest.param("a(x) if (x) b(x)", id="if with its statement"),
        pytest.param("a(x) for (;;) b(x);", id="for with its statement"),
        pytest.param("a(x) do { b(x); } while (0)", id="do while"),
        pytest.param("a(x) ({ for (;;) b(); })", id="statement expression"),
        pytest.param("a(x) for (;;) { }", id="for with a block"),
        pytest.param("a for (;;)", id="no parameters"),
        pytest.param("a(x) (x)", id="value"),
    ],
)
def test_macros_that_head_none(define: str) -> None:
    assert "a" not in join([words_of(f"#define {define}\n")]).loop_macros


def test_pairs_of_macros_that_share_braces() -> None:
    dialect = join(
        [
            words_of(
                "#define do_each(x) do { for (;;) {\n#define while_each(x) } } while (0)\n"
                "#define do_all(x) for (;;) do\n#define while_all(x) while (x)\n"
            )
        ]
    )
    assert dialect.block_openers == {"do_each", "do_all"}
    assert dialect.block_closers >= {"while_each", "while_all"}


@pytest.mark.parametrize(
    ("define", "field", "found"),
    [
        pytest.param("__a __attribute__((b))", "annotations", True, id="attribute"),
        pytest.param("__a __section(\".b\") __cold", "annotations", True, id="made of others"),
        pytest.param("MY_PACKED __attribute__((packed))", "annotations", True, id="named as one"),
        pytest.param("a __attribute__((b))", "annotations", False, id="named as anything"),
        pytest.param("__a __attribute__((fallthrough))", "annotations", False, id="a statement"),
        pytest.param("__a __b", "annotations", False, id="unknown"),
        pytest.param("__a", "annotations", False, id="empty: a guard, a switch"),
        pytest.param("__a(x) __attribute__((b(x)))", "annotations_with_arguments", True,
                     id="with arguments"),
        pytest.param("__a(x) __cleanup(c_##x)", "annotations_with_arguments", True,
                     id="with arguments, made of others"),
        pytest.param("my_t unsigned long", "typedefs", True, id="type"),
        pytest.param("my_t struct b *", "typedefs", True, id="struct type"),
        pytest.param("my_t const", "typedefs", False, id="only a qualifier"),
        pytest.param("my_t b", "typedefs", False, id="unknown type"),
        pytest.param("hot_inline static inline", "specifiers", True, id="specifiers"),
    ],
)  # fmt: skip
def test_what_object_like_macros_spell(define: str, field: str, found: bool) -> None:
    name = define.split("(")[0].split()[0]
    dialect = join([words_of(f"#define {define}\n")])
    assert (name in getattr(dialect, field)) is found


def test_a_file_that_adds_nothing_shares_the_dialect() -> None:
    base = join([words_of("typedef int a;\n#define b(x) for (;;)\n")])
    assert file_dialect("typedef int a;\n#define b(x) for (;;)\n", base) is base
    assert file_dialect("typedef int c;\n", base).typedefs == {"a", "c"}
    assert file_dialect("#define c(x) b(x)\n", base).loop_macros == {"b", "c"}


TREE = {
    "include/linux/types.h": "typedef unsigned int u32;\n",
    "arch/x86/include/asm/x.h": "typedef int x86_t;\n",
    "arch/arm/include/asm/x.h": "typedef int arm_t;\n",
    "fs/top.h": "typedef int top_t;\n",
    "fs/one/one.h": "typedef int one_t;\n",
    "fs/one/deep/deep.h": "typedef int deep_t;\n",
    "fs/two/two.h": "typedef int two_t;\n",
    "fs/one/one.c": "typedef int not_read_t;\n",
}


def test_directories_keep_their_own_words() -> None:
    dialect = load_dialect(MemoryTree(TREE), ["fs"])
    shared = {"u32", "x86_t", "top_t"}
    assert dialect.at("fs/one/one.c").typedefs == shared | {"one_t", "deep_t"}
    assert dialect.at("fs/one/deep/a.c").typedefs == shared | {"one_t", "deep_t"}
    assert dialect.at("fs/two/a.c").typedefs == shared | {"two_t"}
    assert dialect.at("fs/a.c").typedefs == shared
    assert dialect.typedefs == shared | {"one_t", "deep_t", "two_t"}


def test_a_path_of_one_file_reads_its_directory() -> None:
    dialect = load_dialect(MemoryTree(TREE), ["fs/one/one.c"])
    assert {"one_t", "u32"} <= dialect.at("fs/one/one.c").typedefs


def test_without_x86_all_architectures_are_read() -> None:
    files = {path: text for path, text in TREE.items() if "x86" not in path}
    assert "arm_t" in load_dialect(MemoryTree(files), ["fs/one"]).typedefs
    assert "arm_t" not in load_dialect(MemoryTree(TREE), ["fs/one"]).typedefs


def test_a_tree_without_headers_gives_the_fixed_words() -> None:
    dialect = load_dialect(MemoryTree({"fs/one/one.c": ""}), ["fs/one"])
    assert (dialect.typedefs, dialect.annotations) == (frozenset(), Dialect().annotations)


def test_unknown_paths_are_the_users_error() -> None:
    with pytest.raises(InputError, match="fs/three"):
        load_dialect(MemoryTree(TREE), ["fs/three"])


def test_the_cache_gives_the_same_dialect(tmp_path: Path) -> None:
    plain = load_dialect(MemoryTree(TREE), ["fs"])
    first = load_dialect(MemoryTree(TREE), ["fs"], tmp_path)
    second = load_dialect(MemoryTree(TREE), ["fs"], tmp_path)
    assert plain == first == second
    assert len(list(tmp_path.iterdir())) == 3


def test_a_changed_header_is_read_again(tmp_path: Path) -> None:
    load_dialect(MemoryTree(TREE), ["fs/one"], tmp_path)
    changed = {**TREE, "fs/one/one.h": "typedef int new_t;\n"}
    assert "new_t" in load_dialect(MemoryTree(changed), ["fs/one"], tmp_path).typedefs


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"{", id="half"),
        pytest.param(b"[]", id="other type"),
        pytest.param(b'{"a": {}}', id="missing keys"),
        pytest.param(b'{"a": 1}', id="other values"),
    ],
)
def test_a_damaged_cache_is_read_anew(tmp_path: Path, content: bytes) -> None:
    before = load_dialect(MemoryTree(TREE), ["fs/one"], tmp_path)
    for file in tmp_path.iterdir():
        file.write_bytes(content)
    assert load_dialect(MemoryTree(TREE), ["fs/one"], tmp_path) == before


def test_json_form_is_lossless() -> None:
    words = words_of("typedef int a;\n#define b(x) for (;;)\n#define __c __cold\n#define d u8\n")
    assert from_json(to_json(words)) == words
