"""Facts about locks, waits and reclaim: what the profile says, and what it must not say."""

from __future__ import annotations

import pytest

from convert.errors import InputError
from convert.profiles.locks import Locks, load_locks, parse_locks

SOURCE = 'source = "include/linux/mutex.h"'


@pytest.fixture(scope="module")
def locks() -> Locks:
    return load_locks()


@pytest.mark.parametrize(
    ("name", "waits", "succeeds", "shared"),
    [
        pytest.param("mutex_lock", True, "always", False, id="mutex"),
        pytest.param("mutex_lock_killable", True, "zero", False, id="mutex-killable"),
        pytest.param("mutex_trylock", False, "nonzero", False, id="mutex-try"),
        pytest.param("down_read", True, "always", True, id="rwsem-shared"),
        pytest.param("down_write", True, "always", False, id="rwsem"),
        pytest.param("down_write_trylock", False, "nonzero", False, id="rwsem-try"),
        pytest.param("down_read_killable", True, "zero", True, id="rwsem-killable"),
        pytest.param("down", True, "always", False, id="semaphore"),
        pytest.param("down_trylock", False, "zero", False, id="semaphore-try-is-the-other-way"),
        pytest.param("test_and_set_bit_lock", False, "zero", False, id="bit-try"),
        pytest.param("trylock_buffer", False, "nonzero", False, id="buffer-try"),
        pytest.param("folio_lock_killable", True, "zero", False, id="folio-killable"),
    ],
)
def test_when_a_lock_is_held(
    locks: Locks, name: str, waits: bool, succeeds: str, shared: bool
) -> None:
    (take,) = locks.takes[name]
    assert (take.waits, take.succeeds, take.shared) == (waits, succeeds, shared)


@pytest.mark.parametrize(
    ("name", "lock"),
    [
        pytest.param("mutex_lock", None, id="the-argument-itself"),
        pytest.param("inode_lock", "inode.i_rwsem", id="inode"),
        pytest.param("filemap_invalidate_lock", "address_space.invalidate_lock", id="mapping"),
        pytest.param("lock_page", "folio.PG_locked", id="page-has-its-folio's"),
        pytest.param("folio_lock", "folio.PG_locked", id="folio"),
        pytest.param("lock_buffer", "buffer_head.BH_Lock", id="buffer"),
        pytest.param("sb_start_intwrite", "super_block.s_writers.rw_sem", id="freeze"),
        pytest.param("file_start_write", "super_block.s_writers.rw_sem", id="freeze-by-file"),
    ],
)
def test_which_lock_a_call_means(locks: Locks, name: str, lock: str | None) -> None:
    assert {take.lock for take in locks.takes[name]} == {lock}


def test_a_call_may_lock_two_arguments(locks: Locks) -> None:
    slots = [take.slot for take in locks.takes["lock_two_nondirectories"]]
    assert slots == [0, 1]
    assert slots == [release.slot for release in locks.releases["unlock_two_nondirectories"]]


def test_every_named_lock_that_is_taken_can_be_released(locks: Locks) -> None:
    released = {release.lock for release in locks.release}
    taken = {take.lock for take in locks.take} | {given.lock for given in locks.locked}
    assert taken <= released


def test_downgrading_keeps_the_lock(locks: Locks) -> None:
    assert [release.keeps for release in locks.releases["downgrade_write"]] == [True]
    assert not any(release.keeps for release in locks.releases["up_write"])


def test_an_object_can_be_given_out_locked(locks: Locks) -> None:
    (given,) = locks.gives_locked["__filemap_get_folio"]
    assert (given.slot, given.flag, given.flag_slot) == (None, "FGP_LOCK", 2)
    (stored,) = locks.gives_locked["block_write_begin"]
    assert (stored.slot, stored.succeeds) == (3, "zero")


@pytest.mark.parametrize(
    ("name", "what", "slot", "ends"),
    [
        pytest.param("wait_event", "wait queue", 0, "task", id="queue"),
        pytest.param("flush_work", "work item", 0, "task", id="work"),
        pytest.param("destroy_workqueue", "workqueue", 0, "task", id="workqueue"),
        pytest.param("kthread_stop", "kernel thread", 0, "task", id="thread"),
        pytest.param("folio_wait_writeback", "I/O", 0, "io", id="writeback"),
        pytest.param("submit_bio_wait", "I/O", None, "io", id="bio"),
        pytest.param("inode_dio_wait", "I/O", 0, "task", id="direct-io-ends-in-a-worker"),
        pytest.param("msleep", "time", None, "time", id="time"),
        pytest.param("synchronize_rcu", "grace period", None, "readers", id="readers"),
    ],
)
def test_what_ends_a_wait(locks: Locks, name: str, what: str, slot: int | None, ends: str) -> None:
    (wait,) = locks.waits[name]
    assert (wait.what, wait.slot, wait.ends) == (what, slot, ends)


def test_waiting_for_a_lock_s_holder_is_taking_it_for_a_moment(locks: Locks) -> None:
    assert [entry.takes for entry in locks.outsides["wait_on_buffer"]] == [("buffer_head.BH_Lock",)]


def test_who_ends_writeback_wakes_the_same_event(locks: Locks) -> None:
    (wait,) = locks.waits["folio_wait_writeback"]
    assert wait.event is not None
    assert {wake.event for wake in locks.wakes["iomap_finish_ioends"]} == {wait.event}
    (direct,) = locks.waits["inode_dio_wait"]
    assert direct.referenced
    assert direct.runs == ("struct iomap_dio_ops.end_io",)


def test_the_queue_of_a_bit_stands_for_it(locks: Locks) -> None:
    (queue,) = locks.waitqueues["bit_waitqueue"]
    assert (queue.slot, queue.bit) == (0, 1)


@pytest.mark.parametrize(
    ("owner", "member", "held"),
    [
        pytest.param("inode_operations", "create", [("inode.i_rwsem", 1, False)], id="create"),
        pytest.param("inode_operations", "lookup", [("inode.i_rwsem", 0, True)], id="lookup"),
        pytest.param(
            "super_operations",
            "freeze_fs",
            [("super_block.s_umount", 0, False), ("super_block.s_writers.rw_sem", 0, False)],
            id="freeze",
        ),
        pytest.param("super_operations", "statfs", [], id="statfs"),
    ],
)
def test_what_the_core_holds(
    locks: Locks, owner: str, member: str, held: list[tuple[str, int, bool]]
) -> None:
    entries = locks.held_at.get((f"struct {owner}", member), ())
    assert [(entry.lock, entry.slot, entry.shared) for entry in entries] == held


def test_work_items_are_tied_to_functions_and_queues(locks: Locks) -> None:
    (work,) = locks.works["INIT_DELAYED_WORK"]
    assert (work.work, work.function) == (0, 1)
    (queue,) = locks.queues["mod_delayed_work_on"]
    assert (queue.queue, queue.work) == (1, 2)
    (plain,) = locks.queues["schedule_work"]
    assert (plain.queue, plain.work) == (None, 0)


@pytest.mark.parametrize(
    ("owner", "member"),
    [
        pytest.param("struct super_operations", "evict_inode", id="evict"),
        pytest.param("struct super_operations", "nr_cached_objects", id="count"),
        pytest.param("struct super_operations", "free_cached_objects", id="free"),
        pytest.param("struct address_space_operations", "release_folio", id="release"),
        pytest.param("struct address_space_operations", "writepages", id="iput-writes"),
        pytest.param("struct dentry_operations", "d_release", id="dentry"),
        pytest.param("struct shrinker", "scan_objects", id="shrinker"),
    ],
)
def test_what_reclaim_calls(locks: Locks, owner: str, member: str) -> None:
    assert locks.reclaims[owner, member].reason


@pytest.mark.parametrize(
    ("owner", "member"),
    [
        pytest.param("struct super_operations", "put_super", id="put_super"),
        pytest.param("struct super_operations", "sync_fs", id="sync_fs"),
        pytest.param("struct dentry_operations", "d_delete", id="only-dput-asks"),
        pytest.param("struct dentry_operations", "d_revalidate", id="d_revalidate"),
        pytest.param("struct file_operations", "fsync", id="fsync"),
        pytest.param("struct vm_operations_struct", "fault", id="fault"),
        pytest.param("struct address_space_operations", "launder_folio", id="launder"),
    ],
)
def test_what_reclaim_does_not_call(locks: Locks, owner: str, member: str) -> None:
    assert (owner, member) not in locks.reclaims


def test_each_member_has_one_entry(locks: Locks) -> None:
    members = [(entry.owner, name) for entry in locks.reclaim for name in entry.members]
    assert len(members) == len(set(members))


def test_task_flags_in_reclaim(locks: Locks) -> None:
    flags = {name: flag.set for name, flag in locks.task_flags.items()}
    assert flags == {
        "PF_MEMALLOC": "always",
        "PF_KSWAPD": "sometimes",
        "PF_MEMALLOC_NOFS": "never",
    }
    needed = {flag for entry in locks.reclaim for flag in entry.flags}
    assert needed <= set(flags)


def test_excuses_quote_their_source(locks: Locks) -> None:
    (fact,) = locks.excused["xfs_inode.i_lock"]
    assert "https://lore.kernel.org/" in fact.source
    assert "reference" in fact.quote
    assert "inode.i_rwsem" not in locks.excused


def test_callbacks_of_the_core_are_members_of_tables(locks: Locks) -> None:
    (iput,) = locks.outsides["iput"]
    assert "struct super_operations.evict_inode" in iput.calls
    assert iput.workers == ("wb_workfn",)
    assert "folio.PG_locked" in iput.takes


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("spin_lock_irqsave", id="beginning"),
        pytest.param("mutex_is_locked", id="name"),
        pytest.param("lockdep_assert_held_write", id="lockdep"),
    ],
)
def test_harmless_names(locks: Locks, name: str) -> None:
    assert locks.is_harmless(name)


def test_an_entry_elsewhere_says_more_than_a_beginning(locks: Locks) -> None:
    assert locks.is_harmless("atomic_inc")
    assert locks.is_harmless("iomap_release_folio")
    assert not locks.is_harmless("atomic_dec_and_mutex_lock")
    assert not locks.is_harmless("odd_lock")


def test_no_name_is_harmless_and_something_else(locks: Locks) -> None:
    harmless = {name for entry in locks.harmless for name in entry.names}
    assert harmless & (locks.names - set(locks.running) - set(locks.reclaim_calls)) == set()


def test_what_is_run_before_a_call_returns(locks: Locks) -> None:
    assert locks.running["list_lru_shrink_walk"] == (2,)
    assert locks.running["iget5_locked"] == (2, 3)
    assert "call_rcu" not in locks.running


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(f'[[take]]\nnames = ["f"]\n{SOURCE}', "take.0.what", id="no-kind"),
        pytest.param('[[take]]\nnames = ["f"]\nwhat = "mutex"', "take.0.source", id="no-source"),
        pytest.param(f'[[take]]\nnames = []\nwhat = "mutex"\n{SOURCE}', "names", id="no-names"),
        pytest.param(
            f'[[take]]\nnames = ["f"]\nwhat = "spinlock"\n{SOURCE}', "what", id="no-spinlocks"
        ),
        pytest.param(
            f'[[take]]\nnames = ["f"]\nwhat = "mutex"\nslot = -1\n{SOURCE}', "slot", id="slot"
        ),
        pytest.param(
            f'[[take]]\nnames = ["f"]\nwhat = "mutex"\nowner = "struct inode"\n{SOURCE}',
            "belong together",
            id="owner-alone",
        ),
        pytest.param(
            f'[[take]]\nnames = ["f"]\nwhat = "mutex"\nthrough = "d_inode"\n{SOURCE}',
            "need an owner",
            id="through-alone",
        ),
        pytest.param(f'[[reclaim_wait]]\nreason = "r"\n{SOURCE}', "one of", id="waits-for-none"),
        pytest.param(
            f'[[reclaim_wait]]\nlock = "a.b"\nio = true\nreason = "r"\n{SOURCE}',
            "one of",
            id="waits-for-two",
        ),
        pytest.param(
            f'[[outside]]\nnames = ["f"]\ncalls = ["super_operations.f"]\n{SOURCE}',
            "calls",
            id="table-without-struct",
        ),
        pytest.param(
            f'[[unreferenced]]\nid = "a"\nlock = "struct x.y"\nstatement = "s"\n{SOURCE}',
            "lock",
            id="lock-with-struct",
        ),
        pytest.param(
            f'[[unreferenced]]\nid = "a"\nlock = "x.y"\nstatement = "s"\n{SOURCE}',
            "quote",
            id="no-quotation",
        ),
        pytest.param(f'[[task]]\nname = "PF_X"\nset = "maybe"\n{SOURCE}', "set", id="maybe"),
        pytest.param('[[unknown]]\nnames = ["f"]', "unknown", id="unknown-list"),
        pytest.param("[[take]", "not valid TOML", id="not-toml"),
    ],
)
def test_a_profile_that_cannot_be_used(text: str, words: str) -> None:
    with pytest.raises(InputError, match=r"mine\.toml") as error:
        parse_locks(f"schema = 1\n{text}\n", "mine.toml")
    assert words in str(error.value)
