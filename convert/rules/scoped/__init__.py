"""Masks that a scope makes idle: recognised, converted where proven, refused elsewhere."""
