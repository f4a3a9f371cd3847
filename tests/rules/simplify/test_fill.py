"""An allocation and the memset() or memcpy() behind it."""

from __future__ import annotations

import pytest

from convert.rules.model import Kept, Refused
from tests.rules.simplify.table import HEADERS, check_left, check_rewrite, file_with, outcome

KMALLOC = "\tp = kmalloc(sizeof(*p), GFP_NOFS | __GFP_NOFAIL);\n"
KZALLOC = "\tp = kzalloc(sizeof(*p), GFP_NOFS | __GFP_NOFAIL);\n"
CLEAR = "\tmemset(p, 0, sizeof(*p));\n"
DUP = "\tint err;\n\tchar *src = x->data, *p;\n\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(KMALLOC + CLEAR, KZALLOC, id="next to each other"),
        pytest.param(
            KMALLOC + "\tif (!p)\n\t\treturn -1;\n" + CLEAR,
            KZALLOC + "\tif (!p)\n\t\treturn -1;\n",
            id="a check that returns",
        ),
        pytest.param(
            KMALLOC + "\tif (unlikely(p == NULL)) {\n\t\tg();\n\t\tgoto out;\n\t}\n" + CLEAR
            + "\tg();\nout:\n\treturn 0;\n",
            KZALLOC + "\tif (unlikely(p == NULL)) {\n\t\tg();\n\t\tgoto out;\n\t}\n"
            + "\tg();\nout:\n\treturn 0;\n",
            id="a check that jumps",
        ),
        pytest.param(
            KMALLOC + "\tif (!p)\n\t\treturn -1;\n\n" + CLEAR + "\n\tp->a = 1;\n",
            KZALLOC + "\tif (!p)\n\t\treturn -1;\n\n\tp->a = 1;\n",
            id="no two blank lines",
        ),
        pytest.param(
            KMALLOC + "\n" + CLEAR + "}\n".replace("}\n", ""),
            KZALLOC,
            id="no blank line before the end",
        ),
        pytest.param(
            "\tstruct box *p = kmalloc(sizeof(*p), GFP_KERNEL);\n" + CLEAR,
            "\tstruct box *p = kzalloc(sizeof(*p), GFP_KERNEL);\n",
            id="a declaration",
        ),
        pytest.param(
            "\tx->data = kvmalloc(n, GFP_KERNEL);\n\tmemset(x->data, 0, n);\n",
            "\tx->data = kvzalloc(n, GFP_KERNEL);\n",
            id="a member, kvmalloc",
        ),
        pytest.param(
            "\tp = (void *)kmalloc_node(n, GFP_KERNEL, 1);\n\tmemset((void *)p, 0x0, n);\n",
            "\tp = (void *)kzalloc_node(n, GFP_KERNEL, 1);\n",
            id="casts, a node",
        ),
        pytest.param(
            "\tp = kmalloc_array(n, sizeof(int), GFP_KERNEL);\n"
            "\tmemset(p, 0, sizeof(int) * n);\n",
            "\tp = kcalloc(n, sizeof(int), GFP_KERNEL);\n",
            id="an array, factors the other way round",
        ),
        pytest.param(
            "\tstruct box *p;\n\n\tp = kmalloc(sizeof(*p), GFP_KERNEL);\n"
            "\tmemset(p, 0, sizeof(struct box));\n",
            "\tstruct box *p;\n\n\tp = kzalloc(sizeof(*p), GFP_KERNEL);\n",
            id="sizeof by type",
        ),
        pytest.param(
            "\tp = kmalloc(x->len + 1, GFP_KERNEL);\n\tmemset(p, 0, x->len + 1);\n",
            "\tp = kzalloc(x->len + 1, GFP_KERNEL);\n",
            id="a size that is read",
        ),
        pytest.param(
            "\tp = kmalloc(round_up(n, 8), GFP_KERNEL);\n\tmemset(p, 0, round_up(n, 8));\n",
            "\tp = kzalloc(round_up(n, 8), GFP_KERNEL);\n",
            id="a pure macro in the size",
        ),
    ],
)  # fmt: skip
def test_zalloc_rewrites(before: str, after: str) -> None:
    check_rewrite("zalloc", before, after)


@pytest.mark.parametrize(
    ("body", "keyword", "kind"),
    [
        pytest.param(KMALLOC + "\tg(p);\n" + CLEAR, "stands between", Kept, id="a use between"),
        pytest.param(KMALLOC + "\tn = 1;\n" + CLEAR, "stands between", Kept, id="code between"),
        pytest.param(
            KMALLOC + "\tif (!p)\n\t\tg();\n" + CLEAR, "stands between", Kept, id="check runs on"
        ),
        pytest.param(
            KMALLOC + "\tif (!p)\n\t\treturn 1;\n\telse\n\t\tg(p);\n" + CLEAR,
            "stands between",
            Kept,
            id="check with else",
        ),
        pytest.param(
            KMALLOC + "\tif (p)\n\t\treturn 1;\n" + CLEAR, "stands between", Kept, id="other check"
        ),
        pytest.param(
            KMALLOC + "\tif (!x)\n\t\treturn 1;\n" + CLEAR,
            "stands between",
            Kept,
            id="check of another pointer",
        ),
        pytest.param(
            KMALLOC + "\tif (p)\n\t\tmemset(p, 0, sizeof(*p));\n",
            "stands between",
            Kept,
            id="cleared in a branch",
        ),
        pytest.param(
            KMALLOC + "again:\n" + CLEAR + "\tgoto again;\n", "stands between", Kept, id="a label"
        ),
        pytest.param(
            "\tif (!(p = kmalloc(n, GFP_KERNEL)))\n\t\treturn 1;\n\tmemset(p, 0, n);\n",
            "stands between",
            Kept,
            id="allocated in a condition",
        ),
        pytest.param(
            "\tp = kmalloc(n, GFP_KERNEL);\n\tmemset(p, 0, n - 1);\n", "another size", Kept,
            id="a part of it",
        ),
        pytest.param(
            "\tp = kmalloc(sizeof(struct item), GFP_KERNEL);\n\tmemset(p, 0, sizeof(int));\n",
            "another size",
            Kept,
            id="another type",
        ),
        pytest.param(
            "\tp = kmalloc((u8)n, GFP_KERNEL);\n\tmemset(p, 0, n);\n", "another size", Kept,
            id="a cast makes it another size",
        ),
        pytest.param(
            "\tp = kmalloc_array(n, 4, GFP_KERNEL);\n\tmemset(p, 0, n);\n", "another size", Kept,
            id="one factor only",
        ),
        pytest.param(
            "\tp = kmalloc(g(n), GFP_KERNEL);\n\tmemset(p, 0, g(n));\n", "a call", Kept,
            id="a size that is computed twice",
        ),
        pytest.param(
            "\tp = kmalloc(n++, GFP_KERNEL);\n\tmemset(p, 0, n++);\n", "a call or an assignment",
            Kept, id="a size with effects",
        ),
        pytest.param(
            "\tp = kmalloc(p->len, GFP_KERNEL);\n\tmemset(p, 0, p->len);\n", "through the pointer",
            Kept, id="a size behind the pointer",
        ),
        pytest.param(
            KMALLOC + "\tmemset(p, 0, sizeof(*p)); n = 1;\n", "shares its line", Refused,
            id="one line with other code",
        ),
        pytest.param(
            KMALLOC + "\tmemset(p, 0, sizeof(*p)); /* all */\n", "shares its line", Refused,
            id="one line with a comment",
        ),
        pytest.param(
            KMALLOC + "\tmemset(p, 0, /* all */ sizeof(*p));\n", "comment", Refused,
            id="a comment inside",
        ),
        pytest.param(
            KMALLOC + "#ifdef A\n\tif (!p)\n\t\treturn 1;\n#endif\n" + CLEAR, "preprocessor",
            Refused, id="a preprocessor line between",
        ),
        pytest.param(
            "\tp = vmalloc(n);\n\tmemset(p, 0, n);\n", "no vzalloc()", Refused,
            id="a tree without the other function",
        ),
    ],
)  # fmt: skip
def test_zalloc_refusals(body: str, keyword: str, kind: type[Kept] | type[Refused]) -> None:
    check_left("zalloc", body, keyword, kind)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(KMALLOC + "\tmemset(p, 1, sizeof(*p));\n", id="another value"),
        pytest.param(KMALLOC + "\tmemset(&p->a, 0, sizeof(*p));\n", id="a member"),
        pytest.param(CLEAR + KMALLOC, id="before the allocation"),
        pytest.param(KZALLOC + CLEAR, id="zeroed already"),
        pytest.param("\tp = g();\n" + CLEAR, id="memory from elsewhere"),
    ],
)
def test_zalloc_looks_at_nothing_else(body: str) -> None:
    assert not outcome(file_with(body), "zalloc").plan.sites


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param(
            DUP + "\tp = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);\n\tmemcpy(p, src, n);\n",
            DUP + "\tp = kmemdup(src, n, GFP_KERNEL | __GFP_NOFAIL);\n",
            id="next to each other",
        ),
        pytest.param(
            DUP + "\tp = kmalloc(n, GFP_NOFS);\n\tif (!p)\n\t\treturn 1;\n\tmemcpy(p, src, n);\n",
            DUP + "\tp = kmemdup(src, n, GFP_NOFS);\n\tif (!p)\n\t\treturn 1;\n",
            id="the check stays",
        ),
        pytest.param(
            "\tp = kmalloc(16, GFP_KERNEL);\n\tmemcpy(p, x->name, 16);\n",
            "\tp = kmemdup(x->name, 16, GFP_KERNEL);\n",
            id="an array in a struct",
        ),
        pytest.param(
            "\tstruct item old;\n\n\tp = kmalloc(sizeof(old), GFP_KERNEL);\n"
            "\tmemcpy(p, &old, sizeof(old));\n",
            "\tstruct item old;\n\n\tp = kmemdup(&old, sizeof(old), GFP_KERNEL);\n",
            id="the address of a local",
        ),
        pytest.param(
            "\tx->data = kmalloc(sizeof(struct item), GFP_KERNEL);\n"
            "\tmemcpy(x->data, &x[n].name, sizeof(struct item));\n",
            "\tx->data = kmemdup(&x[n].name, sizeof(struct item), GFP_KERNEL);\n",
            id="to a member, from an address",
        ),
        pytest.param(
            "\tx->data = kmalloc(x->len, GFP_KERNEL | __GFP_NOFAIL | __GFP_NOLOCKDEP);\n"
            "\tmemcpy(x->data, x + n, x->len);\n",
            "\tx->data = kmemdup(x + n, x->len,\n"
            "\t\t\tGFP_KERNEL | __GFP_NOFAIL | __GFP_NOLOCKDEP);\n",
            id="a line that gets too long",
        ),
        pytest.param(
            DUP + "\tp = kmalloc(n,\n\t\t    GFP_KERNEL);\n\tmemcpy(p, (char *)src + 1, n);\n",
            DUP + "\tp = kmemdup((char *)src + 1, n,\n\t\t    GFP_KERNEL);\n",
            id="continued lines",
        ),
    ],
)
def test_memdup_rewrites(before: str, after: str) -> None:
    check_rewrite("memdup", before, after)


@pytest.mark.parametrize(
    ("body", "keyword", "kind"),
    [
        pytest.param(
            "\tp = kmalloc(n, GFP_KERNEL);\n\tmemcpy(p, x->data, n);\n", "`x->data` is read",
            Refused, id="a member may change meanwhile",
        ),
        pytest.param(
            "\tp = kmalloc(n, GFP_KERNEL);\n\tmemcpy(p, *pp, n);\n", "is read", Refused,
            id="a pointer in memory may change",
        ),
        pytest.param(
            "\tp = kmalloc(n, GFP_KERNEL);\n\tmemcpy(p, table, n);\n", "`table` is read", Refused,
            id="a global may change",
        ),
        pytest.param(
            DUP + "\tg(&src);\n\tp = kmalloc(n, GFP_KERNEL);\n\tmemcpy(p, src, n);\n",
            "`src` is read", Refused, id="a local whose address is known elsewhere",
        ),
        pytest.param(
            DUP + "\tp = kmalloc(n, GFP_KERNEL);\n\tmemcpy(p, g(src), n);\n", "not known before",
            Kept, id="a call",
        ),
        pytest.param(
            "\tx->data = kmalloc(16, GFP_KERNEL);\n\tmemcpy(x->data, x->data, 16);\n",
            "not known before", Kept, id="from itself",
        ),
        pytest.param(
            DUP + "\tp = kmalloc(n, GFP_KERNEL);\n\terr = 1;\n\tmemcpy(p, src, n);\n",
            "stands between", Kept, id="code between",
        ),
        pytest.param(
            DUP + "\tp = kmalloc(n, GFP_KERNEL);\n\tif (p)\n\t\tmemcpy(p, src, n);\n",
            "stands between", Kept, id="in a branch",
        ),
        pytest.param(
            DUP + "\tp = kmalloc(n, GFP_KERNEL);\n\tsrc++;\n\tmemcpy(p, src, n);\n",
            "stands between", Kept, id="the pointer moves",
        ),
        pytest.param(
            DUP + "\tp = kvmalloc(n, GFP_KERNEL);\n\tmemcpy(p, src, n);\n", "no kvmemdup()",
            Refused, id="a tree without kvmemdup",
        ),
        pytest.param(
            DUP + "\tp = kmalloc(n, GFP_KERNEL);\n\terr = memcpy(p, src, n);\n", "stands between",
            Kept, id="the result is used",
        ),
        pytest.param(
            DUP + "\tp = kmalloc(n, GFP_KERNEL);\n\tmemcpy(p, /* old */ src, n);\n", "comment",
            Refused, id="a comment inside",
        ),
    ],
)  # fmt: skip
def test_memdup_refusals(body: str, keyword: str, kind: type[Kept] | type[Refused]) -> None:
    check_left("memdup", body, keyword, kind)


def test_a_part_is_no_copy() -> None:
    body = DUP + "\tp = kmalloc(n + 1, GFP_KERNEL);\n\tmemcpy(p, src, n);\n\tp[n] = 0;\n"
    assert not outcome(file_with(body), "memdup").plan.sites


@pytest.mark.parametrize(
    ("header", "keyword"),
    [
        pytest.param("include/linux/string.h", "no kmemdup()", id="the tree has no such function"),
        pytest.param("", "does not include <linux/string.h>", id="the file does not include it"),
    ],
)
def test_what_is_not_declared_is_not_called(header: str, keyword: str) -> None:
    body = DUP + "\tp = kmalloc(n, GFP_KERNEL);\n\tmemcpy(p, src, n);\n"
    headers = {**HEADERS, header: "void *memcpy(void *to, const void *from, size_t n);\n"}
    includes = "#include <linux/slab.h>\n" + (f"#include <{header[8:]}>\n" if header else "")
    result = outcome(file_with(body, includes), "memdup", headers=headers)
    assert result.after == result.before
    (left,) = result.left
    assert isinstance(left, Refused)
    assert keyword in left.reason
