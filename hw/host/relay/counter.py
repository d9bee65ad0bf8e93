"""The order in which a cell's address counter goes through its mask memory.

The counter is a shift register fed by the XNOR of two of its bits: one LUT, whatever its width. It starts from 0 and
passes every value but all ones.
"""

TAPS = {4: (3, 2), 5: (4, 2)}  # x^4 + x^3 + 1, x^5 + x^3 + 1


def following(address: int, bits: int) -> int:
    """The address after ``address``."""
    a, b = TAPS[bits]
    return (address << 1 | 1 ^ (address >> a & 1) ^ (address >> b & 1)) & ((1 << bits) - 1)


def addresses(bits: int) -> tuple[int, ...]:
    """All ``2^bits - 1`` addresses, from 0 on."""
    made = [0]
    while len(made) < 2**bits - 1:
        made.append(following(made[-1], bits))
    return tuple(made)
