"""The forms of an exported program: lines of hexadecimal words, arrays of a C header, one JSON object."""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from thermofab.apps.verilog.export import ExportedProgram
from thermofab.apps.verilog.recording import RegisterNames
from thermofab.hw.spec import SpecError

FORM = 1  # of the JSON object


def to_json(exported: ExportedProgram, name: str) -> str:
    """Everything, as one JSON object; ``docs/handoff.md`` says what is in it."""
    spec, image = exported.program.fabric, exported.program.image
    data: dict[str, Any] = {
        "form": FORM,
        "name": name,
        "program": exported.program.digest,
        "fabric": {
            "topology": spec.topology.name,
            "architecture": spec.architecture,
            "sites": spec.n_sites,
            "digest": spec.digest,
        },
        "contract": exported.program.contract,
        "schedule": exported.schedule.to_json(),
        "seed": exported.seed,
        "replica": exported.replica,
        "clamp": dict(exported.clamp),
        "edges": spec.topology.edges.tolist(),
        "weights": image.weights.tolist(),
        "biases": image.biases.tolist(),
        "factors": image.factors.tolist(),
        "registers": {
            register.name: {"address": register.base, "count": register.count}
            for register in exported.registers.registers
        },
        "identity": [list(pair) for pair in exported.identity],
        "steps": [
            {"writes": np.stack([step.addresses, step.data], axis=1).tolist(), "words": step.words}
            for step in exported.steps
        ],
        "samples": exported.schedule.n_samples,
        "sample_words": exported.sample_words,
        "mask": exported.mask.tolist(),
        "words": exported.schedule.n_samples * exported.sample_words,
        "nodes": [
            {"name": node.name, "bits": [[bit // 32, bit % 32] for bit in node.bits], "states": list(node.states)}
            for node in exported.nodes
        ],
        "checks": [[[bit // 32, bit % 32] for bit in pair] for pair in exported.checks],
    }
    if exported.expected is not None:
        data["expected"] = exported.expected.tolist()
    return json.dumps(data) + "\n"


def to_hex(exported: ExportedProgram, name: str) -> str:
    """Lines ``address data // register``: words in hexadecimal, all else a remark."""
    names = RegisterNames(exported.registers)
    lines = [*(f"// {line}" for line in _facts(exported, name))]
    for number, step in enumerate(exported.steps):
        lines.append(f"// step {number}: write these{_then(step.words)}, then wait until STATUS is not busy")
        lines += [f"{a:04x} {d:08x} // {names[a]}" for a, d in zip(step.addresses.tolist(), step.data.tolist())]
    lines.append(f"// mask, the bits that show a site: {' '.join(f'{word:08x}' for word in exported.mask.tolist())}")
    for node in exported.nodes:
        places = ", ".join(f"word {bit // 32} bit {bit % 32}" for bit in node.bits)
        said = "" if node.states == (0, 1) else f"states {' '.join(map(str, node.states))}"
        lines.append(f"// node {_one_line(node.name)}: {'; '.join(part for part in (places, said) if part)}")
    for edge, ((i, j), weight) in enumerate(
        zip(exported.program.fabric.topology.edges, exported.program.image.weights)
    ):
        lines.append(f"// edge {edge}: sites {i} {j}, weight {weight}")
    if exported.expected is not None:
        lines.append("// the words to expect under the mask, one sample per line")
        lines += ["// expect " + " ".join(f"{word:08x}" for word in sample) for sample in exported.expected.tolist()]
    return "\n".join([*lines, ""])


def to_c(exported: ExportedProgram, name: str) -> str:
    """A header of ``static const`` arrays around a ``struct thermofab_program``, which the driver takes."""
    guard, spec = f"{name.upper()}_PROGRAM_H", exported.program.fabric
    at = {key: exported.registers[key].at() for key in ("CONTROL", "STATUS", "ERRORS", "CYCLES")}
    lines = [
        *(f"/* {line.replace('*/', '* /')} */" for line in _facts(exported, name)),
        f"#ifndef {guard}",
        f"#define {guard}",
        "",
        '#include "thermofab.h"',
        "",
        f"#define {name.upper()}_SAMPLES {exported.schedule.n_samples}u",
        f"#define {name.upper()}_SAMPLE_WORDS {exported.sample_words}u",
        f"#define {name.upper()}_WORDS {exported.schedule.n_samples * exported.sample_words}u",
        "",
        *_array("struct thermofab_pair", f"{name}_identity", (_pair(pair) for pair in exported.identity)),
    ]
    for number, step in enumerate(exported.steps):
        writes = zip(step.addresses.tolist(), step.data.tolist())
        lines += _array("struct thermofab_pair", f"{name}_writes_{number}", (_pair(pair) for pair in writes))
    lines += ["/* The bits of a sample that show a site. */"]
    lines += _array("uint32_t", f"{name}_mask", (f"0x{word:08x}u" for word in exported.mask.tolist()))
    steps = (f"{{{name}_writes_{k}, {len(step.data)}u, {step.words}u}}" for k, step in enumerate(exported.steps))
    lines += _array("struct thermofab_step", f"{name}_steps", steps)
    bits = [bit for node in exported.nodes for bit in node.bits]
    first_bits = np.cumsum([0, *(len(node.bits) for node in exported.nodes)]).tolist()
    tables = list(dict.fromkeys(node.states for node in exported.nodes))
    lines += _array("uint32_t", f"{name}_bits", (f"{bit}u" for bit in bits or [0]))
    for number, table in enumerate(tables):
        lines += _array("uint16_t", f"{name}_states_{number}", (f"{state}u" for state in table))
    lines += ["/* Nodes of the program, in its order. */"]
    nodes = (
        f"{{{_c_text(node.name)}, {name}_bits + {first}, {len(node.bits)}u, {name}_states_{tables.index(node.states)}}}"
        for node, first in zip(exported.nodes, first_bits)
    )
    lines += _array("struct thermofab_node", f"{name}_nodes", nodes)
    checks = [f"{{{a}u, {b}u}}" for a, b in exported.checks]
    if checks:
        lines += _array("struct thermofab_pair_of_bits", f"{name}_checks", checks)
    if spec.topology.n_edges:
        lines += ["/* Ends of every edge, in the order of the fabric's edges. */"]
        lines += _array(
            "uint32_t", f"{name}_edges", (f"{{{i}u, {j}u}}" for i, j in spec.topology.edges.tolist()), "[2]"
        )
    if exported.expected is not None:
        lines += ["/* The words to expect under the mask. */"]
        lines += _array("uint32_t", f"{name}_expected", (f"0x{word:08x}u" for word in exported.expected.reshape(-1)))
    lines += [
        f"static const struct thermofab_program {name} = {{",
        *(f"    0x{at[key]:x}u, /* {key} */" for key in at),
        f"    {name}_identity, {len(exported.identity)}u,",
        f"    {name}_steps, {len(exported.steps)}u,",
        f"    {exported.schedule.n_samples}u, {exported.sample_words}u, {name}_mask,",
        f"    {name}_nodes, {len(exported.nodes)}u,",
        f"    {f'{name}_checks' if checks else '0'}, {len(checks)}u",
        "};",
        "",
        "#endif",
        "",
    ]
    return "\n".join(lines)


FORMATS: dict[str, Callable[[ExportedProgram, str], str]] = {"hex": to_hex, "c": to_c, "json": to_json}


def written(exported: ExportedProgram, form: str, name: str) -> str:
    """The text of an exported program.

    Args:
        exported: the program.
        form: ``"hex"``, ``"c"`` or ``"json"``.
        name: of the program; in C the prefix of all names.

    Raises:
        SpecError: another form, or a name that is none in C.
    """
    if form not in FORMATS:
        raise SpecError(f"a program is exported as {', '.join(FORMATS)}; got '{form}'.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]*", name):
        raise SpecError(f"a program's name has letters, digits and underscores, a letter first; got '{name}'.")
    return FORMATS[form](exported, name)


def _facts(exported: ExportedProgram, name: str) -> list[str]:
    spec, schedule = exported.program.fabric, exported.schedule
    clamped = ", ".join(f"{_one_line(node)} to {state}" for node, state in exported.clamp)
    phases = ", ".join(f"{sweeps} sweeps at level {level}" for sweeps, level in schedule.phases) or "nothing"
    return [
        f"{name}: program {exported.program.digest}",
        f"for the {spec.architecture} fabric {_one_line(spec.topology.name)} with digest {spec.digest}",
        f"seed {exported.seed}, chain {exported.replica}, clamped: {clamped or 'nothing more than the program has'}",
        f"first {phases}; then {schedule.n_samples} samples, {schedule.steps_per_sample} sweeps apart, at level "
        f"{schedule.level}",
        f"{exported.sample_words} words per sample, {schedule.n_samples * exported.sample_words} in all; "
        "addresses count 32-bit words",
    ]


def _then(words: int) -> str:
    return f", then take {words} words of the stream" if words else ""


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _pair(pair: tuple[int, int]) -> str:
    return f"{{0x{pair[0]:04x}u, 0x{pair[1]:08x}u}}"


def _array(kind: str, name: str, entries: Iterable[str], more: str = "") -> Iterator[str]:
    """A ``static const`` array, a few entries a line."""
    given = list(entries)
    yield f"static const {kind} {name}[]{more} = {{"
    for first in range(0, len(given), 4):
        yield "    " + ", ".join(given[first : first + 4]) + ","
    yield "};"


def _c_text(text: str) -> str:
    """A string of C: what is not plain ASCII as octal bytes, and no trigraphs."""
    plain = (chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else f"\\{b:03o}" for b in text.encode())
    return '"' + "".join(plain) + '"'
