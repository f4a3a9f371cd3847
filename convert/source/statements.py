"""Statements, each recorded with its extent (expression statements have no node of their own)."""

from __future__ import annotations

from pycparser import c_ast
from pycparser.ast_transforms import fix_switch_cases

from convert.source.expressions import ExpressionParser
from convert.source.grammar import EXPRESSION_STARTS, Node, StatementRecord
from convert.source.nodes import Asm, ComputedGoto, LocalLabels, MacroBlock, MacroLoop, Range

_JUMPS = {"BREAK": c_ast.Break, "CONTINUE": c_ast.Continue}


class StatementParser(ExpressionParser):
    """Productions for statements."""

    def _parse_statement(self) -> Node:
        first = self._pos
        kind = self._types[first]
        method = _STATEMENTS.get(kind or "")
        if method is not None:
            node = getattr(self, method)()
        elif kind in ("ID", "TYPEID") and self._types[first + 1] == "COLON":
            node = self._label()
        elif kind == "ID" and self._types[first + 1] == "LPAREN":
            node = self._call_statement()
        else:
            node = self._parse_expression_statement()
        name = type(node).__name__ if method or isinstance(node, _STATEMENT_NODES) else "Expression"
        self.records.statements.append(StatementRecord(name, (first, self._pos), node))
        return node

    def _parse_pragmacomp_or_statement(self) -> Node:
        return self._parse_statement()

    def _bare_statement(self) -> Node:
        return self._parse_statement()

    def _parse_expression_statement(self) -> Node:
        first = self._pos
        if self._types[first] == "SEMI":
            self._pos = first + 1
            return c_ast.EmptyStatement((first, self._pos))
        if self._types[first] not in EXPRESSION_STARTS:
            self._refuse("expected a statement")
        node = self._parse_expression()
        if self._ends_with_parenthesis and self._types[self._pos] == "RPAREN":
            return node
        self._take("SEMI")
        return node

    def _call_statement(self) -> Node:
        """A statement that starts with `name(`: a macro may need a statement after it."""
        first = self._pos
        name = self._values[first]
        if name in self._words.loop_macros:
            self._pos = first + 1
            call = self._call(c_ast.ID(name, (first, first + 1)), first)
            statement = self._parse_statement()
            return MacroLoop(call, statement, (first, self._pos))
        if name in self._words.block_openers:
            return self._macro_block(first)
        return self._parse_expression_statement()

    def _macro_block(self, first: int) -> Node:
        """`do_each_x(…) { … } while_each_x(…);`"""
        self._pos = first + 1
        opener = self._call(c_ast.ID(self._values[first], (first, first + 1)), first)
        self._accept("SEMI")
        items: list[Node] = []
        while self._values[self._pos] not in self._words.block_closers:
            if self._types[self._pos] in (None, "RBRACE"):
                self._refuse(f"no closing macro for {self._values[first]}")
            items += self._block_item()
        at = self._pos
        closer = self._parse_expression_statement()
        if not isinstance(closer, c_ast.FuncCall):
            self._refuse("expected a call of a closing macro", at)
        return MacroBlock(opener, items, closer, (first, self._pos))

    # Blocks.

    def _parse_compound_statement(self, *, new_scope: bool = True) -> Node:
        first = self._pos
        self._take("LBRACE")
        items: list[Node] = []
        while self._types[self._pos] not in ("RBRACE", None):
            items += self._block_item()
        self._take("RBRACE")
        return c_ast.Compound(items or None, (first, self._pos))

    def _block_item(self) -> list[Node]:
        kind = self._types[self._pos]
        if self._starts_block_declaration(kind):
            return list(self._block_declaration())
        if kind == "LOCAL_LABEL":
            return [self._local_labels()]
        return [self._parse_statement()]

    def _starts_block_declaration(self, kind: str | None) -> bool:
        raise NotImplementedError

    def _block_declaration(self) -> list[Node]:
        raise NotImplementedError

    def _local_labels(self) -> Node:
        first = self._pos
        self._pos += 1
        names = [self._expect("ID").value]
        while self._accept("COMMA"):
            names.append(self._expect("ID").value)
        self._take("SEMI")
        node = LocalLabels(names, (first, self._pos))
        self.records.statements.append(StatementRecord("Decl", (first, self._pos), node))
        return node

    # Labels.

    def _labelled(self) -> Node:
        """What a label stands before; C allows no declaration there, compilers do."""
        if self._starts_block_declaration(self._types[self._pos]):
            declarations = self._block_declaration()
            return c_ast.DeclList(declarations, declarations[0].coord)
        return self._parse_statement()

    def _label(self) -> Node:
        first = self._pos
        self._pos = first + 2
        statement = self._labelled()
        return c_ast.Label(self._values[first], statement, coord=(first, self._pos))

    def _case(self) -> Node:
        first = self._pos
        self._pos = first + 1
        value = self._parse_conditional_expression()
        if self._types[self._pos] == "ELLIPSIS":
            self._pos += 1
            end = self._parse_conditional_expression()
            value = Range(value, end, (first + 1, self._pos))
        self._take("COLON")
        statement = self._labelled()
        return c_ast.Case(value, [statement], coord=(first, self._pos))

    def _default(self) -> Node:
        first = self._pos
        self._pos = first + 1
        self._take("COLON")
        statement = self._labelled()
        return c_ast.Default([statement], coord=(first, self._pos))

    # Selections and loops.

    def _condition(self) -> Node:
        self._take("LPAREN")
        node = self._parse_expression()
        self._take("RPAREN")
        return node

    def _if(self) -> Node:
        first = self._pos
        self._pos = first + 1
        condition = self._condition()
        then = self._parse_statement()
        other = None
        if self._types[self._pos] == "ELSE":
            self._pos += 1
            other = self._parse_statement()
        return c_ast.If(condition, then, other, (first, self._pos))

    def _switch(self) -> Node:
        first = self._pos
        self._pos = first + 1
        condition = self._condition()
        body = self._parse_statement()
        node = c_ast.Switch(condition, body, (first, self._pos))
        if isinstance(body, c_ast.Compound):
            # pycparser's tree hangs the statements after a case into it. The block keeps its node,
            # which is recorded as a statement.
            body.block_items = fix_switch_cases(node).stmt.block_items
            node.stmt = body
            for item in body.block_items:
                if isinstance(item, (c_ast.Case, c_ast.Default)) and item.stmts:
                    item.coord = (item.coord[0], max(item.coord[1], item.stmts[-1].coord[1]))
        return node

    def _while(self) -> Node:
        first = self._pos
        self._pos = first + 1
        condition = self._condition()
        body = self._parse_statement()
        return c_ast.While(condition, body, (first, self._pos))

    def _do(self) -> Node:
        first = self._pos
        self._pos = first + 1
        body = self._parse_statement()
        if self._types[self._pos] == "ID" and self._values[self._pos] in self._words.loop_macros:
            at = self._pos
            self._pos = at + 1
            condition = self._call(c_ast.ID(self._values[at], (at, at + 1)), at)
        else:
            self._take("WHILE")
            condition = self._condition()
        self._take("SEMI")
        return c_ast.DoWhile(condition, body, (first, self._pos))

    def _for(self) -> Node:
        first = self._pos
        self._pos = first + 1
        self._take("LPAREN")
        start = self._pos
        if self._starts_declaration():
            declarations = self._for_declaration()
            init = c_ast.DeclList(declarations, (start, self._pos - 1))
        else:
            init = self._optional_expression()
            self._take("SEMI")
        condition = self._optional_expression()
        self._take("SEMI")
        step = self._optional_expression()
        self._take("RPAREN")
        body = self._parse_statement()
        return c_ast.For(init, condition, step, body, (first, self._pos))

    def _for_declaration(self) -> list[Node]:
        raise NotImplementedError

    def _optional_expression(self) -> Node | None:
        return self._parse_expression() if self._types[self._pos] in EXPRESSION_STARTS else None

    # Jumps.

    def _goto(self) -> Node:
        first = self._pos
        self._pos = first + 1
        if self._types[self._pos] == "TIMES":  # GNU: computed goto
            target = self._parse_unary_expression()
            self._take("SEMI")
            return ComputedGoto([target], (first, self._pos))
        name = self._parse_identifier_or_typeid().name
        self._take("SEMI")
        return c_ast.Goto(name, (first, self._pos))

    def _jump(self) -> Node:
        first = self._pos
        self._pos = first + 1
        self._take("SEMI")
        return _JUMPS[self._types[first] or ""]((first, self._pos))

    def _return(self) -> Node:
        first = self._pos
        self._pos = first + 1
        value = self._optional_expression()
        self._take("SEMI")
        return c_ast.Return(value, (first, self._pos))

    # Assembler.

    def _asm(self) -> Node:
        first = self._pos
        node = self._asm_expression(first)
        self._take("SEMI")
        node.coord = (first, self._pos)
        return node

    def _asm_expression(self, first: int) -> Node:
        """`asm volatile goto ("…" : [name] "=r" (x) : … : "memory" : label)`"""
        self._pos = first + 1
        while self._types[self._pos] in ("VOLATILE", "GOTO", "INLINE"):
            self._pos += 1
        self._take("LPAREN")
        parts = [self._parse_assignment_expression()]
        while self._types[self._pos] == "COLON":
            self._pos += 1
            while self._types[self._pos] not in ("COLON", "RPAREN"):
                parts += self._asm_operand()
                if self._accept("COMMA") is None and self._types[self._pos] not in (
                    "COLON",
                    "RPAREN",
                ):
                    self._refuse("expected ',' between assembler operands")
        self._take("RPAREN")
        return Asm(parts, (first, self._pos))

    def _asm_operand(self) -> list[Node]:
        if self._accept("LBRACKET"):
            self._parse_identifier_or_typeid()
            self._take("RBRACKET")
        if self._types[self._pos] != "STRING_LITERAL":
            return [self._parse_assignment_expression()]  # a clobber macro, a label
        constraint = []
        while self._types[self._pos] in ("STRING_LITERAL", "ID"):
            constraint.append(self._values[self._pos])
            self._pos += 1
        if self._types[self._pos] != "LPAREN":
            return []
        self._pos += 1
        operand = self._parse_expression()
        self._take("RPAREN")
        return [operand]


_STATEMENTS = {
    "LBRACE": "_parse_compound_statement", "IF": "_if", "SWITCH": "_switch", "WHILE": "_while",
    "DO": "_do", "FOR": "_for", "GOTO": "_goto", "BREAK": "_jump", "CONTINUE": "_jump",
    "RETURN": "_return", "CASE": "_case", "DEFAULT": "_default", "ASM": "_asm",
}  # fmt: skip

_STATEMENT_NODES = (c_ast.EmptyStatement, c_ast.Label, MacroLoop, MacroBlock)
