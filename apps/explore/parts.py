"""What a fabric is made of, counted from how it is laid out: block RAMs, and what takes LUT4 and flip-flops.

Block RAMs are counted one memory at a time, in the shapes that an ECP5's has: with both ports free 16,384 words of a
bit to 1,024 of 18, with one of them writing only 512 of 36; a small memory becomes LUT memory instead. Logic and
registers are *amounts*: widths of adders, LUT memories, steps of generators. How many LUT4 and flip-flops an amount
takes is what the area model is fitted for.

    spatial   LUT4: host; sums, draws and multiplexers; LUT memories    flip-flops: host; generators and pipelines
    relay     LUT4: host; wires (both ends of edges); draw units        flip-flops: the same
    dense     LUT4: host; sites; the adder tree and the draw            flip-flops: host; sites; the tree's registers
    systolic  LUT4: host; elements' sums and draws; LUT memories        flip-flops: host; pipelines and rings

A factor is a memory in the lane of each of its sites, of 2^(arity - 1) words a slot, as a chunk of neighbours is one:
LUT memory, whose depth also takes time, and what the host has written of it a memory more.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from thermofab.hw.host.dense.format import row_format
from thermofab.hw.host.relay.plan import BIAS_WORDS, CLAMP_MASKS, COLOURS, EVENT_WORDS, plan_of
from thermofab.hw.host.spatial.plan import LanePlan, plan_lanes
from thermofab.hw.host.systolic.format import coefficient_format
from thermofab.hw.host.systolic.program import slot_program
from thermofab.hw.host.systolic.registers import element_words
from thermofab.hw.host.systolic.timing import layout_of
from thermofab.hw.spec import FabricSpec, generator
from thermofab.hw.spec.dense import DensePlan, dense_plan

TWO_PORTS = ((16384, 1), (8192, 2), (4096, 4), (2048, 9), (1024, 18))
READ_AND_WRITE = (*TWO_PORTS, (512, 36))
BLOCK_COST = 128  # of a block RAM as Yosys weighs it, where a LUT memory of 16 words of 4 bits costs 4


@dataclass(frozen=True)
class Parts:
    """Amounts that a fabric is built from.

    Attributes:
        logic, registers: of what takes LUT4 and flip-flops, the first of each 1 for what every fabric has.
        block_ram: counted.
        size: sites; elements of a systolic fabric.
        delays: of what takes time in a clock, the first 1.
    """

    logic: tuple[float, ...]
    registers: tuple[float, ...]
    block_ram: int
    size: int
    delays: tuple[float, ...]


def block_rams(depth: int, width: int, *, shapes: tuple[tuple[int, int], ...] = READ_AND_WRITE) -> int:
    """Block RAMs of a memory of ``depth`` words of ``width`` bits."""
    return min(-(-depth // words) * -(-width // bits) for words, bits in shapes)


def either_memory(depth: int, width: int, *, written: bool = True) -> tuple[int, float]:
    """Block RAMs of a memory that may be LUT memory, and LUT4 where it is: whichever costs less as Yosys weighs it, 4 a
    LUT memory and a half a choice between two of their bits, which what is never written does without.
    """
    deep = -(-depth // 16)
    blocks = block_rams(depth, width)
    if 4 * deep * -(-width // 4) + written * width * (deep - 1) / 2 < BLOCK_COST * blocks:
        return 0, lut_memory(depth, width)
    return blocks, 0


def lut_memory(depth: int, width: int) -> float:
    """LUT4 of a LUT memory: three pairs hold 16 words of 4 bits and their write port, two choose among four."""
    deep = -(-depth // 16)
    return width * (1.5 * deep + 2 * (deep - 1) / 3)


@lru_cache(maxsize=512)
def parts_of(spec: FabricSpec) -> Parts:
    """The parts of a fabric.

    Raises:
        SpecError, UnsupportedError: it cannot be laid out.
    """
    return {"spatial": _spatial, "relay": _relay, "dense": _dense, "systolic": _systolic}[spec.architecture](spec)


def _step_logic(spec: FabricSpec) -> int:
    """LUT4 of a generator's step, about: a window's new bits, or a LUT4 a bit of the state and an adder."""
    rng = generator(spec.rng)
    return spec.word_bits if rng.window else 32 * rng.state_words + 32


def _table_rams(spec: FabricSpec, readers: int) -> int:
    """Block RAMs of activation tables, one for two readers."""
    return -(-readers // 2) * block_rams(spec.levels * spec.table_size, spec.threshold_bits, shapes=TWO_PORTS)


def _draw_logic(spec: FabricSpec, field_bits: int) -> int:
    """Bits of a shift, a clip and a comparison."""
    shifts = (spec.dither_bits - spec.min_shift).bit_length()
    return shifts * field_bits + spec.table_bits + spec.threshold_bits


def _spatial(spec: FabricSpec) -> Parts:
    plan = plan_lanes(spec)
    rng = generator(spec.rng)
    logic, memories, rams, deepest = 0.0, 0.0, 0, 1
    for lane in plan.lanes:
        sizes = plan.chunk_sizes(lane)
        logic += (len(sizes) - 1 + (spec.dither_bits > 0)) * spec.field_bits + lane.multiplexer_inputs
        for number, size in enumerate(sizes):
            bits, words = plan.chunk_bits(number == 0, size), plan.slots * 2**size
            if plan.block:
                rams += block_rams(words, bits)
            else:
                memories += lut_memory(words, bits)
                deepest = max(deepest, -(-words // 16))
    lanes = len(plan.lanes)
    drawn = lanes * (_draw_logic(spec, spec.field_bits) + _step_logic(spec))
    # A lane's pipeline: a sum a stage, a table's address, and the random word where it waits.
    held = plan.adder_stages * spec.field_bits + spec.table_bits + spec.word_bits * (plan.fold > 1 or not rng.window)
    state = lanes * plan.slots * 32 * rng.state_words
    loader_rams, loader_logic = _loader(plan)
    return Parts(
        (1.0, logic + drawn, memories + loader_logic),
        (1.0, state + lanes * held),
        rams + _table_rams(spec, lanes) + loader_rams,
        spec.n_sites,
        (1.0, float(np.log2(spec.n_sites)), float(np.log2(deepest)), spec.threshold_bits - 12),
    )


def _loader(plan: LanePlan) -> tuple[int, float]:
    """Block RAMs and LUT4 of the memories of what the host has written, and of which of it makes a chunk's words."""
    spec, factors = plan.spec, len(plan.factor_rows)
    widths = [max(1, (spec.topology.n_edges - 1).bit_length())] * plan.code_bits
    widths.append(max(1, (spec.n_sites - 1).bit_length()))
    if factors:
        widths.append(max(1, (factors - 1).bit_length()))
    rams = block_rams(len(plan.lanes) * plan.chunks * plan.slots, sum(widths) + len(widths))
    arrays = (
        (factors << plan.code_bits, spec.weight_bits + 1),
        (spec.topology.n_edges, spec.weight_bits),
        (spec.n_sites, spec.bias_bits),
    )
    made = [either_memory(depth, width) for depth, width in arrays if depth]
    return rams + sum(blocks for blocks, _ in made), sum(lut4 for _, lut4 in made)


def _relay(spec: FabricSpec) -> Parts:
    plan = plan_of(spec)
    units, wires = len(plan.units), 2 * spec.topology.n_edges
    source = plan.source
    unit = spec.word_bits + spec.table_bits + spec.threshold_bits
    # A window is shifted past its taps; of others the whole state comes in, steps, and goes out.
    logic = unit + (0 if source.taps else _step_logic(spec))
    # A cell keeps its state, what it adds for, and the address of its masks.
    registers = unit + source.bits * (source.reach if source.taps else source.words + 1)
    rams = _table_rams(spec, units)
    for columns, depth in (
        (spec.n_sites, CLAMP_MASKS * EVENT_WORDS),
        (units, BIAS_WORDS),
        (units * source.bits, COLOURS * source.words),
    ):
        rams += sum(block_rams(depth, width) for width in plan.banks(columns))
    deep = 2 if plan.address_bits > 4 else 1  # masks of more than 16 words take two LUT memories and a choice
    return Parts(
        (1.0, wires * deep, units * logic),
        (1.0, wires + spec.n_sites * (3 + plan.address_bits), units * registers),
        rams,
        spec.n_sites,
        (1.0, float(np.log2(spec.n_sites)), spec.threshold_bits - 12),
    )


def _dense(spec: FabricSpec) -> Parts:
    plan: DensePlan = dense_plan(spec)
    n, form = spec.n_sites, row_format(plan)
    if plan.masked:
        lanes, rest = divmod(plan.width, form.lane_weights)
        widths = [form.lane_weights * spec.weight_bits] * lanes + [rest * spec.weight_bits] * (rest > 0)
        rams = sum(block_rams(form.count, width) for width in widths)
    else:
        pairs, single = divmod(plan.terms, 2)
        rams = pairs * block_rams(2 * form.words, plan.term_bits, shapes=TWO_PORTS)
        rams += single * block_rams(form.words, plan.term_bits)
    rng = generator(spec.rng)
    rams += block_rams(n, 32 * rng.state_words) + block_rams(n, plan.field_bits) + block_rams(2 * n, 1)
    rams += block_rams(spec.levels * spec.table_size, spec.threshold_bits) + block_rams(n, plan.site_bits + 1)
    rams += 1  # the host's constants
    adders, kept = _tree(plan)
    draw = _draw_logic(spec, plan.field_bits) + _step_logic(spec)
    # The word waits for the sum, and is compared after the table.
    kept += 32 * rng.state_words + spec.word_bits + (plan.sum_clocks + 3) * spec.threshold_bits + 2 * plan.field_bits
    return Parts(
        (1.0, n, adders + draw), (1.0, n, kept), rams, n,
        (1.0, float(np.log2(n)), spec.threshold_bits - 12),
    )  # fmt: skip


def _tree(plan: DensePlan) -> tuple[int, int]:
    """Bits of all adders of a dense fabric's tree, and of the registers at the end of each of its clocks."""
    widths = [plan.term_bits] * plan.terms + [plan.field_bits - 1]
    adders, kept = 0, plan.terms * plan.term_bits if plan.masked else 0
    for levels in plan.adder_stages:
        for _ in range(levels):
            pairs = [min(plan.field_bits - 1, max(a, b) + 1) for a, b in zip(widths[::2], widths[1::2])]
            adders += sum(pairs)
            widths = pairs + widths[2 * len(pairs) :]
        kept += sum(widths)
    return adders, kept


def _systolic(spec: FabricSpec) -> Parts:
    layout = layout_of(spec)
    rng = generator(spec.rng)
    elements, slots, inputs = layout.n_elements, layout.n_slots, layout.n_weights
    form, program = coefficient_format(spec, inputs), slot_program(layout)
    coefficients = either_memory(slots, form.lanes * form.lane_bits)
    states = either_memory(slots, 32 * rng.state_words)
    bits = either_memory(3 << (slots - 1).bit_length(), 32 * element_words(elements))
    turns = either_memory(slots, program.columns, written=False)
    # What of a lane holds no bit of an entry is no memory.
    used = form.bits / (form.lanes * form.lane_bits)
    memories = elements * (coefficients[1] * used + states[1]) + bits[1] + turns[1]
    taps = sum(len(view.distances) for view in layout.views)
    steps = sum(len(wire.steps) for wire in layout.inputs[0])
    adders = inputs * (spec.weight_bits + inputs.bit_length()) + spec.field_bits
    draw = _draw_logic(spec, spec.field_bits) + _step_logic(spec)
    pipeline = 32 * rng.state_words + form.bits + 4 * spec.threshold_bits + spec.word_bits + spec.field_bits
    return Parts(
        (1.0, elements * (adders + draw + taps + steps), memories),
        (1.0, elements * (adders + pipeline + slots)),
        elements * (coefficients[0] + states[0]) + _table_rams(spec, elements) + bits[0] + turns[0],
        elements,
        (1.0, float(np.log2(elements)), spec.threshold_bits - 12),
    )
