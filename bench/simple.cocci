// The plain way with Coccinelle: each wrapper call with literal flags becomes one plain call.
// Written for comparison with kmem-convert; it knows nothing of flags that are kept in variables.

@@ expression size; @@
- kmem_zalloc(size, 0)
+ kzalloc(size, GFP_KERNEL | __GFP_NOFAIL)

@@ expression size; @@
- kmem_zalloc(size, KM_NOFS)
+ kzalloc(size, GFP_NOFS | __GFP_NOFAIL)

@@ expression size; @@
- kmem_zalloc(size, KM_MAYFAIL)
+ kzalloc(size, GFP_KERNEL | __GFP_RETRY_MAYFAIL)

@@ expression size; @@
- kmem_zalloc(size, KM_NOFS | KM_MAYFAIL)
+ kzalloc(size, GFP_NOFS | __GFP_RETRY_MAYFAIL)

@@ expression size; @@
- kmem_alloc(size, 0)
+ kmalloc(size, GFP_KERNEL | __GFP_NOFAIL)

@@ expression size; @@
- kmem_alloc(size, KM_NOFS)
+ kmalloc(size, GFP_NOFS | __GFP_NOFAIL)

@@ expression size; @@
- kmem_alloc(size, KM_MAYFAIL)
+ kmalloc(size, GFP_KERNEL | __GFP_RETRY_MAYFAIL)

@@ expression memory; @@
- kmem_free(memory)
+ kvfree(memory)
