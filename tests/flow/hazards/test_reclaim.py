"""What reclaim waits for: small programs, and the answer for an allocation beside them."""

from __future__ import annotations

import pytest

from tests.flow.hazards.support import LOCKS, ROOT, SCAN, answer, report_of, site_of, told

HOLDS = ROOT % "mutex_lock(&t->lock); here(1); mutex_unlock(&t->lock);"
PLAIN = ROOT % "here(1);"
# A worker, and who has it run.
WORK = (
    "static void toy_work(struct work_struct *w)\n"
    "{ struct toy *t = container_of(w, struct toy, work); %s }\n"
    "int toy_make(struct toy *t) { INIT_WORK(&t->work, toy_work); queue_work(t->queue, &t->work);"
    " return 0; }\nEXPORT_SYMBOL(toy_make);\n"
)
SUPER = (
    "static void toy_gone(%s)\n{ struct toy *t = %s; mutex_lock(&t->lock);"
    " mutex_unlock(&t->lock); }\n"
    "static const struct super_operations toy_super = { .%s = toy_gone };\n"
)
CASES = [
    pytest.param(LOCKS + HOLDS, "c toy.lock", id="shrinker"),
    pytest.param(
        SUPER % ("struct inode *inode", "inode->i_private", "evict_inode") + HOLDS,
        "c toy.lock",
        id="evict_inode",
    ),
    pytest.param(
        SUPER % ("struct super_block *sb", "sb->s_fs_info", "put_super") + HOLDS,
        "e",
        id="put_super is not called",
    ),
    pytest.param(HOLDS, "e", id="nothing that reclaim calls"),
    pytest.param(
        SCAN % "if (current->flags & PF_MEMALLOC) return 0; mutex_lock(&t->lock);" + HOLDS,
        "e",
        id="lock behind the task's flag",
    ),
    pytest.param(
        SCAN % "if (!(current->flags & PF_MEMALLOC)) return 0; mutex_lock(&t->lock);" + HOLDS,
        "c toy.lock",
        id="lock for who has the flag",
    ),
    pytest.param(
        SCAN % "if (current->flags & PF_KSWAPD) return 0; mutex_lock(&t->lock);" + HOLDS,
        "c toy.lock",
        id="lock behind another flag",
    ),
    pytest.param(
        SCAN % "if (mutex_trylock(&t->lock)) mutex_unlock(&t->lock);" + HOLDS,
        "e",
        id="a try-lock is no wait",
    ),
    pytest.param(
        SCAN % "if (!mutex_lock_killable(&t->lock)) mutex_unlock(&t->lock);" + HOLDS,
        "c toy.lock",
        id="a killable lock is a wait",
    ),
    pytest.param(
        "static void grab(struct mutex *m) { mutex_lock(m); mutex_unlock(m); }\n"
        "static void grasp(struct mutex *m) { grab(m); }\n" + SCAN % "grasp(&t->lock);" + HOLDS,
        "c toy.lock",
        id="lock that callers know",
    ),
    pytest.param(
        SCAN % "mutex_lock(found_lock(t));" + PLAIN, "missing", id="lock that nobody knows"
    ),
    pytest.param(
        SCAN % "struct inode *i = iget_locked(found_super(t), 3); unlock_new_inode(i);"
        + ROOT
        % "struct inode *i = iget_locked(inode->i_sb, arg); if (!i) return 0; here(1);"
        " unlock_new_inode(i);",
        "c inode.I_NEW",
        id="object that is given out locked",
    ),
    pytest.param(
        SCAN % "flush_work(&t->work);" + WORK % "here(1);", "c toy_work()", id="flushed worker"
    ),
    pytest.param(
        SCAN % "flush_work(&t->more);" + WORK % "here(1);", "e", id="another item is flushed"
    ),
    pytest.param(
        SCAN % "flush_work(&t->work);"
        + WORK % "mutex_lock(&t->lock); mutex_unlock(&t->lock);"
        + HOLDS,
        "c toy.lock",
        id="lock of a flushed worker",
    ),
    pytest.param(
        WORK % "mutex_lock(&t->lock); mutex_unlock(&t->lock);" + HOLDS,
        "e",
        id="lock of a worker that is not waited for",
    ),
    pytest.param(
        "static void more_work(struct work_struct *w) { here(1); }\n"
        "int more_make(struct toy *t) { INIT_WORK(&t->more, more_work); return 0; }\n"
        + SCAN % "flush_work(&t->work);"
        + WORK % "flush_work(&t->more);",
        "c more_work()",
        id="worker that a flushed worker flushes",
    ),
    pytest.param(
        SCAN % "flush_workqueue(t->queue);" + WORK % "here(1);", "c toy_work()", id="workqueue"
    ),
    pytest.param(
        SCAN % "flush_scheduled_work();" + PLAIN, "missing", id="workqueue without a name"
    ),
    pytest.param(
        SCAN % "wait_for_completion(&t->done);" + WORK % "here(1); complete(&t->done);",
        "c toy_work()",
        id="completion that a worker ends",
    ),
    pytest.param(
        SCAN % "wait_for_completion(&t->done);" + ROOT % "here(1); complete(&t->done);",
        "missing",
        id="completion that this task ends",
    ),
    pytest.param(
        SCAN % "wait_event(t->wait, t->kind);" + PLAIN, "e", id="wait queue that nobody ends"
    ),
    pytest.param(
        SCAN % "wait_event(t->wait, t->kind);" + ROOT % "here(1); wake_up(&t->wait);",
        "missing",
        id="wait queue that this task ends",
    ),
    pytest.param(
        SCAN % "wait_event_timeout(t->wait, t->kind, 3);" + ROOT % "here(1); wake_up(&t->wait);",
        "e",
        id="wait that ends by itself",
    ),
    pytest.param(
        SCAN % "wait_event(*found_queue(t), t->kind);" + PLAIN, "missing", id="unnamed wait"
    ),
    pytest.param(SCAN % "schedule();" + PLAIN, "missing", id="wait for nothing that is said"),
    pytest.param(
        SCAN % "prepare_to_wait(&t->wait, s, 2); schedule();"
        + WORK % "here(1); wake_up(&t->wait);",
        "c toy_work()",
        id="wait in two steps",
    ),
    pytest.param(
        SCAN % "folio_wait_writeback(found_folio(t));"
        + WORK % "here(1); folio_end_writeback(found_folio(t));",
        "c toy_work()",
        id="writeback that a worker ends",
    ),
]


@pytest.mark.parametrize(("code", "expected"), CASES)
def test_answers(code: str, expected: str) -> None:
    """The class, and what is held."""
    assert answer(code) == expected


def test_who_ends_a_wait_outside_is_told() -> None:
    """Such a wait is taken to end; the reader is told."""
    report = report_of(SCAN % "wait_event(t->wait, t->kind);" + PLAIN)
    assert told(site_of(report)) == "e"
    (note,) = (one for one in report.notes if "toy.wait" in one)
    assert "code outside of the paths ends" in note


def test_waits_of_workers_name_the_wait_for_the_worker() -> None:
    """The lock of a flushed worker is behind the line that flushes it."""
    code = WORK % "mutex_lock(&t->lock); mutex_unlock(&t->lock);" + HOLDS
    (hazard,) = site_of(report_of(SCAN % "flush_work(&t->work);" + code)).hazards
    assert [frame.function for frame in hazard.wait.chain.frames] == ["toy_work"]
    (before,) = hazard.wait.behind
    assert str(before.danger) == "toy_work()" and before.call == "flush_work"
    assert [frame.function for frame in before.chain.frames] == ["toy_scan"]
