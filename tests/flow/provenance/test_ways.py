"""Every way that memory can take to a free: what is known of it then, and what is not."""

from __future__ import annotations

import pytest

from convert.flow.provenance.verdict import Kind, judge
from tests.flow.provenance.toys import provenance_of, the_verdict

ALLOC = "@ALLOC@"
LOCAL = """
static void f(void)
{
	char *p = @ALLOC@(8, GFP_KERNEL);

	kvfree(p);
}
"""
RESULT = """
static char *make(int n)
{
	if (n < 0)
		return ERR_PTR(-22);
	return @ALLOC@(n, GFP_KERNEL);
}

static void f(void)
{
	char *p = make(8);

	if (!IS_ERR(p))
		kvfree(p);
}
"""
OUT = """
static int make(char **where)
{
	*where = @ALLOC@(8, GFP_KERNEL);
	return 0;
}

static int pass(char **where)
{
	return make(where);
}

static void f(void)
{
	char *p = NULL;

	pass(&p);
	kvfree(p);
}
"""
FIELD = """
static void make(struct toy_mount *mp)
{
	mp->buffer = @ALLOC@(8, GFP_KERNEL);
}

static void drop(struct toy_mount *mp)
{
	kvfree(mp->buffer);
}
"""
OUT_FIELD = """
static void make(char **where)
{
	*where = @ALLOC@(8, GFP_KERNEL);
}

static void f(struct toy_mount *mp)
{
	make(&mp->buffer);
	kvfree(mp->buffer);
}
"""
UNION = """
static void make(struct toy_mount *mp)
{
	mp->u_root = @ALLOC@(8, GFP_KERNEL);
}

static void drop(struct toy_mount *mp)
{
	kvfree(mp->u_data);
}
"""
ELEMENTS = """
static void make(struct toy_mount *mp, int i)
{
	mp->names[i] = @ALLOC@(8, GFP_KERNEL);
}

static void drop(struct toy_mount *mp, int i)
{
	kvfree(mp->names[i]);
}
"""
LOCAL_ARRAY = """
static void make(char **all)
{
	all[1] = @ALLOC@(8, GFP_KERNEL);
}

static void f(void)
{
	char *all[4] = { };

	make(all);
	kvfree(all[1]);
}
"""
LIST = """
static void add(struct toy_mount *mp)
{
	struct toy_item *item = @ALLOC@(sizeof(*item), GFP_KERNEL);

	list_add(&item->list, &mp->items);
}

static void drop(struct toy_mount *mp)
{
	struct toy_item *item = list_first_entry(&mp->items, struct toy_item, list);

	kvfree(item);
}
"""
LOOP = """
static void add(struct toy_mount *mp)
{
	struct toy_item *item = @ALLOC@(sizeof(*item), GFP_KERNEL);

	list_add(&item->list, &mp->items);
}

static void drop(struct toy_mount *mp)
{
	struct toy_item *item, *n;

	list_for_each_entry_safe(item, n, &mp->items, list)
		kvfree(item);
}
"""
TREE = LIST.replace("list_first_entry(&mp->items,", "rb_entry(mp->data,")
CAST = """
static unsigned long make(void)
{
	return (unsigned long)@ALLOC@(8, GFP_KERNEL);
}

static void f(void)
{
	kvfree((void *)make());
}
"""
EXCHANGE = """
static void make(struct toy_mount *mp)
{
	char *old = xchg(&mp->buffer, @ALLOC@(8, GFP_KERNEL));
}

static void f(struct toy_mount *mp)
{
	kvfree(xchg(&mp->buffer, NULL));
}
"""
WORK = """
static void worker(struct work_struct *work)
{
	struct toy_mount *mp = container_of(work, struct toy_mount, work);

	kvfree(mp);
}

static void start(void)
{
	struct toy_mount *mp = @ALLOC@(sizeof(*mp), GFP_KERNEL);

	INIT_WORK(&mp->work, worker);
	queue_work(toy_wq, &mp->work);
}
"""
POINTER_ARGUMENT = """
static void release(struct toy_item *item)
{
	kvfree(item->name);
}

static const struct toy_ops toy_ops = {
	.release	= release,
};

static void f(struct toy_mount *mp, struct toy_item *item)
{
	item->name = @ALLOC@(8, GFP_KERNEL);
	mp->ops->release(item);
}
"""
POINTER_RESULT = """
static void *toy_make(unsigned long size)
{
	return @ALLOC@(size, GFP_KERNEL);
}

static const struct toy_ops toy_ops = {
	.make		= toy_make,
};

static void f(struct toy_mount *mp)
{
	kvfree(mp->ops->make(8));
}
"""
MACRO = """
#define toy_set(p, size)	((p) = @ALLOC@(size, GFP_KERNEL))

static void f(void)
{
	char *p = NULL;

	toy_set(p, 8);
	kvfree(p);
}
"""
COPIED = """
static void grow(struct toy_mount *mp, char **more)
{
	more[0] = @ALLOC@(8, GFP_KERNEL);
	memcpy(mp->names, more, 8 * sizeof(char *));
}

static void drop(struct toy_mount *mp)
{
	kvfree(mp->names[2]);
}
"""
KEPT_ADDRESS = """
static void f(struct toy_mount *mp)
{
	char *p = NULL;
	char **where;

	where = &p;
	*where = @ALLOC@(8, GFP_KERNEL);
	kvfree(p);
}
"""
EITHER = """
static void f(int n)
{
	char *p = n ? kzalloc(8, GFP_KERNEL) : @ALLOC@(8, GFP_KERNEL);

	kvfree(p);
}
"""
ELVIS = """
static void f(void)
{
	char *p = kzalloc(8, GFP_KERNEL) ?: @ALLOC@(8, GFP_KERNEL);

	kvfree(p);
}
"""
STORED_BY_MACRO = """
static void make(struct toy_mount *mp)
{
	rcu_assign_pointer(mp->buffer, @ALLOC@(8, GFP_KERNEL));
}

static void drop(struct toy_mount *mp)
{
	kvfree(rcu_dereference(mp->buffer));
}
"""
TWO_OF_ONE_NAME = """
static void f(struct toy_mount *mp, int n)
{
	char *p = @ALLOC@(8, GFP_KERNEL);

	if (n) {
		char *p = kmalloc(4, GFP_KERNEL);

		mp->data = p;
	}
	kvfree(p);
}
"""
BY_POSITION = """
struct toy_pair { int n; void *first; };

static void f(void)
{
	struct toy_pair pair = { 1, @ALLOC@(8, GFP_KERNEL) };

	kvfree(pair.first);
}
"""
LITERAL = """
static void make(struct toy_mount *mp)
{
	use(&(struct toy_item){ .name = @ALLOC@(8, GFP_KERNEL) });
}

static void drop(struct toy_item *item)
{
	kvfree(item->name);
}
"""
OUT_OF_POINTER = """
struct toy_maker { int (*get)(char **where); };

static int get(char **where)
{
	*where = @ALLOC@(8, GFP_KERNEL);
	return 0;
}

static struct toy_maker maker = { get };

static void f(struct toy_maker *m)
{
	char *p = NULL;

	m->get(&p);
	kvfree(p);
}
"""
COPIED_POINTER = """
static void f(void)
{
	char *p = NULL;
	char *q = @ALLOC@(8, GFP_KERNEL);

	memcpy(&p, &q, sizeof(p));
	kvfree(p);
}
"""

WAYS = [
    pytest.param(TWO_OF_ONE_NAME, id="two-variables-of-one-name"),
    pytest.param(BY_POSITION, id="initialiser-without-names"),
    pytest.param(LITERAL, id="compound-literal"),
    pytest.param(OUT_OF_POINTER, id="out-parameter-of-a-function-pointer"),
    pytest.param(COPIED_POINTER, id="pointer-copied-as-bytes"),
    pytest.param(LOCAL, id="local-variable"),
    pytest.param(RESULT, id="result-or-error-pointer"),
    pytest.param(OUT, id="out-parameter-of-an-out-parameter"),
    pytest.param(FIELD, id="member"),
    pytest.param(OUT_FIELD, id="out-parameter-is-a-member"),
    pytest.param(UNION, id="other-member-of-a-union"),
    pytest.param(ELEMENTS, id="elements-of-an-array"),
    pytest.param(LOCAL_ARRAY, id="local-array-filled-elsewhere"),
    pytest.param(LIST, id="list-entry"),
    pytest.param(LOOP, id="loop-over-a-list"),
    pytest.param(TREE, id="tree-entry"),
    pytest.param(CAST, id="cast-to-a-number-and-back"),
    pytest.param(EXCHANGE, id="exchanged"),
    pytest.param(WORK, id="work-item"),
    pytest.param(POINTER_ARGUMENT, id="argument-of-a-function-pointer"),
    pytest.param(POINTER_RESULT, id="result-of-a-function-pointer"),
    pytest.param(MACRO, id="macro-assigns-a-variable"),
    pytest.param(COPIED, id="array-of-pointers-copied"),
    pytest.param(KEPT_ADDRESS, id="through-a-kept-address"),
    pytest.param(EITHER, id="one-of-two"),
    pytest.param(ELVIS, id="first-or-second"),
    pytest.param(STORED_BY_MACRO, id="stored-and-loaded-by-macros"),
]


@pytest.mark.parametrize("code", WAYS)
def test_kmalloc_memory_alone_is_known_to_be_alone(code: str) -> None:
    verdict = the_verdict(code.replace(ALLOC, "kmalloc"))
    assert (verdict.kind, verdict.plain) == (Kind.KMALLOC, "kfree"), list(verdict.lines())


@pytest.mark.parametrize("code", WAYS)
def test_memory_that_may_be_vmalloced_is_found(code: str) -> None:
    verdict = the_verdict(code.replace(ALLOC, "kvmalloc"))
    assert (verdict.kind, verdict.plain) == (Kind.VMALLOC, "kvfree")
    assert verdict.reached[0].alloc.callee == "kvmalloc"
    assert verdict.reached[0].alloc.path == "fs/toy/toy.c"


@pytest.mark.parametrize("code", WAYS)
def test_memory_from_code_that_was_not_read_is_doubtful(code: str) -> None:
    verdict = the_verdict(code.replace(ALLOC, "toy_elsewhere"))
    assert (verdict.kind, verdict.plain) == (Kind.DOUBTFUL, "kvfree")
    assert any("toy_elsewhere()" in str(missing) for missing in verdict.missing)


FREED_FIELD = "\nstatic void drop(struct toy_mount *mp)\n{\n\tkvfree(mp->buffer);\n}\n"
GOOD = "\nstatic void a(struct toy_mount *mp)\n{\n\tmp->buffer = kmalloc(8, GFP_KERNEL);\n}\n"


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        pytest.param(
            GOOD + "\nvoid set(struct toy_mount *mp, char *p)\n{\n\tmp->buffer = p;\n}\n"
            "EXPORT_SYMBOL(set);\n",
            "set() may be called from files that were not read",
            id="exported-function-stores-its-argument",
        ),
        pytest.param(
            GOOD + "\nstatic void g(struct toy_mount *mp, void *u)\n"
            "{\n\tcopy_from_user(mp, u, sizeof(*mp));\n}\n",
            "toy.c:9: objects of type struct toy_mount are written as bytes by copy_from_user()",
            id="object-filled-with-bytes",
        ),
        pytest.param(
            GOOD + "\nstatic void g(struct toy_mount *mp)\n{\n\ttoy_outside(&mp->buffer);\n}\n",
            "toy.c:9: toy_outside(), which was not read",
            id="address-handed-outside",
        ),
        pytest.param(
            GOOD + "\nstatic void g(struct toy_mount *mp, char *p)\n{\n\tmp->buffer = p + 4;\n}\n",
            "toy.c:9: a computed value is not followed",
            id="computed-pointer",
        ),
        pytest.param(
            GOOD + "\nstatic int cb(void *data)\n{\n\tstruct toy_mount *mp = data;\n\n"
            "\tmp->buffer = data;\n\treturn 0;\n}\n\n"
            "static void g(void)\n{\n\tkthread_run(cb, NULL);\n}\n",
            "cb() is called from elsewhere, through argument 1 of kthread_run()",
            id="callback-stores-its-argument",
        ),
        pytest.param(
            GOOD + "\nstatic void g(struct toy_mount *mp, struct inode *inode)\n"
            "{\n\tmp->buffer = inode->i_link;\n}\n",
            "i_link of struct inode: that type is not declared in these files",
            id="member-of-a-foreign-structure",
        ),
        pytest.param(
            GOOD + "\nstatic void g(struct toy_mount *mp)\n{\n\tmp->buffer @ kmalloc(8);\n}\n",
            "buffer is named in code that could not be parsed",
            id="code-that-could-not-be-parsed",
        ),
        pytest.param(
            GOOD + "\nstatic void g(struct toy_mount *mp)\n{\n\tmp->buffer = toy_names[3];\n}\n",
            "toy_names is declared nowhere in these files",
            id="variable-that-was-not-read",
        ),
        pytest.param(
            GOOD + "\nstatic void g(struct toy_mount *mp, struct toy_item *o)\n"
            "{\n\tmemcpy(mp, o, sizeof(*mp));\n}\n",
            "written as bytes by memcpy()",
            id="copied-from-another-type",
        ),
    ],
)
def test_what_is_missing_is_named(code: str, fact: str) -> None:
    verdict = the_verdict(code + FREED_FIELD)
    assert verdict.kind is Kind.DOUBTFUL
    assert fact in "; ".join(map(str, verdict.missing))


@pytest.mark.parametrize(
    "code",
    [
        pytest.param(
            GOOD + "\nstatic void g(struct toy_mount *a, struct toy_mount *b)\n"
            "{\n\t*a = *b;\n\tmemcpy(a, b, sizeof(*a));\n\tmemset(a, 0, sizeof(*a));\n}\n",
            id="copied-from-the-same-type",
        ),
        pytest.param(
            GOOD + "\nstatic void g(struct toy_mount *mp, int i)\n{\n\tmp->counts[i] = i + 1;\n}\n",
            id="numbers-in-an-array",
        ),
        pytest.param(
            GOOD + "\nstatic void set(struct toy_mount *mp, char *p)\n{\n\tmp->buffer = p;\n}\n",
            id="a-static-function-without-callers",
        ),
        pytest.param(
            GOOD + "\nstatic int order(void *a, void *b)\n{\n\treturn a < b;\n}\n\n"
            "static void g(struct toy_mount *mp)\n{\n\tsort(order);\n}\n",
            id="a-callback-that-stores-nothing",
        ),
        pytest.param(
            GOOD + "\nstatic void g(struct toy_mount *mp)\n{\n\ttrace_toy(&mp->buffer);\n}\n",
            id="address-handed-to-a-trace-event",
        ),
    ],
)
def test_what_takes_nothing_away(code: str) -> None:
    verdict = the_verdict(code + FREED_FIELD)
    assert verdict.kind is Kind.KMALLOC, list(verdict.lines())


def test_memory_of_a_slab_cache_that_is_freed_in_another_branch() -> None:
    code = """
static struct toy_item *make(int n)
{
	if (n > 4)
		return kmalloc(n, GFP_KERNEL);
	return kmem_cache_alloc(toy_cache, GFP_KERNEL);
}

static void f(int n)
{
	struct toy_item *item = make(n);

	if (n > 4)
		kvfree(item);
	else
		kmem_cache_free(toy_cache, item);
}

static void g(int n)
{
	struct toy_item *other = make(n);

	kvfree(other);
}
"""
    provenance = provenance_of({"fs/toy/toy.c": code})
    found = {
        (free.text, free.deallocator): judge(provenance, free).kind for free in provenance.frees()
    }
    assert found["item", "kvfree"] is Kind.KMALLOC
    assert found["other", "kvfree"] is Kind.MIXED


def test_code_that_asks_what_memory_it_is_keeps_its_free() -> None:
    code = """
static void f(void)
{
	char *p = kmalloc(8, GFP_KERNEL);

	if (!is_vmalloc_addr(p))
		kvfree(p);
}
"""
    verdict = the_verdict(code)
    assert verdict.kind is Kind.DOUBTFUL
    assert "asks which kind of memory" in verdict.reason


APPENDED = """
static void append(struct toy_item *first, char *name)
{
	struct toy_item **where = &first->child, *item;

	while ((item = *where))
		where = &item->child;
	*where = @ALLOC@(sizeof(**where), GFP_KERNEL);
}

static void drop(struct toy_item *first)
{
	kvfree(first->child);
}
"""
# Two members by turns.
WALKED = """
static void walk(struct toy_mount *mp)
{
	struct list_head **link = &mp->items.next, *at;

	while ((at = *link)) {
		link = &at->next;
		at = *link;
		link = &at->prev;
	}
	mp->data = @ALLOC@(8, GFP_KERNEL);
	kvfree(mp->data);
}
"""


@pytest.mark.parametrize(
    "code", [pytest.param(APPENDED, id="appended"), pytest.param(WALKED, id="walked")]
)
def test_loops_over_addresses_have_an_end(code: str) -> None:
    assert the_verdict(code.replace(ALLOC, "kvmalloc")).kind is Kind.VMALLOC
    assert [r.alloc.callee for r in the_verdict(code.replace(ALLOC, "kmalloc")).reached] == [
        "kmalloc"
    ]


def test_calls_of_what_a_call_returned_have_an_end() -> None:
    code = """
static void f(void *(*next)(void))
{
	while (next())
		next = next();
	kvfree(next);
}
"""
    assert the_verdict(code).kind is Kind.DOUBTFUL


# What narrows the places that a free is given memory from.
STORED_AND_FREED = """
static void f(struct toy_mount *mp)
{
	mp->data = kmalloc(8, GFP_KERNEL);
	@BETWEEN@
	kvfree(mp->data);
}

static void g(struct toy_mount *mp)
{
	mp->data = vmalloc(8);
}
"""


@pytest.mark.parametrize(
    "between",
    [
        pytest.param("", id="nothing-between"),
        pytest.param("if (!mp->data)\n\t\treturn;", id="tested"),
        pytest.param("ASSERT(mp->data != NULL);", id="asserted"),
        pytest.param("if (unlikely(((unsigned long)mp->data & 7) == 0))\n\t\treturn;", id="bits"),
        pytest.param("mp->data = kzalloc(9, GFP_KERNEL);", id="stored-again"),
    ],
)
def test_a_member_holds_what_was_stored_in_it_last(between: str) -> None:
    verdict = the_verdict(STORED_AND_FREED.replace("@BETWEEN@", between))
    assert verdict.kind is Kind.KMALLOC, list(verdict.lines())


@pytest.mark.parametrize(
    "between",
    [
        pytest.param("g(mp);", id="a-call"),
        pytest.param("elsewhere();", id="a-call-of-code-that-was-not-read"),
        pytest.param("mp = mp->next;", id="another-object"),
        pytest.param("mp++;", id="next-object"),
        pytest.param("mp->u_root = vmalloc(8);", id="another-member-that-may-share-it"),
        pytest.param("other->data = vmalloc(8);", id="through-another-pointer"),
        pytest.param("*where = vmalloc(8);", id="through-an-address"),
        pytest.param("mp->data++;", id="advanced"),
        pytest.param("if (n) {\n\t\tg(mp);\n\t}", id="on-one-of-two-ways"),
        pytest.param("while (n--)\n\t\tg(mp);", id="in-a-loop"),
        pytest.param("n = ({ g(mp); 1; });", id="in-a-statement-expression"),
    ],
)
def test_a_member_may_hold_something_else(between: str) -> None:
    code = STORED_AND_FREED.replace("f(struct toy_mount *mp)",
        "f(struct toy_mount *mp, struct toy_mount *other, void **where, int n)")  # fmt: skip
    verdict = the_verdict(code.replace("@BETWEEN@", between))
    assert verdict.kind is not Kind.KMALLOC


COOKIE = """
struct toy_part { struct toy_item item; int n; };

static void a(struct bio *bio, struct toy_mount *mp)
{
	bio->bi_private = mp;
}

static void b(struct bio *bio)
{
	struct @TYPE@ *part = kmalloc(sizeof(*part), GFP_KERNEL);

	bio->bi_private = part;
}

static void c(void)
{
	struct toy_mount *mp = vmalloc(sizeof(*mp));

	a(NULL, mp);
}

static void done(struct bio *bio)
{
	struct @AS@ *item = bio->bi_private;

	kvfree(item);
}
"""


@pytest.mark.parametrize(
    ("type_", "loaded", "kind"),
    [
        pytest.param("toy_item", "toy_item", Kind.KMALLOC, id="of-one-type"),
        pytest.param("toy_part", "toy_item", Kind.KMALLOC, id="starts-with-that-type"),
        pytest.param("toy_item", "toy_part", Kind.KMALLOC, id="may-start-one-of-that-type"),
        pytest.param("toy_item", "toy_mount", Kind.VMALLOC, id="of-the-other-type"),
        pytest.param("toy_item", "elsewhere", Kind.VMALLOC, id="of-a-type-that-is-not-known"),
    ],
)
def test_objects_behind_a_cookie_are_told_apart_by_type(
    type_: str, loaded: str, kind: Kind
) -> None:
    verdict = the_verdict(COOKIE.replace("@TYPE@", type_).replace("@AS@", loaded))
    assert verdict.kind is kind, list(verdict.lines())


CURSOR = (
    """
#define for_each_toy(pos, mp) \\
	list_for_each_entry((pos), &(mp)->items, list)
#define for_each_nth_toy(n, pos, mp) \\
	list_for_each_entry((pos), &(mp)->items, list) \\
		for ((n) = 0; (n) < 4; (n)++)
#define for_each_name(mp, pos) \\
	for ((pos) = vmalloc(8); (pos); (pos) = NULL)

static void f(struct toy_mount *mp)
{
	struct toy_item *item;
	char *name = NULL;
	char *p = kmalloc(8, GFP_KERNEL);
	int n;

	@LOOP@
		mp->counts = NULL;
	mp->buffer = p;
}
"""
    + FREED_FIELD
)


@pytest.mark.parametrize(
    ("loop", "kind"),
    [
        pytest.param("for_each_toy(item, mp)", Kind.KMALLOC, id="cursor-known-by-its-type"),
        pytest.param("for_each_nth_toy(n, item, mp)", Kind.KMALLOC, id="second-argument"),
        pytest.param("for_each_nth_toy(n, name, mp)", Kind.DOUBTFUL, id="cursor-of-bytes"),
        pytest.param("for_each_nth_toy(n, mp->c, mp)", Kind.DOUBTFUL, id="cursor-is-a-member"),
        pytest.param("for_each_name(mp, name)", Kind.VMALLOC, id="another-argument"),
    ],
)
def test_what_a_loop_macro_assigns(loop: str, kind: Kind) -> None:
    verdict = the_verdict(CURSOR.replace("@LOOP@", loop))
    assert verdict.kind is kind, list(verdict.lines())


def test_exchanged_pointers_keep_their_memory() -> None:
    code = """
static void f(void)
{
	char *p = kmalloc(8, GFP_KERNEL), *q = @ALLOC@(8, GFP_KERNEL);

	swap(p, q);
	kvfree(p);
	use(q);
}
"""
    assert the_verdict(code.replace(ALLOC, "kzalloc")).kind is Kind.KMALLOC
    assert the_verdict(code.replace(ALLOC, "kvmalloc")).kind is Kind.VMALLOC
    assert the_verdict(code.replace(ALLOC, "elsewhere")).kind is Kind.DOUBTFUL
