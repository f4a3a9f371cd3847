/* SPDX-License-Identifier: MIT */
#ifndef _LINUX_KCONFIG_H
#define _LINUX_KCONFIG_H

/*
 * IS_ENABLED(CONFIG_X) is 1 if CONFIG_X is defined as 1, otherwise 0: only the
 * value 1 makes a name below that adds an argument before the 1.
 */
#define __OPTION_VALUE_1		~,
#define __option_second(a, b, ...)	b
#define __option_pick(shift)		__option_second(shift 1, 0)
#define __option_paste(value)		__option_pick(__OPTION_VALUE_##value)
#define IS_ENABLED(option)		__option_paste(option)

#endif /* _LINUX_KCONFIG_H */
