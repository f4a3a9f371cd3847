"""Where the memory of a free can come from: flows of pointers, evidence, completeness."""
