/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_LIST_H
#define _LINUX_LIST_H

#include <linux/kernel.h>

#define LIST_HEAD_INIT(name)	{ &(name), &(name) }
#define LIST_HEAD(name)		struct list_head name = LIST_HEAD_INIT(name)

static inline void INIT_LIST_HEAD(struct list_head *list)
{
	list->next = list;
	list->prev = list;
}

static inline void __list_insert(struct list_head *entry,
		struct list_head *before, struct list_head *after)
{
	entry->prev = before;
	entry->next = after;
	before->next = entry;
	after->prev = entry;
}

static inline void list_add(struct list_head *entry, struct list_head *head)
{
	__list_insert(entry, head, head->next);
}

static inline void list_add_tail(struct list_head *entry, struct list_head *head)
{
	__list_insert(entry, head->prev, head);
}

static inline void list_del_init(struct list_head *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
	INIT_LIST_HEAD(entry);
}

static inline void list_move_tail(struct list_head *entry, struct list_head *head)
{
	list_del_init(entry);
	list_add_tail(entry, head);
}

static inline bool list_empty(const struct list_head *head)
{
	return head->next == head;
}

static inline void list_splice_init(struct list_head *list, struct list_head *head)
{
	while (!list_empty(list))
		list_move_tail(list->next, head);
}

/* The structure around a link, and the structures along a list. */
#define list_entry(link, type, member)	container_of(link, type, member)
#define list_first_entry(list, type, member) \
		list_entry((list)->next, type, member)

#define __list_after(p, member) \
		list_entry((p)->member.next, typeof(*(p)), member)

#define list_for_each_entry(p, list, member) \
	for ((p) = list_first_entry(list, typeof(*(p)), member); \
	     &(p)->member != (list); (p) = __list_after(p, member))

/* The same, when the body may take p off the list. */
#define list_for_each_entry_safe(p, ahead, list, member) \
	for ((p) = list_first_entry(list, typeof(*(p)), member), \
	     (ahead) = __list_after(p, member); \
	     &(p)->member != (list); \
	     (p) = (ahead), (ahead) = __list_after(ahead, member))

#endif /* _LINUX_LIST_H */
