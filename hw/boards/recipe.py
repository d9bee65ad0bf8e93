"""How a fabric is best mapped and placed: the options that suit its architecture."""

from dataclasses import dataclass

from thermofab.hw.boards.floorplan import block_ram_places
from thermofab.hw.boards.part import Part
from thermofab.hw.boards.synthesis import Floorplan, SynthesisOptions
from thermofab.hw.spec import FabricSpec

# No word of a systolic or dense fabric's memories is ever read in the clock that writes it: the host writes between
# runs, and a generator's, counter's or queue's word is written clocks away from its reading. Told so, Yosys builds no
# logic for that clock, and lets two elements share a table memory, and two chunks of a row a block RAM.
NO_COLLISIONS = "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2"

# The same of a spatial fabric's tables, which are written between runs and read in runs.
NO_TABLE_COLLISIONS = "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:MEMID=*tables_* %i"

# The same of a relay fabric's memories, but for those of masks, which are read without a clock.
NO_BANK_COLLISIONS = "setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:CLK_ENABLE=1 %i"


@dataclass(frozen=True)
class Recipe:
    """Arguments of :func:`thermofab.hw.boards.synthesis.place_and_route`."""

    options: SynthesisOptions = SynthesisOptions()
    place_options: tuple[str, ...] = ()
    floorplan: Floorplan | None = None


def recipe_of(spec: FabricSpec, part: Part) -> Recipe:
    """The recipe for a fabric on a part.

    Elements of a systolic fabric are equal modules: each kind is mapped once, and registers that are equal in all of
    them stay apart.
    """
    if spec.architecture == "relay":
        # Adders are mapped each by itself, and functions of five inputs and more, which take twice the LUTs for each
        # input, are left out.
        return Recipe(
            SynthesisOptions(
                flatten=False, before=(NO_BANK_COLLISIONS,), extra=("-nowidelut", "-no-rw-check"),
                after=("flatten", "opt_clean"),
            )
        )  # fmt: skip
    if spec.architecture == "dense":
        return Recipe(SynthesisOptions(before=(NO_COLLISIONS,), extra=("-no-rw-check",)))
    if spec.architecture != "systolic":
        return Recipe(SynthesisOptions(before=(NO_TABLE_COLLISIONS,)))
    if part.family == "gowin":  # synth_gowin would put pads on the ports of modules that are kept
        return Recipe(SynthesisOptions(before=(NO_COLLISIONS,), extra=("-no-rw-check",)))
    abc9 = () if "-abc9" in part.synthesis else ("-abc9",)
    options = SynthesisOptions(
        flatten=False, before=(NO_COLLISIONS,), extra=(*abc9, "-no-rw-check"), after=("flatten", "opt_clean")
    )
    if part.family != "ecp5":
        return Recipe(options)
    return Recipe(options, ("--router", "router2", "--tmg-ripup"), lambda cells: block_ram_places(spec, part, cells))
