"""A small interpreter for wrapper bodies: every path, every outcome, or a plain "cannot run".

`lower` turns a function's AST into code for a stack machine; `machine` runs it, forking where a
condition is unknown; `explore` walks all states and collects the outcomes.
"""
