"""What the fabric is, and how it is built in hardware."""

if not __name__.startswith("thermofab."):
    raise ImportError("import this package as thermofab.hw, not as hw")


def emit_verilog(fabric, *, name: str = "thermofab", image=None, sources: bool = True) -> str:
    """Verilog source of ``fabric`` (a ``FabricSpec``), its top module called ``name``.

    With an ``image`` (an ``Image``), its weights and biases are fixed in the text; by default they are loaded.
    ``sources`` puts attributes ``src`` into the text that say from which line of Python modules and registers are.

    Raises:
        SpecError: the name is none of a module.
    """
    from thermofab.hw.rtl.emit import emit_verilog as emit

    return emit(fabric, name=name, image=image, sources=sources)
