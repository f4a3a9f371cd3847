// What somebody who knows Coccinelle well would write: flags in any order, flags in variables and
// parameters together with their types. Written for comparison with kmem-convert. It still cannot
// delete the wrappers' own files, move what their header provided, or say what it did not do.

// ---- flag words inside allocation calls -----------------------------------------------------

@literal@
identifier alloc = {kmem_alloc, kmem_zalloc};
expression size;
@@
alloc(size,
(
- 0
+ GFP_KERNEL | __GFP_NOFAIL
|
- KM_NOFS | KM_MAYFAIL | KM_ZERO
+ GFP_NOFS | __GFP_RETRY_MAYFAIL | __GFP_ZERO
|
- KM_NOFS | KM_MAYFAIL
+ GFP_NOFS | __GFP_RETRY_MAYFAIL
|
- KM_NOFS | KM_ZERO
+ GFP_NOFS | __GFP_NOFAIL | __GFP_ZERO
|
- KM_MAYFAIL | KM_ZERO
+ GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_ZERO
|
- KM_NOFS
+ GFP_NOFS | __GFP_NOFAIL
|
- KM_MAYFAIL
+ GFP_KERNEL | __GFP_RETRY_MAYFAIL
|
- KM_ZERO
+ GFP_KERNEL | __GFP_NOFAIL | __GFP_ZERO
)
 )

// ---- flags kept in a local variable or a parameter ------------------------------------------

@carried@
identifier alloc = {kmem_alloc, kmem_zalloc};
identifier flags;
expression size;
@@
alloc(size, flags)

@variable depends on carried@
identifier carried.flags;
@@
(
- xfs_km_flags_t flags = 0;
+ gfp_t flags = GFP_KERNEL | __GFP_NOFAIL;
|
- xfs_km_flags_t flags = KM_NOFS;
+ gfp_t flags = GFP_NOFS | __GFP_NOFAIL;
|
- xfs_km_flags_t flags = KM_MAYFAIL;
+ gfp_t flags = GFP_KERNEL | __GFP_RETRY_MAYFAIL;
|
- xfs_km_flags_t flags;
+ gfp_t flags;
)

@parameter@
identifier f, flags;
@@
f(...,
- xfs_km_flags_t flags
+ gfp_t flags
 ,...) { ... }

@assigned depends on carried@
identifier carried.flags;
@@
(
- flags = 0
+ flags = GFP_KERNEL | __GFP_NOFAIL
|
- flags = KM_NOFS
+ flags = GFP_NOFS | __GFP_NOFAIL
|
- flags |= KM_ZERO
+ flags |= __GFP_ZERO
|
- flags |= KM_NOFS
+ flags &= ~__GFP_FS
)

// ---- the calls themselves: only their names are left ----------------------------------------

@zeroing@
expression size, flags;
@@
- kmem_zalloc
+ kzalloc
  (size, flags)

@plain@
expression size, flags;
@@
- kmem_alloc
+ kmalloc
  (size, flags)

@release@
expression memory;
@@
- kmem_free
+ kvfree
  (memory)
