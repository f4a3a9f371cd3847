"""Bytes, tokens, the kernel dialect of C, `#if` variants, exact spans, edits."""
