"""The main job on a real kernel, run as a user would and checked from outside (`make real`)."""
