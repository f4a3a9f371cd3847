"""Layouts of made-up structs beside the compiler's."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
from collections.abc import Sequence
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from convert.semantics.sizes import Bounded, Constant
from tests.semantics.sizing_tree import sizes_of

pytestmark = pytest.mark.skipif(
    shutil.which("gcc") is None or platform.machine() != "x86_64", reason="needs gcc for x86-64"
)

HEAD = "typedef unsigned short word_t;\nenum colour { RED, BLUE };\n#define FOUR (1 << 2)\n"
TYPES = [
    "char", "short", "int", "long", "long long", "unsigned char", "word_t", "unsigned", "void *",
    "enum colour", "double", "_Bool", "__int128",
]  # fmt: skip
INTEGERS = [("char", 8), ("short", 16), ("int", 32), ("unsigned", 32), ("long", 64), ("word_t", 16)]
OPTIONS = ("CONFIG_A", "CONFIG_B", "CONFIG_C")


def compiled(text: str, values: Sequence[str]) -> list[int]:
    """What gcc makes of constant expressions behind a text."""
    lines = [f"unsigned long kc_{number} = {value};" for number, value in enumerate(values)]
    done = subprocess.run(
        ["gcc", "-x", "c", "-fms-extensions", "-w", "-S", "-o", "-", "-"],
        input="\n".join([text, *lines, ""]), capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    found = dict(re.findall(r"kc_(\d+):\s+\.(?:quad|zero)\s+(\d+)", done.stdout))
    zero = set(re.findall(r"kc_(\d+):\s+\.zero", done.stdout))
    return [0 if str(n) in zero else int(found[str(n)]) for n in range(len(values))]


@st.composite
def members(draw: st.DrawFn, depth: int = 0) -> str:
    """The text of one member; ``@`` stands for a number that makes its name its own."""
    kind = draw(st.integers(0, 10 if depth < 2 else 7))
    name = "m@"
    if kind <= 1:
        base = draw(st.sampled_from(TYPES))
        return f"{base} {name};"
    if kind == 2:
        size = draw(st.sampled_from(["1", "3", "FOUR", "FOUR + 1", "sizeof(long)", "0"]))
        return f"{draw(st.sampled_from(TYPES))} {name}[{size}];"
    if kind <= 5:
        base, width = draw(st.sampled_from(INTEGERS))
        bits = draw(st.integers(0, width))
        if bits == 0 or draw(st.booleans()):
            return f"{base} :{bits};"
        end = draw(st.sampled_from(["", "", " __attribute__((packed))"]))
        return f"{base} {name}:{bits}{end};"
    if kind == 6:
        align = draw(st.sampled_from(["2", "8", "16", "64", "FOUR"]))
        return f"{draw(st.sampled_from(TYPES))} {name} __attribute__((aligned({align})));"
    if kind == 7:
        return f"{draw(st.sampled_from(TYPES))} {name} __attribute__((packed));"
    inner = " ".join(draw(st.lists(members(depth + 1), min_size=1, max_size=4)))
    word = draw(st.sampled_from(["struct", "union"]))
    end = draw(st.sampled_from(["", "__attribute__((packed))", "__attribute__((aligned(16)))"]))
    return f"{word} {{ {inner} }} {end} {draw(st.sampled_from(['', name]))};"


def numbered(text: str) -> str:
    """Names of their own for the members."""
    parts = text.split("@")
    return "".join(f"{part}{number}" for number, part in enumerate(parts[:-1])) + parts[-1]


@st.composite
def structs(draw: st.DrawFn) -> list[str]:
    """Struct definitions ``struct s0 …``, later ones with members of earlier ones."""
    made: list[str] = []
    for number in range(draw(st.integers(1, 4))):
        body = draw(st.lists(members(), min_size=0, max_size=7))
        if bool(made) and draw(st.booleans()):
            body.insert(draw(st.integers(0, len(body))), f"struct s{number - 1} m@[2];")
        end = draw(
            st.sampled_from(["", "", "__attribute__((packed))", "__attribute__((aligned(32)))"])
        )
        made.append(numbered(f"struct s{number} {{\n" + "\n".join(body) + f"\n}} {end};"))
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(structs())
def test_sizes_and_offsets_are_the_compilers(made: list[str]) -> None:
    header = HEAD + "\n".join(made) + "\n"
    names = re.findall(
        r"^(?!.*:)[^{}]*\b(m\d+)(?:\[[^]]*\])?(?: __attribute__.*)?;$", made[-1], re.M
    )
    last = len(made) - 1
    asked = [f"sizeof(struct s{number})" for number in range(len(made))]
    asked += [f"offsetof(struct s{last}, {name})" for name in names]
    theirs = compiled(header, [text.replace("offsetof", "__builtin_offsetof") for text in asked])
    assert sizes_of(asked, header) == [Constant(value) for value in theirs]


@st.composite
def conditional(draw: st.DrawFn, depth: int = 0) -> str:
    """Members of which some stand under ``#ifdef``."""
    lines: list[str] = []
    for _ in range(draw(st.integers(0, 4))):
        if depth < 2 and draw(st.booleans()):
            option = draw(st.sampled_from(OPTIONS))
            lines += [f"#ifdef {option}", draw(conditional(depth + 1))]
            if draw(st.booleans()):
                lines += ["#else", draw(conditional(depth + 1))]
            lines.append("#endif")
        else:
            lines.append(draw(members(1)))
    return "\n".join(lines)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(conditional(), st.sampled_from(["", "__attribute__((packed))"]))
def test_bounds_hold_in_every_configuration(body: str, end: str) -> None:
    definition = numbered(f"struct s {{\n{body}\n}} {end};\n")
    (found,) = sizes_of(["sizeof(struct s)"], HEAD + definition)
    text, values = HEAD, []
    for number, chosen in enumerate(product((False, True), repeat=len(OPTIONS))):
        defines = [
            f"#define {name}" if truth else f"#undef {name}"
            for name, truth in zip(OPTIONS, chosen, strict=True)
        ]
        text += "\n".join(defines) + "\n" + definition.replace("struct s {", f"struct s{number} {{")
        values.append(f"sizeof(struct s{number})")
    sizes = compiled(text, values)
    match found:
        case Constant(size):
            assert set(sizes) == {size}
        case Bounded(high, _, low):
            assert low <= min(sizes) <= max(sizes) <= high
        case _:
            raise AssertionError(found)
