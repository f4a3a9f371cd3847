// SPDX-License-Identifier: MIT
/*
 * Small objects: pages cut into pieces of one power of two, a free list for
 * each size.  What is larger than a page takes whole pages.
 */
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include "internal.h"

#define MIN_SHIFT	4

struct free_object {
	struct free_object	*next;
};

static struct free_object *free_lists[PAGE_SHIFT + 1];

static int size_shift(size_t size)
{
	int shift = MIN_SHIFT;

	while ((1UL << shift) < size)
		shift++;
	return shift;
}

static bool refill(int shift)
{
	struct page *page = mm_take_pages(false, 1);
	size_t offset, step = 1UL << shift;
	u8 *base;

	if (!page)
		return false;
	page->obj_size = step;
	base = page_address(page);
	for (offset = 0; offset < PAGE_SIZE; offset += step) {
		struct free_object *obj = (struct free_object *)(base + offset);

		obj->next = free_lists[shift];
		free_lists[shift] = obj;
	}
	return true;
}

static void *take_object(size_t size)
{
	int shift = size_shift(size);
	struct free_object *obj;
	struct page *page;

	if (shift > PAGE_SHIFT) {
		page = mm_take_pages(false, DIV_ROUND_UP(size, PAGE_SIZE));
		return page ? page_address(page) : NULL;
	}
	if (!free_lists[shift] && !refill(shift))
		return NULL;
	obj = free_lists[shift];
	free_lists[shift] = obj->next;
	return obj;
}

void *kmalloc(size_t size, gfp_t flags)
{
	void *p = NULL;

	if (mm_may_allocate(size, flags))
		p = take_object(size);
	if (!p) {
		BUG_ON(flags & __GFP_NOFAIL);
		return NULL;
	}
	mm_trace("kmalloc", size, flags);
	return mm_prepare(p, size, flags);
}

size_t ksize(const void *objp)
{
	struct page *page = virt_to_page(objp);

	if (page->obj_size)
		return page->obj_size;
	return (size_t)page->nr_pages << PAGE_SHIFT;
}

void kfree(const void *objp)
{
	struct free_object *obj = (struct free_object *)objp;
	struct page *page;
	int shift;

	if (!objp)
		return;
	/* vmalloc memory has to be given back by vfree() or kvfree(). */
	BUG_ON(is_vmalloc_addr(objp));
	page = virt_to_page(objp);
	BUG_ON(!page->used);
	mm_nr_objects--;
	if (!page->obj_size) {
		mm_give_pages(page);
		return;
	}
	shift = size_shift(page->obj_size);
	memset(obj, 0x6b, page->obj_size);
	obj->next = free_lists[shift];
	free_lists[shift] = obj;
}

void *krealloc(const void *objp, size_t new_size, gfp_t flags)
{
	void *new;

	if (objp && ksize(objp) >= new_size)
		return (void *)objp;
	new = kmalloc(new_size, flags);
	if (new && objp) {
		memcpy(new, objp, ksize(objp));
		kfree(objp);
	}
	return new;
}

struct kmem_cache *kmem_cache_create(const char *name, unsigned int size,
		unsigned int align, unsigned int flags, void (*ctor)(void *))
{
	struct kmem_cache *cache = kmalloc(sizeof(*cache), GFP_KERNEL);

	BUG_ON(ctor);
	if (!cache)
		return NULL;
	cache->name = name;
	cache->size = size;
	return cache;
}

void kmem_cache_destroy(struct kmem_cache *cache)
{
	kfree(cache);
}

void *kmem_cache_alloc(struct kmem_cache *cache, gfp_t flags)
{
	return kmalloc(cache->size, flags);
}

void kmem_cache_free(struct kmem_cache *cache, void *objp)
{
	BUG_ON(objp && ksize(objp) < cache->size);
	kfree(objp);
}
