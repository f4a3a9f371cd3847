"""Simplifications that a user can ask for on top of a conversion, each a step of its own.

They work on the text that the recipe's steps leave (or on the tree as it is, where no wrapper
family is left), one stage of the plan each. docs/simplify.md says what each rule does and refuses.
"""
