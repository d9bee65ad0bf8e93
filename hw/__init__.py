"""What the fabric is, and how it is built in hardware."""

if not __name__.startswith("thermofab."):
    raise ImportError("import this package as thermofab.hw, not as hw")


def emit_verilog(fabric, *, name: str = "thermofab", image=None) -> str:
    """Verilog source of ``fabric`` (a ``FabricSpec``), its top module called ``name``.

    With an ``image`` (an ``Image``), its weights and biases are fixed in the text; by default they are loaded.

    Raises:
        ToolMissingError: Amaranth's Verilog back end is not installed; the message says how to get it.
    """
    from thermofab.hw.rtl.emit import emit_verilog as emit

    return emit(fabric, name=name, image=image)
