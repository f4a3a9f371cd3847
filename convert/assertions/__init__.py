"""A debug patch that counts, in a running kernel, whether the scope was open at each site."""
