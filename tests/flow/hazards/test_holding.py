"""What is held at an allocation: small programs with their answers, beside a shrinker."""

from __future__ import annotations

import pytest

from convert.flow.hazards.find import analyse
from convert.flow.placement.place import place_scopes
from tests.flow.hazards.support import (
    HEADER,
    HEADER_PATH,
    LOCKS,
    PRELUDE,
    ROOT,
    SCAN,
    answer,
    report_of,
    site_of,
    told,
)
from tests.flow.scopes.support import PATH, MemoryTree

CALLERS = pytest.mark.xfail(
    strict=True, reason="a release below counts for all locks of that name that callers hold"
)
GUARD = pytest.mark.xfail(strict=True, reason="guards of the profile are not followed")

# A wrapper of locks that is told by flags which one to take, as inodes have them.
ILOCK = (
    SCAN
    % "down_write(&t->rwsem); up_write(&t->rwsem);"
    + "static void ilock(struct toy *t, unsigned int flags) {"
    " if (flags & TOY_OUTER) mutex_lock(&t->ilock);"
    " if (flags & TOY_EXCL) down_write(&t->rwsem);"
    " else if (flags & TOY_SHARED) down_read(&t->rwsem); }\n"
    "static void iunlock(struct toy *t, unsigned int flags) {"
    " if (flags & TOY_EXCL) up_write(&t->rwsem);"
    " else if (flags & TOY_SHARED) up_read(&t->rwsem);"
    " if (flags & TOY_OUTER) mutex_unlock(&t->ilock); }\n"
)
GETS = "static int get(struct toy *t) { int e; mutex_lock(&t->lock); e = other(t); %s return e; }\n"
PUTS = "static void put(struct toy *t) { other(t); mutex_unlock(&t->lock); }\n"
SEM = SCAN % "down(&t->sem); up(&t->sem);"
RWSEM = SCAN % "down_read(&t->rwsem); up_read(&t->rwsem);"
HANDLE = (
    "struct handle { unsigned int cookie; };\n"
    "static void open(struct handle *h) { h->cookie = memalloc_nofs_save(); }\n"
    "static void close(struct handle *h, struct toy *t) { if (t->kind) mutex_unlock(&t->lock);"
    " memalloc_nofs_restore(h->cookie); }\n"
)
NESTED = (
    "static void begin(struct toy *t) { if (t->depth++ == 0) mutex_lock(&t->lock); }\n"
    "static void end(struct toy *t) { if (--t->depth == 0) mutex_unlock(&t->lock); }\n"
)
FIND = (
    "static struct toy *find(struct toy *p) { struct toy *t = found_child(p);"
    " mutex_lock(&t->lock); return t; }\n"
)
TAKEN = "".join(
    f"struct toy *{child} = {toy}->parent; mutex_lock(&{child}->lock);\n"
    for toy, child in zip("tabcdefgh", "abcdefghi", strict=True)
)
GIVEN = "".join(f"mutex_unlock(&{toy}->lock);\n" for toy in "abcdefgh")
HELD = [
    pytest.param(
        LOCKS + ROOT % "mutex_lock(&t->lock); here(1); mutex_unlock(&t->lock);",
        id="around the allocation",
    ),
    pytest.param(
        LOCKS + ROOT % "if (arg) mutex_lock(&t->lock); here(1); if (arg) mutex_unlock(&t->lock);",
        id="taken in a branch",
    ),
    pytest.param(
        LOCKS
        + ROOT
        % "while (other(t)) { mutex_lock(&t->lock); if (arg) break; mutex_unlock(&t->lock);"
        " } here(1);",
        id="loop that is left with it",
    ),
    pytest.param(
        LOCKS
        + ROOT
        % "mutex_lock(&t->lock); if (arg) goto out; mutex_unlock(&t->lock); return 0;\n"
        "out: here(1); mutex_unlock(&t->lock);",
        id="goto before the release",
    ),
    pytest.param(
        LOCKS + ROOT % "if (!mutex_trylock(&t->lock)) return 0; here(1); mutex_unlock(&t->lock);",
        id="try-lock that succeeded",
    ),
    pytest.param(
        SEM + ROOT % "if (down_trylock(&t->sem)) return 0; here(1); up(&t->sem);",
        id="down_trylock is 0 with the lock",
    ),
    pytest.param(
        LOCKS + ROOT % "if (mutex_lock_killable(&t->lock)) return -1; here(1);"
        " mutex_unlock(&t->lock);",
        id="killable is 0 with the lock",
    ),
    pytest.param(
        RWSEM + ROOT % "int e = down_read_killable(&t->rwsem); if (e) return e; here(1);"
        " up_read(&t->rwsem);",
        id="killable, through a variable",
    ),
    pytest.param(
        RWSEM + ROOT % "down_write(&t->rwsem); downgrade_write(&t->rwsem); here(1);"
        " up_read(&t->rwsem);",
        id="downgraded is still held",
    ),
    pytest.param(
        ILOCK + ROOT % "ilock(t, TOY_EXCL | TOY_OUTER); here(1); iunlock(t, TOY_EXCL | TOY_OUTER);",
        id="wrapper with constant flags",
    ),
    pytest.param(
        ILOCK + ROOT % "unsigned int f = TOY_OUTER; if (arg) f = TOY_SHARED; ilock(t, f); here(1);"
        " iunlock(t, f);",
        id="wrapper with one of two flags",
    ),
    pytest.param(
        ILOCK + ROOT % "ilock(t, arg); here(1); iunlock(t, arg);", id="wrapper with unknown flags"
    ),
    pytest.param(
        GETS % "if (e) mutex_unlock(&t->lock);"
        + LOCKS
        + ROOT % "if (get(t)) return -1; here(1); mutex_unlock(&t->lock);",
        id="function that returns 0 with the lock",
    ),
    pytest.param(
        "static struct toy *get(struct toy *p) { struct toy *t = found_child(p);"
        " if (!t) return NULL; mutex_lock(&t->lock); return t; }\n"
        + LOCKS
        + ROOT % "struct toy *c = get(t); if (!c) return 0; here(1); mutex_unlock(&c->lock);",
        id="function that returns a locked object",
    ),
    pytest.param(
        PUTS + LOCKS + ROOT % "mutex_lock(&t->lock); here(1); put(t);",
        id="released by a callee behind the allocation",
    ),
    pytest.param(
        LOCKS + ROOT % "struct toy *p = t->parent; mutex_lock(&p->lock); mutex_lock(&t->lock);"
        " mutex_unlock(&t->lock); here(1); mutex_unlock(&p->lock);",
        id="one of two instances is released",
    ),
    pytest.param(
        LOCKS + "static void pair(struct toy *a, struct toy *b)"
        " { mutex_lock(&a->lock); mutex_lock(&b->lock); }\n"
        + ROOT
        % "struct toy *p = t->parent; pair(p, t); mutex_unlock(&t->lock); here(1);"
        " mutex_unlock(&p->lock);",
        id="one of two instances that a callee took",
    ),
    pytest.param(
        NESTED + LOCKS + ROOT % "begin(t); here(1); end(t);",
        id="begin with a counter",
    ),
    pytest.param(
        SCAN
        % "down_write(&t->mr.sem); up_write(&t->mr.sem);"
        + "static void mrlock(struct count_lock *m) { down_write(&m->sem); m->writer = 1; }\n"
        "static void mrunlock(struct count_lock *m) { m->writer = 0; up_write(&m->sem); }\n"
        + ROOT
        % "mrlock(&t->mr); here(1); mrunlock(&t->mr);",
        id="wrapper type around a rwsem",
    ),
    pytest.param(
        SCAN % "mutex_lock(&t->many[0]); mutex_unlock(&t->many[0]);"
        + ROOT % "mutex_lock(&t->many[arg]); here(1); mutex_unlock(&t->many[arg]);",
        id="array of locks",
    ),
    pytest.param(
        SCAN % "mutex_lock(&t->base.lock); mutex_unlock(&t->base.lock);"
        + ROOT
        % "struct toy_base *b = &t->base; mutex_lock(&b->lock); here(1);"
        " mutex_unlock(&b->lock);",
        id="inner structure by a pointer of its own",
    ),
    pytest.param(
        SCAN % "struct toy_base *b = t->side; mutex_lock(&b->lock); mutex_unlock(&b->lock);"
        + ROOT % "mutex_lock(&t->base.lock); here(1); mutex_unlock(&t->base.lock);",
        id="inner structure by the outer one",
    ),
    pytest.param(
        "static DEFINE_MUTEX(toy_mutex);\n"
        + SCAN % "mutex_lock(&toy_mutex); mutex_unlock(&toy_mutex);"
        + ROOT % "mutex_lock(&toy_mutex); here(1); mutex_unlock(&toy_mutex);",
        id="variable of the file",
    ),
    pytest.param(
        LOCKS
        + "static void take(struct mutex *m) { mutex_lock(m); }\n"
        + ROOT % "take(&t->lock); here(1); mutex_unlock(&t->lock);",
        id="lock that only the caller can name",
    ),
    pytest.param(
        LOCKS + "static void take(struct mutex *m) { mutex_lock(m); }\n"
        "static void deeper(struct mutex *m) { take(m); }\n"
        + ROOT
        % "deeper(&t->lock); here(1); mutex_unlock(&t->lock);",
        id="lock that the caller's caller can name",
    ),
    pytest.param(
        HANDLE + LOCKS + ROOT % "struct handle h; mutex_lock(&t->lock); open(&h); close(&h, t);"
        " mutex_lock(&t->lock); here(1); mutex_unlock(&t->lock);",
        id="taken again behind the scope",
    ),
    pytest.param(
        HANDLE
        + LOCKS
        + ROOT
        % "mutex_lock(&t->lock); if (arg) t->cookie = memalloc_nofs_save(); here(1);"
        " mutex_unlock(&t->lock);",
        id="scope on one of two paths",
    ),
    pytest.param(
        LOCKS + ROOT % "mutex_lock(&t->lock); t = t->parent; mutex_lock(&t->lock);"
        " mutex_unlock(&t->lock); here(1);",
        id="hand over hand by one variable",
    ),
    pytest.param(
        LOCKS + ROOT % "mutex_lock(&t->lock); other(&t); mutex_lock(&t->lock);"
        " mutex_unlock(&t->lock); here(1);",
        id="hand over hand by a variable that the outside sets",
    ),
    pytest.param(
        LOCKS
        + "static void up(struct toy *t) { t = t->parent; mutex_lock(&t->lock); }\n"
        + ROOT % "up(t); mutex_lock(&t->lock); mutex_unlock(&t->lock); here(1);",
        id="a callee takes another one by its parameter",
    ),
    pytest.param(
        LOCKS + ROOT % "mutex_lock(&t->parent->lock); t->parent = other(t);"
        " mutex_lock(&t->parent->lock); mutex_unlock(&t->parent->lock); here(1);",
        id="hand over hand by one member",
    ),
    pytest.param(
        LOCKS
        + ROOT
        % "struct toy *a = t->parent, *b = a->parent, *c = b->parent; mutex_lock(&a->lock);"
        " mutex_lock(&b->lock); mutex_lock(&c->lock); mutex_lock(&t->lock);"
        " mutex_unlock(&a->lock); mutex_unlock(&b->lock); mutex_unlock(&c->lock); here(1);",
        id="three of four instances are released",
    ),
    pytest.param(
        LOCKS + "static void use(struct toy *t)"
        " { mutex_unlock(&t->lock); here(1); mutex_lock(&t->lock); }\n"
        + ROOT
        % "struct toy *p = t->parent; mutex_lock(&p->lock); mutex_lock(&t->lock); use(t);",
        id="a callee drops one of the caller's two for a while",
        marks=CALLERS,
    ),
    pytest.param(
        LOCKS + ROOT % "guard(mutex)(&t->lock); here(1);", id="guard until the end", marks=GUARD
    ),
    pytest.param(
        SCAN % "guard(mutex)(&t->lock); other(t);"
        + ROOT % "mutex_lock(&t->lock); here(1); mutex_unlock(&t->lock);",
        id="guard in reclaim",
        marks=GUARD,
    ),
]
FREE = [
    pytest.param(
        LOCKS + ROOT % "mutex_lock(&t->lock); mutex_unlock(&t->lock); here(1);",
        id="released before",
    ),
    pytest.param(
        LOCKS + ROOT % "here(1); mutex_lock(&t->lock); mutex_unlock(&t->lock);",
        id="taken behind",
    ),
    pytest.param(
        LOCKS
        + ROOT
        % "mutex_lock(&t->lock); if (arg) { mutex_unlock(&t->lock); here(1); return 0; }"
        " mutex_unlock(&t->lock);",
        id="released in the branch",
    ),
    pytest.param(
        LOCKS + ROOT % "if (!mutex_trylock(&t->lock)) { here(1); return 0; }"
        " mutex_unlock(&t->lock);",
        id="try-lock that failed",
    ),
    pytest.param(
        SEM + ROOT % "if (down_trylock(&t->sem)) { here(1); return 0; } up(&t->sem);",
        id="down_trylock is not 0 without the lock",
    ),
    pytest.param(
        LOCKS + ROOT % "if (mutex_lock_killable(&t->lock)) { here(1); return -1; }"
        " mutex_unlock(&t->lock);",
        id="killable is not 0 without the lock",
    ),
    pytest.param(
        RWSEM + ROOT % "mutex_lock(&t->lock); here(1); mutex_unlock(&t->lock);",
        id="another lock than reclaim's",
    ),
    pytest.param(
        ILOCK + ROOT % "ilock(t, TOY_OUTER); here(1); iunlock(t, TOY_OUTER);",
        id="wrapper with another lock's flag",
    ),
    pytest.param(
        ILOCK + ROOT % "ilock(t, TOY_EXCL | TOY_OUTER); iunlock(t, TOY_EXCL | TOY_OUTER); here(1);",
        id="wrapper that released what it took",
    ),
    pytest.param(
        ILOCK + ROOT % "unsigned int f = TOY_OUTER; if (arg) f = TOY_OUTER | TOY_INNER;"
        " ilock(t, f); here(1); iunlock(t, f);",
        id="wrapper with one of two flags of another lock",
    ),
    pytest.param(
        GETS % "if (e) mutex_unlock(&t->lock);"
        + LOCKS
        + ROOT % "if (get(t)) { here(1); return -1; } mutex_unlock(&t->lock);",
        id="function that returns an error without the lock",
    ),
    pytest.param(
        PUTS + LOCKS + ROOT % "mutex_lock(&t->lock); put(t); here(1);", id="released by a callee"
    ),
    pytest.param(
        "static void drop(struct toy *t) { put(t); }\n"
        + LOCKS
        + "static void put(struct toy *t) { mutex_unlock(&t->lock); }\n"
        + ROOT % "mutex_lock(&t->lock); drop(t); here(1);",
        id="released two calls below",
    ),
    pytest.param(
        LOCKS
        + "static void give(struct mutex *m) { mutex_unlock(m); }\n"
        + ROOT % "mutex_lock(&t->lock); give(&t->lock); here(1);",
        id="released by who only has its address",
    ),
    pytest.param(
        LOCKS + ROOT % "struct toy *p = t->parent; mutex_lock(&p->lock); mutex_lock(&t->lock);"
        " mutex_unlock(&t->lock); mutex_unlock(&p->lock); here(1);",
        id="both instances are released",
    ),
    pytest.param(
        HANDLE
        + LOCKS
        + ROOT % "struct handle h; mutex_lock(&t->lock); open(&h); close(&h, t); here(1);",
        id="lock that the end of the scope releases",
    ),
    pytest.param(
        SCAN % "mutex_lock(&t->many[0]); mutex_unlock(&t->many[0]);"
        + ROOT % "mutex_lock(&t->many[arg]); mutex_unlock(&t->many[arg]); here(1);",
        id="element of an array is released",
    ),
    pytest.param(
        LOCKS + ROOT % "struct toy *n; mutex_lock(&t->lock); while (other(t)) { n = t->parent;"
        " mutex_lock(&n->lock); mutex_unlock(&t->lock); t = n; } mutex_unlock(&t->lock); here(1);",
        id="hand over hand, the last one too",
    ),
    pytest.param(
        LOCKS + ROOT % "struct toy *o = t; mutex_lock(&t->lock); t = t->parent;"
        " mutex_unlock(&o->lock); here(1);",
        id="released by another variable",
    ),
    pytest.param(
        LOCKS + ROOT % "if (arg) { mutex_lock(&t->lock); t->cookie = memalloc_nofs_save(); here(1);"
        " memalloc_nofs_restore(t->cookie); mutex_unlock(&t->lock); return 0; }",
        id="only under the scope",
    ),
    pytest.param(
        LOCKS
        + "static void use(struct toy *t) { here(1); }\n"
        + ROOT
        % "use(t); mutex_lock(&t->lock); t->cookie = memalloc_nofs_save(); use(t);"
        " memalloc_nofs_restore(t->cookie); mutex_unlock(&t->lock);",
        id="held on the scoped path alone",
    ),
]


UNKNOWN = [
    pytest.param(
        "static void put(struct toy *t) { if (other(t)) mutex_unlock(&t->lock); }\n"
        + ROOT % "mutex_lock(&t->lock); put(t); here(1);",
        "whether toy.lock is still held there",
        id="released by a callee on one path only",
    ),
    pytest.param(
        ROOT % "mutex_lock(&t->lock); t = t->parent; mutex_unlock(&t->lock); here(1);",
        "whether toy.lock is still held there",
        id="released by a variable that was assigned since",
    ),
    pytest.param(
        SCAN % "mutex_lock(&t->many[0]); mutex_unlock(&t->many[0]);"
        + ROOT
        % "int i; for (i = 0; i < 4; i++) mutex_lock(&t->many[i]);"
        " mutex_unlock(&t->many[0]); here(1);",
        "whether toy.many is still held there",
        id="one of all elements is released",
    ),
    pytest.param(
        FIND + LOCKS + ROOT % "struct toy *a = find(t), *b = find(a); mutex_unlock(&a->lock);"
        " here(1);",
        "whether toy.lock is still held there",
        id="one of two that a callee found is released",
    ),
    pytest.param(
        LOCKS + ROOT % f"{TAKEN}{GIVEN} here(1);",
        "whether toy.lock is still held there",
        id="all but one of too many to tell apart are released",
    ),
    pytest.param(
        NESTED + ROOT % "begin(t); end(t); here(1);",
        "whether toy.lock is still held there",
        id="end with a counter",
    ),
    pytest.param(
        ROOT % "struct mutex *m = &t->lock; mutex_lock(m); here(1); mutex_unlock(m);",
        "which lock is held there",
        id="pointer to the lock",
    ),
    pytest.param(
        ROOT % "struct mutex *m = found_lock(t); mutex_lock(m); kfree(kmalloc(1, GFP_NOFS));"
        " here(1); mutex_unlock(m);",
        "which lock is held there",
        id="lock that a function outside looked up",
    ),
    pytest.param(
        "int toy_use(struct toy *t) { here(1); return 0; }\nEXPORT_SYMBOL(toy_use);\n",
        "what is held where the outside calls toy_use()",
        id="exported function",
    ),
    pytest.param(
        "int toy_use(struct inode *inode, int arg) { here(1); return 0; }\n"
        "EXPORT_SYMBOL(toy_use);\n"
        "static const struct inode_operations toys = { .get_link = toy_use };\n",
        "what is held where the outside calls toy_use()",
        id="exported function that is in a table, too",
    ),
]
# What the kernel's core holds where it calls.
MAKE = (
    SCAN
    % "inode_lock(found_inode(t)); inode_unlock(found_inode(t));"
    + "static int make(struct inode *dir, struct dentry *d, int m) { %s return 0; }\n"
    "static const struct inode_operations toys = { %s };\n"
)
CORE = [
    pytest.param(MAKE % ("here(1);", ".create = make"), "c inode.i_rwsem", id="held by the core"),
    pytest.param(MAKE % ("here(1);", ".get_link = make"), "e", id="not held by the core"),
    pytest.param(
        MAKE % ("here(1);", ".get_link = make, .create = make"),
        "c inode.i_rwsem",
        id="held for one of two members",
    ),
    pytest.param(
        MAKE % ("inode_unlock(dir); here(1); inode_lock(dir);", ".create = make"),
        "e",
        id="dropped for a while",
    ),
]

# What the kernel's core calls back at once, with what the caller holds.
BACK = (
    LOCKS
    + "static void dirty(struct inode *inode, int flags) { here(1); }\n"
    + "static const struct super_operations toys = { .dirty_inode = dirty };\n"
)
CORE += [
    pytest.param(
        BACK + ROOT % "mutex_lock(&t->lock); mark_inode_dirty(inode); mutex_unlock(&t->lock);",
        "c toy.lock",
        id="called back with a lock held",
    ),
    pytest.param(
        BACK + ROOT % "mutex_lock(&t->lock); mutex_unlock(&t->lock); mark_inode_dirty(inode);",
        "e",
        id="called back behind the release",
    ),
]


@pytest.mark.parametrize("code", HELD)
def test_held(code: str) -> None:
    """A lock that may be held there is found, and that reclaim waits for it."""
    assert answer(code).startswith("c toy"), answer(code)


@pytest.mark.parametrize("code", FREE)
def test_not_held(code: str) -> None:
    """What is not held is no hazard; a site in the scope has none."""
    assert answer(code) in ("e", "a")


@pytest.mark.parametrize(("code", "lacks"), UNKNOWN)
def test_not_known(code: str, lacks: str) -> None:
    """What cannot be named, or is up to callers elsewhere, gets no answer."""
    site = site_of(report_of(LOCKS + code))
    assert site.answer is None and not site.hazards
    assert any(lacks in missing.text for missing in site.missing)
    assert site.missing[0].text in site.reason


@pytest.mark.parametrize(("code", "expected"), CORE)
def test_held_at_entry(code: str, expected: str) -> None:
    """What is held when the kernel's core calls."""
    assert answer(code) == expected


def test_the_witness_of_a_scope_leads_through_it() -> None:
    """Each scope quotes the way on which its own function takes the lock."""
    uses = "".join(
        f"static int run_{n}(struct inode *inode, int arg)\n{{\n\tstruct toy *t = inode->i_private;"
        f"\n\n\tmutex_lock(&t->lock);\n\there(1);\n\tmutex_unlock(&t->lock);\n\treturn 0;\n}}\n"
        f"static const struct inode_operations ops_{n} = {{ .get_link = run_{n} }};\n"
        for n in "abc"
    )
    tree = MemoryTree({HEADER_PATH: HEADER, PATH: PRELUDE + LOCKS + uses})
    analysis = analyse(tree, ["fs/small"])
    scopes = place_scopes(analysis.report(), analysis.ways()).scopes
    assert [one.anchor.function for one in scopes] == ["run_a", "run_b", "run_c"]
    for scope in scopes:
        (hazard,) = scope.hazards
        hold = hazard.hold
        assert [frame.function for frame in hold.chain.frames] == [scope.anchor.function, "here"]
        assert (hold.frame, hold.taken.line, hold.call) == (0, scope.line, "mutex_lock")


def test_a_guessed_call_leaves_the_locks() -> None:
    """A pointer that no value is known of is not taken to return with a lock held."""
    one = "static void one(struct toy *t) { mutex_lock(&t->lock); }\n"
    kept = (
        "struct act { void (*run)(struct toy *t); };\nvoid keep(struct act *a) { a->run = one; }\n"
    )
    code = "void (*f)(struct toy *) = found_function(t); f(t); here(1);"
    assert answer(one + kept + LOCKS + ROOT % code) == "e"
    assert answer(one + kept + LOCKS + ROOT % "one(t); here(1);") == "c toy.lock"


def test_an_exported_function_without_users_elsewhere() -> None:
    """All its callers were read; not so if its address is handed away as well."""
    nobody = {"fs/user.c": ""}
    use = "int toy_use(struct toy *t) { here(1); return 0; }\nEXPORT_SYMBOL(toy_use);\n"
    given = "void toy_give(void) { hand_over(toy_use); }\n"
    assert told(site_of(report_of(LOCKS + use, more=nobody))) == "e"
    assert told(site_of(report_of(LOCKS + use + given, more=nobody))) == "missing"
