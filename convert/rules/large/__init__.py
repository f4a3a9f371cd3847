"""Never-fail allocations that may be large: kvmalloc(), and kvfree() for their frees."""
