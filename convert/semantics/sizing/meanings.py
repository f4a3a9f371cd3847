"""What the kernel's helpers for sizes mean, in plain C."""

from __future__ import annotations

# Macros and functions of include/linux/overflow.h, stddef.h, kernel.h and compiler.h in terms of
# plain C, with their number of arguments. Their own bodies use what interval arithmetic loses
# (saturation, statement expressions).
MEANINGS = {
    "struct_size": (3, "sizeof(*({0})) + sizeof(*({0})->{1}) * (unsigned long)({2})"),
    "struct_size_t": (3, "sizeof({0}) + sizeof(*(({0} *)0)->{1}) * (unsigned long)({2})"),
    "flex_array_size": (3, "sizeof(*({0})->{1}) * (unsigned long)({2})"),
    "array_size": (2, "(unsigned long)({0}) * (unsigned long)({1})"),
    "size_mul": (2, "(unsigned long)({0}) * (unsigned long)({1})"),
    "size_add": (2, "(unsigned long)({0}) + (unsigned long)({1})"),
    "array3_size": (3, "(unsigned long)({0}) * (unsigned long)({1}) * (unsigned long)({2})"),
    "sizeof_field": (2, "sizeof((({0} *)0)->{1})"),
    "FIELD_SIZEOF": (2, "sizeof((({0} *)0)->{1})"),
    "offsetofend": (2, "offsetof({0}, {1}) + sizeof((({0} *)0)->{1})"),
    "ARRAY_SIZE": (1, "sizeof({0}) / sizeof(({0})[0])"),
    "likely": (1, "({0})"),
    "unlikely": (1, "({0})"),
    "READ_ONCE": (1, "({0})"),
    "min_t": (3, "min(({0})({1}), ({0})({2}))"),
    "max_t": (3, "max(({0})({1}), ({0})({2}))"),
    "min3": (3, "min(min({0}, {1}), {2})"),
    "max3": (3, "max(max({0}, {1}), {2})"),
}
