"""The colours of pages and pictures, light and dark, each value once.

Blue and orange, ``accent`` and ``second``, stand for the two signs. They and ``series`` stay apart for readers with any
of the three dichromacies.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np


@dataclass(frozen=True)
class Palette:
    """Colours by their part, ``"#rrggbb"``: behind all, of a panel on it, its rim, text, lesser text, lines behind a
    curve, the first and the second colour, what failed; and those of curves in one panel, in order."""

    page: str
    panel: str
    edge: str
    ink: str
    quiet: str
    grid: str
    accent: str
    second: str
    bad: str
    series: tuple[str, ...] = ()

    @property
    def css(self) -> str:
        """The colours as CSS variables, each named for its part."""
        return " ".join(f"--{name}: {colour};" for name, colour in self.parts())

    def parts(self) -> Iterator[tuple[str, str]]:
        """Name and colour of every part."""
        for part in fields(self):
            if part.name != "series":
                yield part.name, getattr(self, part.name)


LIGHT = Palette(
    page="#f4f5f7", panel="#ffffff", edge="#d9dde3", ink="#1b2027", quiet="#56606e", grid="#dfe3e9",
    accent="#1f5fae", second="#b4540a", bad="#b3261e",
    series=("#1f5fae", "#b4540a", "#0f9d84", "#45126b", "#7a1f12", "#8e88bd"),
)  # fmt: skip
DARK = Palette(
    page="#11151b", panel="#191f27", edge="#2d3642", ink="#e8ecf1", quiet="#a3afbd", grid="#303a46",
    accent="#7db4f5", second="#f2a65e", bad="#ff8a80",
    series=("#7db4f5", "#f2a65e", "#1f9f7d", "#b565d0", "#fbf6b0", "#e6525f"),
)  # fmt: skip
_BLACK, _WHITE = "#000000", "#ffffff"  # of labels: a softer black leaves greys on which neither is read


def channels(colour: str) -> np.ndarray:
    """Red, green and blue, 0 to 1, of ``"#rrggbb"``."""
    return np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)]) / 255


def mixed(share: float, start: str, end: str) -> str:
    """The colour at ``share``, 0 to 1, of the way between two."""
    return _hexadecimal(channels(start) + share * (channels(end) - channels(start)))


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.1, 1 to 21."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def ink_on(colour: str) -> str:
    """Of black and white, what is read better on ``colour``: a contrast of 4.5 at least."""
    return max(_BLACK, _WHITE, key=lambda ink: contrast(ink, colour))


def node_colours(count: int, light: tuple[float, float] = (0.47, 0.58), chroma: float = 0.12) -> list[str]:
    """Colours of nodes, neighbours in number far apart in hue.

    Args:
        count: how many.
        light: OKLab lightnesses that take turns; at the ones left out, white figures can be read on all.
        chroma: OKLab distance from grey.
    """
    hue = np.radians(137.508 * np.arange(count) + 250)
    lightness = np.where(np.arange(count) % 2, light[1], light[0])
    a, b = chroma * np.cos(hue), chroma * np.sin(hue)
    # From OKLab to linear sRGB: Björn Ottosson's matrices.
    cone = np.stack(
        [
            lightness + 0.3963377774 * a + 0.2158037573 * b,
            lightness - 0.1055613458 * a - 0.0638541728 * b,
            lightness - 0.0894841775 * a - 1.2914855480 * b,
        ]
    )
    to_rgb = np.array(
        [
            [4.0767416621, -3.3077115913, 0.2309699292],
            [-1.2684380046, 2.6097574011, -0.3413193965],
            [-0.0041960863, -0.7034186147, 1.7076147010],
        ]
    )
    linear = np.clip(to_rgb @ cone**3, 0, 1)
    shown = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * np.maximum(linear, 1e-9) ** (1 / 2.4) - 0.055)
    return [_hexadecimal(row) for row in shown.T]


def _hexadecimal(values: np.ndarray) -> str:
    return "#" + "".join(f"{value:02x}" for value in np.rint(255 * values).astype(int))


def _luminance(colour: str) -> float:
    values = channels(colour)
    linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    return float(linear @ (0.2126, 0.7152, 0.0722))
