"""Console texts of booted kernels, shortened, in the kernel's formats."""

from __future__ import annotations

from collections.abc import Iterable

LOCKDEP = """\

======================================================
WARNING: possible circular locking dependency detected
6.1.192 #1 Not tainted
------------------------------------------------------
python3.11/{pid} is trying to acquire lock:
00000000604f5c40 (fs_reclaim){{+.+.}}-{{0:0}}, at: toy_cache_alloc.constprop.0+0x3f/0x1a2

but task is already holding lock:
0000000061a0{pid}8 (&toy->tree_lock){{+.+.}}-{{3:3}}, at: toy_insert+0x4a/0xcc

which lock already depends on the new lock.

the existing dependency chain (in reverse order) is:

-> #1 (&toy->tree_lock){{+.+.}}-{{3:3}}:
       lock_acquire+0x1e7/0x20a
       toy_prime+0x4c/0xa0

other info that might help us debug this:

2 locks held by python3.11/{pid}:
 #0: 0000000061a0{pid}8 (&toy->tree_lock){{+.+.}}-{{3:3}}, at: toy_insert+0x4a/0xcc

stack backtrace:
CPU: 0 PID: {pid} Comm: python3.11 Not tainted 6.1.192 #1
Stack:
 603ee1e2 60515a93 a70d7dc0 603d3f26
 00000000 60515a93 60030b16 00000000
Call Trace:
 [<603ee1e2>] ? _printk+0x0/0x94
 [<60021be4>] show_stack+0x184/0x193
 [<603f4cd1>] dump_stack_lvl+0x80/0x92
 [<6007b2d0>] check_noncircular+0x10a/0x119
 [<6007b2d8>] lock_acquire+0x1e7/0x20a
 [<6007b2e0>] toy_cache_alloc+0x3f/0x1a2
 [<6007b2f0>] toy_insert+0x6a/0xcc
"""

KFREE = """\
------------[ cut here ]------------
WARNING: CPU: 0 PID: {pid} at lib/kmem_convert_debug.c:58 kmem_convert_kfree+0x6c/0x7e
kmem-convert: kfree() of vmalloc memory in toy_getmap+0x{offset}/0x1a8
CPU: 0 PID: {pid} Comm: toy_io Not tainted 6.1.192 #1
Stack:
 603ee1e2 60515a93 a70d7dc0 603d3f26
Call Trace:
 [<60021be4>] show_stack+0x184/0x193
 [<6003acd0>] __warn+0xd5/0xf3
 [<60121be4>] kmem_convert_kfree+0x6c/0x7e
 [<60121ce4>] kfree+0x20/0x90
 [<60221ce4>] toy_getmap+0x1{offset}/0x1a8
---[ end trace 0000000000000000 ]---
"""


def console(lines: Iterable[str], start: float = 1.0) -> str:
    """The lines as the console gives them, with a time each."""
    stamped = (f"[{start + n / 100:12.6f}] {line}" for n, line in enumerate(lines))
    return "Checking that ptrace can change system call numbers...OK\n" + "\n".join(stamped) + "\n"


def phase(name: str, *lines: str, verdict: str | None = "passed") -> list[str]:
    """A phase of the workload; without a verdict it does not end."""
    words = [f"kmem-convert-boot: begin {name}", *lines]
    return [*words, f"kmem-convert-boot: end {name} 1.25 {verdict}"] if verdict else words
