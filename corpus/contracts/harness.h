/* SPDX-License-Identifier: MIT */
/*
 * An allocator that only watches: which masks it is asked with, and what the
 * caller makes of a failure.  tests/corpus/test_contracts.py puts a wrapper
 * family and the calls of a .toml file below it and runs the result.
 */
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/vmalloc.h>

int printf(const char *fmt, ...);

/* A wrapper that asks that often has no mind to fail. */
#define ENDLESS		1000

static u8 memory[8192];
static struct task_struct task;
struct task_struct *current_task = &task;

static bool failing;
static int attempts;
static gfp_t any_mask, all_mask;
static bool fs_reclaim;
static void *endless[5];

static void *watch(size_t size, gfp_t gfp)
{
	gfp = current_gfp_context(gfp);
	all_mask = attempts++ ? all_mask & gfp : gfp;
	any_mask |= gfp;
	fs_reclaim |= (gfp & __GFP_FS) && (gfp & __GFP_DIRECT_RECLAIM);
	if (failing && !(gfp & __GFP_NOFAIL)) {
		if (attempts > ENDLESS)
			__builtin_longjmp(endless, 1);
		return NULL;
	}
	return memset(memory, gfp & __GFP_ZERO ? 0 : 0x5a, min(size, sizeof(memory)));
}

void *kmalloc(size_t size, gfp_t flags)
{
	return watch(size, flags);
}

void *krealloc(const void *objp, size_t new_size, gfp_t flags)
{
	return watch(new_size, flags);
}

void *kvmalloc(size_t size, gfp_t flags)
{
	return watch(size, flags);
}

void *__vmalloc(unsigned long size, gfp_t gfp_mask)
{
	return watch(size, gfp_mask);
}

void *vzalloc(unsigned long size)
{
	return watch(size, GFP_KERNEL | __GFP_ZERO);
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags)
{
	return watch(cache->size, flags);
}

void kfree(const void *objp) { }
void kvfree(const void *addr) { }
void vfree(const void *addr) { }
void kmem_cache_free(struct kmem_cache *cache, void *objp) { }
void kmem_cache_destroy(struct kmem_cache *cache) { }
void schedule_timeout(long ticks) { }
void printk(const char *fmt, ...) { }
void warn_at(const char *what, const char *file, int line) { }

void panic_at(const char *what, const char *file, int line)
{
	printf("%s at %s:%d\n", what, file, line);
	__builtin_trap();
}

bool is_vmalloc_addr(const void *x)
{
	return false;
}

struct page *virt_to_page(const void *addr)
{
	return NULL;
}

struct page *vmalloc_to_page(const void *addr)
{
	return NULL;
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
		unsigned int align, unsigned int flags, void (*ctor)(void *))
{
	return NULL;
}

static void begin(bool fail, unsigned int context)
{
	failing = fail;
	attempts = 0;
	any_mask = all_mask = 0;
	fs_reclaim = false;
	task.flags = context;
}

static bool is_zero(const u8 *p)
{
	int i;

	for (i = 0; p && i < 64; i++) {
		if (p[i])
			return false;
	}
	return p != NULL;
}

/* One line: the promises that a call keeps, in alphabetical order. */
static void show(void *(*call)(void), unsigned int context)
{
	bool zeroed, nowarn, nolockdep, sleeps, may_fail = false;

	begin(false, context);
	zeroed = is_zero(call());
	nowarn = (all_mask & __GFP_NOWARN) != 0;
	nolockdep = (all_mask & __GFP_NOLOCKDEP) != 0;

	begin(true, context);
	if (!__builtin_setjmp(endless))
		may_fail = !call();
	sleeps = (any_mask & __GFP_DIRECT_RECLAIM) != 0;

	printf("%s%s%s%s%s%s\n", fs_reclaim ? " fs_reclaim" : "",
	       may_fail ? " may_fail" : "", nolockdep ? " nolockdep" : "",
	       nowarn ? " nowarn" : "", sleeps ? " sleeps" : "",
	       zeroed ? " zeroed" : "");
}
