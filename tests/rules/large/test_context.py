"""Where vmalloc memory may be freed: in an interrupt, or where the code may sleep."""

from __future__ import annotations

import pytest

from tests.rules.large.small import kernel, plan_of, refusals

STORED = """
extern void *elsewhere;

static void set(struct thing *t, unsigned long n)
{
	t->data = kmalloc(n, GFP_KERNEL | __GFP_NOFAIL);
}
"""
DROP = (
    STORED
    + """
static void drop(struct thing *t)
{
	@BEFORE@
	kfree(t->data);
}
"""
)

SLEEPING = [
    pytest.param("might_sleep();", id="might-sleep"),
    pytest.param("mutex_lock(elsewhere);", id="mutex"),
    pytest.param("char *q = kmalloc(8, GFP_KERNEL);", id="blocking-allocation"),
    pytest.param("spin_lock(elsewhere); spin_unlock(elsewhere);", id="lock-given-back"),
    pytest.param(
        "spin_lock(elsewhere); spin_unlock(elsewhere); might_sleep();", id="lock-and-sleep"
    ),
    pytest.param("if (t->count) might_sleep(); else mutex_lock(elsewhere);", id="both-branches"),
    pytest.param("rcu_read_lock(); rcu_read_unlock();", id="rcu-section-over"),
    pytest.param("spin_lock_init(elsewhere);", id="no-lock-is-taken"),
    pytest.param("if (spin_trylock(elsewhere))\n\t\treturn;", id="lock-not-got"),
    pytest.param(
        "int got = atomic_dec_and_lock(&t->count, elsewhere);\n\tif (got)\n"
        "\t\tspin_unlock(elsewhere);",
        id="lock-got-and-given-back",
    ),
    pytest.param("trace_spin_lock(elsewhere);", id="a-trace-event"),
]
ATOMIC = [
    pytest.param("spin_lock(elsewhere);", "spin_lock(elsewhere) may be held", id="spinlock"),
    pytest.param(
        "spin_lock_irqsave(elsewhere, flags);", "spin_lock_irqsave(elsewhere)", id="irqs-off"
    ),
    pytest.param(
        "if (!spin_trylock(elsewhere))\n\t\treturn;", "spin_trylock(elsewhere)", id="lock-got"
    ),
    pytest.param(
        "int got = spin_trylock(elsewhere);\n\tgot = 0;\n\tif (got)\n\t\tspin_unlock(elsewhere);",
        "spin_trylock(elsewhere)",
        id="another-result-is-tested",
    ),
    pytest.param("rcu_read_lock();", "rcu_read_lock() may be held", id="rcu-section"),
    pytest.param("preempt_disable();", "preempt_disable() may be held", id="preemption-off"),
    pytest.param(
        "might_sleep(); if (t->count) spin_lock(elsewhere);",
        "spin_lock(elsewhere) may be held",
        id="in-one-branch",
    ),
    pytest.param(
        "spin_lock(elsewhere); spin_unlock(&t->count);",
        "spin_lock(elsewhere) may be held",
        id="another-lock-given-back",
    ),
    pytest.param(
        "other_lock(elsewhere);",
        "other_lock(elsewhere) was not read: it may lock",
        id="unread-function-with-a-lock-in-its-name",
    ),
    pytest.param(
        "char *q = t->count ? kmalloc(8, GFP_KERNEL) : 0; spin_lock(elsewhere);",
        "spin_lock(elsewhere)",
        id="locked-after-sleeping",
    ),
]
CALLED = "\nvoid caller(struct thing *t)\n{\n\tmight_sleep();\n\tdrop(t);\n}\n"


@pytest.mark.parametrize("before", SLEEPING)
def test_code_that_may_sleep(before: str) -> None:
    assert refusals(plan_of(DROP.replace("@BEFORE@", before) + CALLED)) == []


@pytest.mark.parametrize(("before", "why"), ATOMIC)
def test_code_that_may_not_sleep(before: str, why: str) -> None:
    (reason,) = refusals(plan_of(DROP.replace("@BEFORE@", before) + CALLED))
    assert why in reason and "may not sleep" in reason


@pytest.mark.parametrize(("before", "why"), ATOMIC)
def test_a_caller_that_may_not_sleep(before: str, why: str) -> None:
    caller = f"\nvoid caller(struct thing *t)\n{{\n\t{before}\n\tdrop(t);\n}}\n"
    code = DROP.replace("@BEFORE@", "t->count = 0;") + caller
    (reason,) = refusals(plan_of(code))
    assert why in reason and "in caller()" in reason


@pytest.mark.parametrize("before", SLEEPING[:3])
def test_a_caller_that_sleeps_first(before: str) -> None:
    middle = "\nstatic void middle(struct thing *t)\n{\n\tdrop(t);\n}\n"
    caller = f"\nvoid caller(struct thing *t)\n{{\n\t{before}\n\tmiddle(t);\n}}\n"
    assert refusals(plan_of(DROP.replace("@BEFORE@", "t->count = 0;") + middle + caller)) == []


def test_functions_that_take_a_lock_for_their_caller() -> None:
    helper = """
static void take(struct thing *t)
{
	spin_lock(elsewhere);
}
"""
    code = DROP.replace("static void drop", helper.lstrip() + "\nstatic void drop")
    (reason,) = refusals(plan_of(code.replace("@BEFORE@", "take(t);") + CALLED))
    assert "spin_lock(elsewhere) may be held in drop()" in reason


GIVES_BACK = """
static void give_back(struct thing *u, void *lock)
{
	@BODY@
}

"""


@pytest.mark.parametrize(
    ("body", "before", "right"),
    [
        pytest.param("spin_unlock(&u->count);", "spin_lock(&t->count);", True, id="by-member"),
        pytest.param("spin_unlock(lock);", "spin_lock(elsewhere);", True, id="by-parameter"),
        pytest.param(
            "if (u->count) { spin_unlock(lock); spin_lock(lock); }",
            "spin_lock(elsewhere); spin_unlock(elsewhere);",
            True,
            id="for-a-while",
        ),
        pytest.param(
            "if (u->count) { spin_unlock(lock); spin_lock(lock); }",
            "spin_lock(elsewhere);",
            False,
            id="for-a-while-only",
        ),
        pytest.param("spin_unlock(&u->data);", "spin_lock(&t->count);", False, id="another-one"),
        pytest.param(
            "if (u->count) spin_unlock(lock);", "spin_lock(elsewhere);", False, id="not-always"
        ),
        pytest.param(
            "spin_lock(lock); spin_unlock(lock);", "spin_lock(elsewhere);", False, id="its-own"
        ),
        pytest.param("read_unlock(lock);", "spin_lock(elsewhere);", False, id="another-kind"),
    ],
)
def test_functions_that_give_back_a_lock_of_their_caller(
    body: str, before: str, right: bool
) -> None:
    helper = GIVES_BACK.lstrip().replace("@BODY@", body)
    code = DROP.replace("static void drop", helper + "static void drop")
    found = refusals(
        plan_of(code.replace("@BEFORE@", before + " give_back(t, elsewhere);") + CALLED)
    )
    assert (found == []) is right


FINDS = """
static struct thing *find(struct thing *u)
{
	struct thing *found;

	spin_lock(&u->count);
	found = elsewhere;
	@MORE@
	return @VALUE@;
}

"""
KEPT = "if (found)\n\t\tfound->count = 1;\n\telse\n\t\tspin_unlock(&u->count);"


@pytest.mark.parametrize(
    ("more", "value", "before", "right"),
    [
        pytest.param(
            KEPT, "found",
            "struct thing *x = find(t);\n\tif (x)\n\t\tspin_unlock(&t->count);", True,
            id="given-back-if-found",
        ),
        pytest.param(
            KEPT, "found", "struct thing *x = find(t);\n\tif (!x)\n\t\tspin_unlock(&t->count);",
            False, id="given-back-if-not-found",
        ),
        pytest.param(KEPT, "found", "struct thing *x = find(t);", False, id="kept"),
        pytest.param(
            KEPT, "u", "struct thing *x = find(t);\n\tif (x)\n\t\tspin_unlock(&t->count);", False,
            id="something-else-is-returned",
        ),
        pytest.param(
            KEPT + "\n\tfound = u;", "found",
            "struct thing *x = find(t);\n\tif (x)\n\t\tspin_unlock(&t->count);", False,
            id="assigned-before-the-return",
        ),
        pytest.param(
            KEPT, "found",
            "struct thing *x = find(t);\n\tx = t;\n\tif (x)\n\t\tspin_unlock(&t->count);", False,
            id="assigned-behind-the-call",
        ),
        pytest.param(
            KEPT + "\n\telsewhere(&found);", "found",
            "struct thing *x = find(t);\n\tif (x)\n\t\tspin_unlock(&t->count);", False,
            id="its-address-is-handed-on",
        ),
    ],
)  # fmt: skip
def test_functions_that_return_locked_if_they_found_something(
    more: str, value: str, before: str, right: bool
) -> None:
    helper = FINDS.lstrip().replace("@MORE@", more).replace("@VALUE@", value)
    code = DROP.replace("static void drop", helper + "static void drop")
    found = refusals(plan_of(code.replace("@BEFORE@", before) + CALLED))
    assert (found == []) is right, found


def test_locks_of_objects_that_may_be_missing() -> None:
    before = "struct thing *u = elsewhere;\n\tif (u)\n\t\tspin_lock(&u->count);\n\t@MORE@if (u)\n"
    code = DROP.replace("@BEFORE@", before + "\t\tspin_unlock(&u->count);") + CALLED
    assert refusals(plan_of(code.replace("@MORE@", ""))) == []
    moved = code.replace("@MORE@", "u = t;\n\t")
    assert "spin_lock(&u->count)" in refusals(plan_of(moved))[0]


def test_functions_that_sleep_for_their_caller() -> None:
    helper = "static void nap(void)\n{\n\tmight_sleep();\n}\n\n"
    code = DROP.replace("static void drop", helper + "static void drop")
    caller = "\nvoid caller(struct thing *t)\n{\n\tdrop(t);\n}\nEXPORT_SYMBOL(caller);\n"
    assert refusals(plan_of(code.replace("@BEFORE@", "nap();") + caller)) == []
    once = code.replace("@BEFORE@", "if (t->count) nap();") + caller
    assert "whether caller() may sleep is not known" in refusals(plan_of(once))[0]


ROOT = DROP.replace("@BEFORE@", "t->count = 0;")
FREED_BY_WORK = """
static void worker(struct work_struct *work)
{
	drop(container_of(work, struct thing, work));
}

void start(struct thing *t)
{
	@START@
}
"""
INTERRUPT = """
void vfree(const void *addr)
{
	if (unlikely(in_interrupt())) {
		vfree_later(addr);
		return;
	}
	might_sleep();
}

static void vfree_later(const void *addr)
{
	llist_add(addr, elsewhere);
}
"""


def with_vfree(body: str) -> dict[str, str]:
    """The mini kernel's vmalloc with another vfree()."""
    text = kernel()["mm/vmalloc.c"].decode()
    return {"mm/vmalloc.c": text.replace("void vfree(", "void old_vfree(") + body}


@pytest.mark.parametrize(
    ("code", "more", "why"),
    [
        pytest.param(
            FREED_BY_WORK.replace("@START@", "INIT_WORK(&t->work, worker);"), {}, None,
            id="work-item",
        ),
        pytest.param(
            FREED_BY_WORK.replace("@START@", "call_rcu(&t->work, worker);"), with_vfree(INTERRUPT),
            None, id="interrupt-of-a-tree-that-defers",
        ),
        pytest.param(
            FREED_BY_WORK.replace("@START@", "call_rcu(&t->work, worker);"), {},
            "timer or delayed callback (call_rcu)", id="interrupt-of-a-tree-that-does-not",
        ),
        pytest.param(
            FREED_BY_WORK.replace("@START@", "call_rcu(&t->work, worker);"),
            with_vfree(INTERRUPT.replace("llist_add", "give_back")),
            "timer or delayed callback (call_rcu)", id="interrupt-that-frees-at-once",
        ),
        pytest.param(
            FREED_BY_WORK.replace("@START@", "t->other_bio->bi_end_io = worker;"), {},
            "I/O completion", id="completion",
        ),
        pytest.param(
            "\nvoid caller(struct thing *t)\n{\n\tdrop(t);\n}\nEXPORT_SYMBOL(caller);\n", {},
            "exported symbol (EXPORT_SYMBOL)", id="exported",
        ),
        pytest.param(
            "\n#include <linux/fops.h>\nstatic const struct file_operations ops = {\n"
            "\t.unlocked_ioctl\t= drop,\n};\n",
            {"include/linux/fops.h": "struct file_operations {\n"
             "\tvoid (*unlocked_ioctl)(struct thing *t);\n};\n"}, None,
            id="table-that-may-sleep",
        ),
        pytest.param(
            "\nstatic const struct dentry_operations ops = { .d_delete = drop };\n", {},
            "member of a structure that is handed outside", id="table-that-may-not",
        ),
        pytest.param("\nmodule_exit(drop);\n", {}, None, id="module"),
    ],
)  # fmt: skip
def test_what_starts_the_function(code: str, more: dict[str, str], why: str | None) -> None:
    found = refusals(plan_of(ROOT + code, more))
    assert found == [] if why is None else why in found[0]


RCU = "#define kfree_rcu(ptr, rhf...) @BODY@\n#define kvfree_rcu(...) kvfree_call_rcu(x, y)\n"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        pytest.param("kvfree_rcu(ptr, ## rhf)", None, id="takes-both"),
        pytest.param("__kfree_rcu(ptr, 8)", "does not say that it takes both", id="slab-only"),
    ],
)
def test_frees_after_a_grace_period(body: str, why: str | None) -> None:
    code = STORED + "\nvoid drop(struct thing *t)\n{\n\tspin_lock(elsewhere);\n"
    code += "\tkfree_rcu(t->data, count);\n}\n"
    code = code.replace("extern", "#include <linux/rcupdate.h>\nextern")
    plan = plan_of(code, {"include/linux/rcupdate.h": RCU.replace("@BODY@", body)})
    found = refusals(plan)
    assert found == [] if why is None else why in found[0]
