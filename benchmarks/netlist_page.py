"""Fills docs/netlist.md: the tree of modules, an excerpt and the memories of an emitted fabric.

python benchmarks/netlist_page.py
"""

import re

from page_tables import Tables, fill

from thermofab.hw.rtl.emit import fabric_design
from thermofab.hw.spec import fabric

PAGE = "netlist.md"
FABRIC = fabric("g4-4x4-torus")


def fenced(lines: list[str], language: str) -> str:
    """Lines as a block of code."""
    return "\n".join([f"```{language}", *lines, "```"])


def tables() -> Tables:
    """What the page includes, by name."""
    design = fabric_design(FABRIC, "tsu")
    text = design.text()
    lane = re.search(r"^// [^\n]*\n(?:(?!\n\n).)*?^module tsu_lane_degree4 .*?^endmodule$", text, re.M | re.S)
    assert lane is not None
    head, _, body = lane[0].partition(");\n")
    rows = [
        f"| `{m['module']}` | {m['words']} × {m['bits']} | {m['read_ports']} / {m['write_ports']} | {m['read']} | "
        f"{m['contents']} | {m['instances']} |"
        for m in design.memories()
    ]
    return {
        "tree": lambda: fenced(design.tree(), "text"),
        "lane": lambda: fenced([*head.splitlines(), ");", *body.splitlines()], "verilog"),
        "memories": lambda: "\n".join(
            ["| module | words × bits | ports to read / write | read | contents | instances |",
             "|---|---|---|---|---|---|", *rows]
        ),
    }  # fmt: skip


if __name__ == "__main__":
    fill([PAGE], tables())
