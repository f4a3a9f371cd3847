"""Every way from a large allocation to its frees: both change together, or neither does."""

from __future__ import annotations

import pytest

from tests.rules.large.small import after, changes, plan_of, refusals

ALLOC = "kmalloc(n, GFP_KERNEL | __GFP_NOFAIL)"
LOCAL = """
void f(unsigned long n)
{
	char *p = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);

	memset(p, 0, n);
	kfree(p);
}
"""
RESULT = """
static char *make(unsigned long n)
{
	return kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
}

void f(unsigned long n)
{
	char *p = make(n);

	kfree(p);
}
"""
ERROR_POINTER = """
static char *make(unsigned long n)
{
	if (n > 1000000)
		return ERR_PTR(-22);
	return kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
}

void f(unsigned long n)
{
	char *p = make(n);

	if (!IS_ERR(p))
		kfree(p);
}
"""
OUT = """
static int make(char **where, unsigned long n)
{
	*where = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
	return 0;
}

void f(unsigned long n)
{
	char *p = NULL;

	make(&p, n);
	kfree(p);
}
"""
MEMBER = """
void f(struct thing *t, unsigned long n)
{
	t->data = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
	might_sleep();
}

void g(struct thing *t)
{
	might_sleep();
	kfree(t->data);
}
"""
UNION = """
void f(struct thing *t, unsigned long n)
{
	t->u_root = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
}

void g(struct thing *t)
{
	might_sleep();
	kfree(t->u_data);
}
"""
ELEMENTS = """
void f(struct thing *t, unsigned long n)
{
	t->names[3] = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
}

void g(struct thing *t, int i)
{
	might_sleep();
	kfree(t->names[i]);
}
"""
LIST = """
static struct list_head things;

void f(unsigned long n)
{
	struct thing *t = kmalloc(sizeof(*t) + n, GFP_KERNEL | __GFP_NOFAIL);

	list_add(&t->list, &things);
}

void g(void)
{
	struct thing *t = list_first_entry(&things, struct thing, list);

	might_sleep();
	list_del(&t->list);
	kfree(t);
}
"""
LOOP = """
static struct list_head things;

void f(unsigned long n)
{
	struct thing *t = kmalloc(sizeof(*t) + n, GFP_KERNEL | __GFP_NOFAIL);

	list_add(&t->list, &things);
}

void g(void)
{
	struct thing *t, *next;

	might_sleep();
	list_for_each_entry_safe(t, next, &things, list)
		kfree(t);
}
"""
CAST = """
static unsigned long make(unsigned long n)
{
	return (unsigned long)kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
}

void f(unsigned long n)
{
	kfree((void *)make(n));
}
"""
WORK = """
static void worker(struct work_struct *work)
{
	struct thing *t = container_of(work, struct thing, work);

	kfree(t);
}

void f(unsigned long n)
{
	struct thing *t = kmalloc(sizeof(*t) + n, GFP_KERNEL | __GFP_NOFAIL);

	INIT_WORK(&t->work, worker);
	queue_work(NULL, &t->work);
}
"""
POINTER_ARGUMENT = """
static void release(struct thing *t)
{
	might_sleep();
	kfree(t->data);
}

static const struct thing_ops ops = {
	.release	= release,
};

void f(struct thing *t, unsigned long n)
{
	t->data = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
	ops.release(t);
}
"""
POINTER_RESULT = """
static void *make(unsigned long n)
{
	return kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
}

static const struct thing_ops ops = {
	.make		= make,
};

void f(unsigned long n)
{
	void *p = ops.make(n);

	might_sleep();
	kfree(p);
}
"""
WRAPPER = """
static void give_back(const void *p)
{
	kfree(p);
}

void f(unsigned long n)
{
	char *p = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);

	give_back(p);
}
"""
TWO_FREES = """
int f(struct thing *t, unsigned long n)
{
	char *p = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);

	if (n > 5) {
		kfree(p);
		return -1;
	}
	kfree(p);
	return 0;
}
"""
COPIED = """
void f(struct thing *t, unsigned long n)
{
	char *p = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL), *q;

	memcpy(p + 4, t->tail, n - 4);
	q = kstrdup(p, GFP_KERNEL);
	kfree(p);
	kfree(q);
}
"""
EXCHANGED = """
void f(struct thing *t, unsigned long n)
{
	char *old = xchg(&t->data, kmalloc(n, GFP_KERNEL | __GFP_NOFAIL));

	kfree(old);
}
"""

WAYS = [
    pytest.param(LOCAL, 1, id="local-variable"),
    pytest.param(RESULT, 1, id="result"),
    pytest.param(ERROR_POINTER, 1, id="result-or-error-pointer"),
    pytest.param(OUT, 1, id="out-parameter"),
    pytest.param(MEMBER, 1, id="member"),
    pytest.param(UNION, 1, id="union"),
    pytest.param(ELEMENTS, 1, id="elements-of-an-array"),
    pytest.param(LIST, 1, id="list-entry"),
    pytest.param(LOOP, 1, id="loop-over-a-list"),
    pytest.param(LIST.replace("list_first_entry(&", "rb_entry(&"), 1, id="tree-entry"),
    pytest.param(CAST, 1, id="cast-to-a-number"),
    pytest.param(WORK, 1, id="work-item"),
    pytest.param(POINTER_ARGUMENT, 1, id="argument-of-a-function-pointer"),
    pytest.param(POINTER_RESULT, 1, id="result-of-a-function-pointer"),
    pytest.param(WRAPPER, 1, id="private-wrapper-of-kfree"),
    pytest.param(TWO_FREES, 2, id="two-frees"),
    pytest.param(COPIED, 1, id="a-copy-is-other-memory"),
    pytest.param(EXCHANGED, 1, id="exchanged"),
]


def frees_of(code: str, name: str) -> int:
    """How often a function is called."""
    return sum(code.count(f"{before}{name}(") for before in "\t ")


@pytest.mark.parametrize(("code", "frees"), WAYS)
def test_the_allocation_and_its_frees_change_together(code: str, frees: int) -> None:
    plan = plan_of(code)
    assert refusals(plan) == []
    text = after(plan)
    assert "kvmalloc(" in text
    assert frees_of(text, "kvfree") == frees
    assert frees_of(text, "kfree") == frees_of(code, "kfree") - frees
    assert [step.id for step in plan.steps] == ["large/kvmalloc"]


@pytest.mark.parametrize(("code", "frees"), WAYS)
def test_nothing_changes_where_the_pointer_goes_to_code_that_was_not_read(
    code: str, frees: int
) -> None:
    lost = code.replace("kfree(", "elsewhere(", 1)
    plan = plan_of(lost)
    assert plan.steps == ()
    (reason,) = refusals(plan)
    assert "elsewhere(), which was not read, is handed the pointer" in reason
    assert reason.startswith("fs/case/a.c:")


@pytest.mark.parametrize(("code", "frees"), WAYS)
def test_nothing_changes_where_a_free_wants_kmalloc_memory(code: str, frees: int) -> None:
    plan = plan_of(code.replace("kfree(", "kfree_sensitive(", 1))
    assert plan.steps == ()
    (reason,) = refusals(plan)
    assert "kfree_sensitive(" in reason and "takes no vmalloc memory" in reason


@pytest.mark.parametrize(("code", "frees"), WAYS)
def test_a_second_run_changes_nothing(code: str, frees: int) -> None:
    text = after(plan_of(code))
    again = plan_of(text)
    assert again.steps == () and changes(again) == {} and refusals(again) == []
