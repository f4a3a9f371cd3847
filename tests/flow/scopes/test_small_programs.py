"""Small programs whose allocation is proven to be in scope, and as many that must not be."""

from __future__ import annotations

import pytest

from tests.flow.scopes.support import verdict

ROOT = "int root(int arg)\n{\n%s\n\treturn 0;\n}\nEXPORT_SYMBOL(root);\n"

# A callee that notes the handle in an object, whatever object that is, and somebody who hands over
# the address of such a member.
LENT = (
    "static void lend(struct context *c, struct handle *h) { c->handle = h; other(c); }\n"
    "static void finish(struct handle **hp, struct context *c)"
    " { struct handle *h = *hp; if (!*hp) return; *hp = NULL; *hp = h; lend(c, NULL); }\n"
    "int someone(struct context *c, struct context *d)\n"
    "{ if (start(&c->handle)) return -1; finish(&c->handle, d); return 0; }\n"
    "EXPORT_SYMBOL(someone);\n"
)
GET = (
    "static struct handle *get(void) { struct handle *h; int e = other(&h); if (e) return %s;"
    " e = start(&h); if (e) return %s; return h; }\n"
)
NUMBER = (
    "static void number(struct handle **hp, %s *np)"
    " { struct handle *h = *hp; if (!*hp) begin(h); *hp = NULL; *hp = h; *np = other(h); }\n"
)
WANTED = (
    "static bool wanted(int kind, void *p) { return other(p) && kind != FORK_COPY; }\n"
    "static void use(int kind) { if (wanted(kind, NULL)) here(1); }\n"
)

# An allocation that may fail, through a wrapper that chooses its mask, and an object that gets a
# handle if all goes well.
OBJECT = (
    "static gfp_t mask_of(int flags)"
    " { gfp_t mask = GFP_KERNEL; if (flags & NEW_ONE) mask |= __GFP_ZERO; return mask; }\n"
    "static void *get(int n, int flags) { gfp_t mask = mask_of(flags); void *p;"
    " do { p = kmalloc(n, mask); if (p || (flags & OLD_ONE)) return p; } while (1); }\n"
    "static int open(struct context *c) { return start(&c->handle); }\n"
)
WITH_OBJECT = (
    "struct context *c = get(9, %s); if (!c) return -1; open(c);"
    " if (c->handle) { here(1); end(c->handle); }"
)
TABLES = (
    "static int none(struct context *c) { return %s; }\n"
    "static int open(struct context *c) { return start(&c->handle); }\n"
    "static const struct ops first = { .work = none }, second = { .work = open };\n"
)
WITH_TABLE = (
    "struct context c = { .kind = 1 }; const struct ops *o = arg ? &first : &second;"
    " if (o->work(&c)) return -1; here(1); end(c.handle);"
)
ASSIGNS = (
    "static void use(struct context **cp, %s *np)"
    " { struct context *c; *np = 0; c = *cp; if (c) here(1); }\n"
)
WITH_ASSIGNS = (
    "struct handle *h; %s n; struct context *c = NULL; use(&c, &n); if (start(&h)) return -1;"
    " c = (void *)(long)arg; use(&c, &n); end(h);"
)

PROVEN = [
    pytest.param(
        ROOT % "unsigned int f = memalloc_nofs_save(); here(1); memalloc_nofs_restore(f);",
        id="saved in a variable",
    ),
    pytest.param(
        ROOT % "struct handle *h; if (start(&h)) return -1; here(1); end(h);",
        id="opened when it returns 0",
    ),
    pytest.param(
        ROOT % "struct handle *h; int e; e = start(&h); if (e) goto out; here(1); end(h);\nout: ;",
        id="cleanup by goto",
    ),
    pytest.param(
        "static struct handle *get(void) { struct handle *h; int e = start(&h);"
        " if (e) return ERR_PTR(e); return h; }\n"
        + ROOT
        % "struct handle *h = get(); if (IS_ERR(h)) return PTR_ERR(h); here(1); end(h);",
        id="ERR_PTR result",
    ),
    pytest.param(
        ROOT
        % (
            "struct handle *h; int e;\nagain: e = start(&h); if (e == -ENOSPC && arg) {"
            " arg = 0; goto again; } if (e) return e; here(1); end(h);"
        ),
        id="retry loop",
    ),
    pytest.param(
        "static void use(struct handle *h) { if (h) here(1); }\n"
        + ROOT % "struct handle *h; use(NULL); if (start(&h)) return -1; use(h); end(h);",
        id="NULL handle as a context",
    ),
    pytest.param(
        "static void use(struct context *c) { if (c->handle) here(1); }\n"
        + ROOT
        % (
            "struct context c = { .kind = 1 }; use(&c); if (start(&c.handle)) return -1;"
            " use(&c); end(c.handle);"
        ),
        id="zeroed structure has no handle",
    ),
    pytest.param(
        "static void use(int kind)"
        " { switch (kind) { case FORK_COPY: return; default: here(1); } }\n"
        + ROOT
        % "struct handle *h; use(FORK_COPY); if (start(&h)) return -1; use(FORK_DATA); end(h);",
        id="enum as a context, switch with default",
    ),
    pytest.param(
        "static void use(int flags) { if (flags & NEW_ONE) here(1); }\n"
        + ROOT
        % (
            "struct handle *h; use(OLD_ONE); if (start(&h)) return -1;"
            " use(NEW_ONE | OLD_ONE); end(h);"
        ),
        id="flag as a context",
    ),
    pytest.param(
        "static void use(struct handle **hp) { if (*hp) here(1); }\n"
        + ROOT
        % (
            "struct handle *h; use(&(struct handle *){NULL}); if (start(&h)) return -1;"
            " use(&h); end(h);"
        ),
        id="pointer to a pointer, compound literal",
    ),
    pytest.param(
        "static void hand(struct handle *old, struct handle *new)"
        " { new->cookie = old->cookie; old->cookie = 0; }\n"
        "static int roll(struct handle **hp) { struct handle *old = *hp;"
        " struct handle *new = kzalloc(8, GFP_KERNEL | __GFP_NOFAIL);"
        " hand(old, new); *hp = new; kfree(old); return other(new); }\n"
        + ROOT
        % (
            "struct handle *h; int e; if (start(&h)) return -1;"
            " while (other(h)) { e = roll(&h); if (e) { end(h); return e; } here(1); } end(h);"
        ),
        id="cookie handed to a new handle in a loop",
    ),
    pytest.param(
        ROOT
        % (
            "unsigned int f = memalloc_nofs_save(); struct handle *h; if (!start(&h)) end(h);"
            " here(1); memalloc_nofs_restore(f);"
        ),
        id="nested scope",
    ),
    pytest.param(
        ROOT % "unsigned int f = memalloc_noio_save(); here(1); memalloc_noio_restore(f);",
        id="noio forbids as much",
    ),
    pytest.param(
        ROOT % "current->flags |= PF_MEMALLOC_NOFS; here(1);",
        id="task flag set by hand",
    ),
    pytest.param(
        "#define each(i) for ((i) = 0; (i) < 3; (i)++)\n"
        + ROOT % "struct handle *h; int i; if (start(&h)) return -1; each(i) { here(1); } end(h);",
        id="body of a loop macro",
    ),
    pytest.param(
        "int worker(struct context *c) { unsigned int f = memalloc_nofs_save(); here(1);"
        " memalloc_nofs_restore(f); return 0; }\nEXPORT_SYMBOL(worker);\n",
        id="worker that opens the scope itself",
    ),
    pytest.param(
        LENT
        + ROOT
        % (
            "unsigned int f = memalloc_nofs_save(); struct handle *h;"
            " struct context *c = (void *)(long)arg; if (!start(&h)) { finish(&h, c); end(h); }"
            " here(1); memalloc_nofs_restore(f);"
        ),
        id="a local handle is no member of what is assigned",
    ),
    pytest.param(
        GET % ("ERR_PTR(e)", "ERR_PTR(e)")
        + ROOT % "struct handle *h = get(); if (IS_ERR(h)) return -1; here(1); end(h);",
        id="ERR_PTR of an unknown error",
    ),
    pytest.param(
        NUMBER % "long"
        + ROOT
        % (
            "unsigned int f = memalloc_nofs_save(); struct handle *h; long n;"
            " if (!start(&h)) { number(&h, &n); end(h); } here(1); memalloc_nofs_restore(f);"
        ),
        id="a number that is assigned through a pointer is no handle",
    ),
    pytest.param(
        WANTED
        + ROOT % "struct handle *h; use(FORK_COPY); if (start(&h)) return -1; use(arg); end(h);",
        id="a constant decides what a function without effects returns",
    ),
    pytest.param(
        "static void use(struct context **cp) { struct context *c = *cp; if (c) here(1); }\n"
        + ROOT
        % (
            "struct handle *h; struct context *c = NULL; use(&c); if (start(&h)) return -1;"
            " c = (void *)(long)arg; use(&c); end(h);"
        ),
        id="pointer to a pointer to another structure",
    ),
    pytest.param(
        OBJECT + ROOT % (WITH_OBJECT % "NEW_ONE | OLD_ONE"),
        id="a zeroed object of an allocation that may fail, unchanged on error",
    ),
    pytest.param(
        TABLES % "-ENOENT" + ROOT % WITH_TABLE,
        id="a function that always fails opens nothing",
    ),
    pytest.param(
        ASSIGNS % "int" + ROOT % (WITH_ASSIGNS % "int"),
        id="a number that is assigned through a pointer is no pointer",
    ),
    pytest.param(
        ROOT
        % (
            "struct handle *h, *g; if (start(&h)) return -1; g = h; if (arg) g = NULL;"
            " if (g == h) here(1); end(h);"
        ),
        id="a handle, or none",
    ),
    pytest.param(
        "struct outer { struct context c; };\n#define the_handle c.handle\n"
        + ROOT
        % (
            "struct outer o; memset(&o, 0, sizeof(o)); start(&o.the_handle);"
            " if (o.c.handle) { here(1); end(o.the_handle); }"
        ),
        id="a macro that names a member of a member",
    ),
]

NOT_PROVEN = [
    pytest.param(ROOT % "here(1);", "unscoped", id="no scope"),
    pytest.param(
        ROOT % "unsigned int f = memalloc_nofs_save(); memalloc_nofs_restore(f); here(1);",
        "unscoped",
        id="after the restore",
    ),
    pytest.param(
        ROOT % "struct handle *h; if (start(&h)) { here(1); return -1; } end(h);",
        "unscoped",
        id="where it was not opened",
    ),
    pytest.param(
        ROOT % "struct handle *h; int e; e = start(&h); if (!e) end(h); here(1);",
        "unscoped",
        id="behind the end",
    ),
    pytest.param(
        "static struct handle *get(void) { struct handle *h; int e = start(&h);"
        " if (e) return ERR_PTR(e); return h; }\n"
        + ROOT
        % "struct handle *h = get(); here(1); if (!IS_ERR(h)) end(h);",
        "mixed",
        id="ERR_PTR not looked at",
    ),
    pytest.param(
        ROOT
        % "struct handle *h; int e;\nagain: e = start(&h); here(1); if (e) goto again; end(h);",
        "mixed",
        id="retry without a test",
    ),
    pytest.param(
        "static void use(struct handle *h) { if (h) unknown(); here(1); }\n"
        + ROOT % "struct handle *h; use(NULL); if (start(&h)) return -1; use(h); end(h);",
        "mixed",
        id="NULL handle that does not matter",
    ),
    pytest.param(
        "static void use(struct context *c) { if (c->kind) here(1); }\n"
        + ROOT
        % (
            "struct context c = { .kind = 1 }; use(&c); if (start(&c.handle)) return -1;"
            " use(&c); end(c.handle);"
        ),
        "mixed",
        id="another member of the structure",
    ),
    pytest.param(
        "static void use(int kind)"
        " { switch (kind) { case FORK_DATA: return; default: here(1); } }\n"
        + ROOT
        % "struct handle *h; use(FORK_COPY); if (start(&h)) return -1; use(FORK_ATTR); end(h);",
        "mixed",
        id="default takes what is not listed",
    ),
    pytest.param(
        "static void use(int flags) { if (flags & OLD_ONE) here(1); }\n"
        + ROOT
        % (
            "struct handle *h; use(OLD_ONE); if (start(&h)) return -1;"
            " use(NEW_ONE | OLD_ONE); end(h);"
        ),
        "mixed",
        id="flag that both have",
    ),
    pytest.param(
        "static void use(struct handle **hp) { if (hp) here(1); }\n"
        + ROOT
        % (
            "struct handle *h; use(&(struct handle *){NULL}); if (start(&h)) return -1;"
            " use(&h); end(h);"
        ),
        "mixed",
        id="the pointer to the pointer is valid",
    ),
    pytest.param(
        ROOT
        % ("unsigned int g, f = memalloc_nofs_save(); g = arg; memalloc_nofs_restore(g); here(1);"),
        "unknown",
        id="a cookie that is not the one saved",
    ),
    pytest.param(
        ROOT % "unsigned int f = memalloc_nofs_save(); f = 0; memalloc_nofs_restore(f); here(1);",
        "unscoped",
        id="a constant cookie",
    ),
    pytest.param(
        ROOT % "current->flags |= PF_MEMALLOC; here(1);",
        "unscoped",
        id="another task flag",
    ),
    pytest.param(
        "#define each(h, i) for ((h) = NULL, (i) = 0; (i) < 3; (i)++)\n"
        + ROOT
        % (
            "struct handle *h; int i; if (start(&h)) return -1; end(h);"
            " each(h, i) { if (!h) here(1); }"
        ),
        "unscoped",
        id="a loop macro that assigns its argument",
    ),
    pytest.param(
        "int worker(struct context *c) { here(1); return 0; }\n"
        "EXPORT_SYMBOL(worker);\n"
        + ROOT
        % "struct handle *h; if (start(&h)) return -1; unknown(); end(h);",
        "unscoped",
        id="a worker inherits nothing",
    ),
    pytest.param(
        ROOT % "struct handle *h = NULL; other(&h); if (!h) return 0; here(1);",
        "unscoped",
        id="what others may open",
    ),
    pytest.param(
        ROOT
        % (
            "struct context *c = (void *)(long)arg; int n = sizeof(c->handle->count);"
            " if (!c) here(n);"
        ),
        "unscoped",
        id="sizeof is no dereference",
    ),
    pytest.param(
        ROOT
        % (
            "struct handle *h; struct handle *old; if (start(&h)) return -1; old = h; end(h);"
            " if (old) here(1);"
        ),
        "unscoped",
        id="a handle that is over",
    ),
    pytest.param(
        LENT
        + ROOT
        % (
            "unsigned int f = memalloc_nofs_save(); struct context *d = (void *)(long)arg;"
            " struct context *c = d; if (!start(&c->handle)) { finish(&c->handle, d);"
            " end(c->handle); } here(1); memalloc_nofs_restore(f);"
        ),
        "unknown",
        id="a handle that is a member of what is assigned",
    ),
    pytest.param(
        GET % ("(void *)(long)e", "ERR_PTR(e)")
        + ROOT % "struct handle *h = get(); if (IS_ERR(h)) return -1; here(1); end(h);",
        "mixed",
        id="a number made a pointer without ERR_PTR",
    ),
    pytest.param(
        NUMBER % "struct handle *"
        + ROOT
        % (
            "unsigned int f = memalloc_nofs_save(); struct handle *h;"
            " if (!start(&h)) { number(&h, &h); end(h); } here(1); memalloc_nofs_restore(f);"
        ),
        "unknown",
        id="a handle that is assigned through another pointer",
    ),
    pytest.param(
        WANTED
        + ROOT % "struct handle *h; use(FORK_ATTR); if (start(&h)) return -1; use(arg); end(h);",
        "mixed",
        id="a constant for which the function may return true",
    ),
    pytest.param(
        "static void use(struct context **cp) { struct context *c = *cp; if (c) here(1); }\n"
        + ROOT
        % (
            "struct handle *h; struct context *c = NULL; other(&c); use(&c);"
            " if (start(&h)) return -1; c = (void *)(long)arg; use(&c); end(h);"
        ),
        "mixed",
        id="pointer to a pointer that somebody else was given",
    ),
    pytest.param(
        OBJECT + ROOT % (WITH_OBJECT % "OLD_ONE"),
        "mixed",
        id="an object that is not zeroed",
    ),
    pytest.param(
        OBJECT.replace(
            "return start(&c->handle)", "c->handle = (void *)c; return start(&c->handle)"
        )
        + ROOT % (WITH_OBJECT % "NEW_ONE | OLD_ONE"),
        "mixed",
        id="changed on error",
    ),
    pytest.param(
        TABLES % "0" + ROOT % WITH_TABLE,
        "mixed",
        id="a function that never fails opens nothing",
    ),
    pytest.param(
        ASSIGNS % "void *" + ROOT % (WITH_ASSIGNS % "void *"),
        "mixed",
        id="any pointer that is assigned through a pointer",
    ),
    pytest.param(
        ROOT
        % (
            "struct handle *h, *g; if (start(&h)) return -1; g = h; if (arg) g = NULL; end(h);"
            " if (g != h) here(1);"
        ),
        "unscoped",
        id="none, though there is a handle",
    ),
    pytest.param(
        "static void copy(struct context *c, struct context *d) { *c = *d; }\n"
        + ROOT
        % ("struct context c = { .kind = 1 }; copy(&c, (void *)(long)arg); if (c.handle) here(1);"),
        "unscoped",
        id="a structure that is overwritten as a whole",
    ),
    pytest.param(
        "static void copy(struct context *c, struct context *d) { memcpy(c, d, sizeof(*c)); }\n"
        + ROOT
        % ("struct context c = { .kind = 1 }; copy(&c, (void *)(long)arg); if (c.handle) here(1);"),
        "unscoped",
        id="a structure whose bytes are copied",
    ),
    pytest.param(
        "static void clear(unsigned int *np) { *np = 0; }\n"
        "static void spoil(struct handle *h) { clear(&h->cookie); }\n"
        + ROOT
        % (
            "unsigned int f = memalloc_nofs_save(); struct handle *h; if (!start(&h))"
            " { spoil(h); end(h); } here(1); memalloc_nofs_restore(f);"
        ),
        "unknown",
        id="a cookie that is assigned by its address",
    ),
    pytest.param(
        "struct outer { struct context c; };\n#define the_handle c.handle\n"
        + ROOT
        % (
            "struct outer o; memset(&o, 0, sizeof(o)); start(&o.the_handle);"
            " if (o.c.handle) end(o.c.handle); here(1);"
        ),
        "unscoped",
        id="a member that is assigned by a macro's name",
    ),
    pytest.param("static void never(void) { here(1); }\n", "dead", id="nothing calls it"),
]


@pytest.mark.parametrize("code", PROVEN)
def test_proven(code: str) -> None:
    """The scope is open on every path."""
    assert verdict(code) == "proven"


@pytest.mark.parametrize(("code", "expected"), NOT_PROVEN)
def test_not_proven(code: str, expected: str) -> None:
    """Some path reaches the place without the scope."""
    assert verdict(code) == expected
