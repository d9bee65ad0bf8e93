"""Pictures: what a reader must be able to see in them is in them, in colours that can be told apart."""

from itertools import combinations

import matplotlib
import networkx
import numpy as np
import pytest
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.image import imread

import thermofab as fab
from tests.present import present
from thermofab.apps.explain import Explanation
from thermofab.apps.explain_pictures import draw_fabric, draw_program, labels_of, placement_of
from thermofab.apps.pages.palette import DARK, LIGHT, channels, contrast, ink_on
from thermofab.apps.pages.placement import coupling_keys, coupling_look, label_discs
from thermofab.apps.pages.theme import number, style
from thermofab.apps.routing.decision import RoutingDecision
from thermofab.apps.routing.evaluation import Curve
from thermofab.apps.routing.pictures import draw_curves, draw_trace
from thermofab.apps.trading.backtest import TSU, Backtest
from thermofab.apps.trading.plots import breaches, energies, fan_chart, histogram
from thermofab.compiler.ir.stages import Wired

# All pairs of five: on a king's graph some node needs two sites.
COUPLED = {
    (0, 1): 0.6, (0, 2): -0.6, (0, 3): -0.4, (0, 4): -0.3, (1, 2): 0.2, (1, 3): -0.2, (1, 4): 0.3, (2, 3): 0.4,
    (2, 4): -0.3, (3, 4): 0.5,
}  # fmt: skip
PALETTES = pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
# Linear sRGB as those see it who lack the cones for long, middle or short wavelengths (Machado et al. 2009).
DICHROMACIES = {
    "protanopia": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deuteranopia": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritanopia": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}
# OKLab: Björn Ottosson's matrices.
TO_CONES = np.array([[0.4122, 0.5363, 0.0514], [0.2119, 0.6807, 0.1074], [0.0883, 0.2817, 0.6300]])
TO_LAB = np.array([[0.2105, 0.7936, -0.0041], [1.9780, -2.4286, 0.4506], [0.0259, 0.7828, -0.8087]])


def explained(fabric: str = "king-5x5", architecture: str = "spatial") -> Explanation:
    graph = networkx.Graph()
    for (i, j), weight in COUPLED.items():
        graph.add_edge(i, j, weight=weight)
    explanation = Explanation()
    fab.compile(graph, fab.fabric(fabric, architecture=architecture), pipeline="fast", trace=explanation)
    return explanation


def wired(explanation: Explanation) -> Wired:
    return present(next((stage for _, stage in reversed(explanation.stages) if isinstance(stage, Wired)), None))


@pytest.fixture(scope="module")
def stage() -> Wired:
    return wired(explained())


def drawn_fabric(stage: Wired, palette=LIGHT) -> Figure:
    with matplotlib.rc_context(style(palette)):
        figure = Figure(figsize=(7.6, 8.5))
        draw_fabric(figure, placement_of(stage), "five", palette)
    return figure


@PALETTES
def test_every_label_can_be_read_on_its_own_disc(stage, palette):
    (axes,) = drawn_fabric(stage, palette).axes
    fill_at = {}
    for discs in axes.collections:
        if isinstance(discs, PathCollection) and discs.get_zorder() == 4:
            for place, colour in zip(np.asarray(discs.get_offsets()), np.asarray(discs.get_facecolor())):
                fill_at[tuple(np.round(place, 6))] = to_hex(colour)
    assert len(axes.texts) == len(fill_at) == stage.layout.n_sites
    for text in axes.texts:
        fill = fill_at[tuple(np.round(text.xy, 6))]  # pyright: ignore[reportAttributeAccessIssue] (an annotation)
        assert contrast(to_hex(text.get_color()), fill) >= 4.5, (text.get_text(), fill)


def test_contrast_is_that_of_wcag():
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)  # the guideline's known near miss
    assert all(contrast(ink_on(grey), grey) >= 4.5 for grey in (f"#{k:02x}{k:02x}{k:02x}" for k in range(256)))


@PALETTES
def test_couplings_have_the_colour_of_their_sign(stage, palette):
    (axes,) = drawn_fabric(stage, palette).axes
    (lines,) = [found for found in axes.collections if isinstance(found, LineCollection) and found.get_zorder() == 3]
    labels, names = {tuple(np.round(t.xy, 6)): t.get_text() for t in axes.texts}, labels_of(stage)  # pyright: ignore
    seen = set()
    for ends, colour in zip(lines.get_segments(), np.asarray(lines.get_colors())):
        i, j = sorted(names.index(labels[tuple(np.round(end, 6))]) for end in np.asarray(ends))
        row = int(np.flatnonzero((stage.edges == (i, j)).all(axis=1))[0])
        assert to_hex(colour) == (palette.accent if stage.couplings[row] > 0 else palette.second), (i, j)
        seen.add((i, j))
    assert seen == set(map(tuple, stage.edges.tolist()))


def test_stronger_couplings_are_wider_and_fuller():
    look = coupling_look(np.array([0.1, -0.5, 1.0]), 1.0, 5.0, LIGHT)
    assert look.widths == sorted(look.widths) and look.widths[-1] == 5.0
    shades = [present(opacity) for opacity in look.opacities]
    assert shades == sorted(shades) and shades[0] < 0.6 and shades[-1] == 1.0
    assert look.colours == [LIGHT.accent, LIGHT.second, LIGHT.accent]
    assert look.dashes[0] == "-" != look.dashes[1], "the sign without colour"


def test_the_key_names_sizes_and_units_and_only_signs_that_occur():
    labels = [str(key.get_label()) for key in coupling_keys(np.array([0.25, 0.6]), 4.0, "kT", LIGHT)]
    assert labels == ["+0.6 kT", "+0.3 kT"]
    both = [str(key.get_label()) for key in coupling_keys(np.array([0.25, -0.6]), 4.0, "kT", LIGHT)]
    assert both == ["+0.6 kT", "+0.3 kT", "\N{MINUS SIGN}0.6 kT", "\N{MINUS SIGN}0.3 kT"]


def test_pictures_say_what_they_show(stage):
    (axes,) = drawn_fabric(stage).axes
    assert stage.layout.n_sites > stage.n, "no copies to be seen"
    assert axes.get_title(loc="left") == f"five on king-5x5: {stage.layout.n_sites} of 25 sites used"
    figure = Figure(figsize=(7.6, 8.5))
    with matplotlib.rc_context(style(LIGHT)):
        draw_program(figure, stage, "five", LIGHT)
    assert figure.axes[0].get_title(loc="left") == "five: 5 spins, 10 couplings"
    assert "kT" in figure.legends[0].get_texts()[0].get_text()


def test_relays_are_drawn_on_the_real_fabric():
    stage = wired(explained("king-6x6", "relay"))
    shown = placement_of(stage)
    assert shown.topology.name == "king-6x6" and shown.topology.n_sites == 36
    assert np.count_nonzero(shown.coupled) == len(COUPLED)
    assert len(shown.chains) == sum(len(sites) - 1 for sites in shown.copies)


def test_light_and_dark_are_written_and_differ(tmp_path):
    written = explained().pictures(tmp_path / "drawn", "five")
    assert [path.name for path in written] == ["program.png", "fabric.png", "program-dark.png", "fabric-dark.png"]
    corners = []
    for path in written:
        image = imread(path)
        assert image.std() > 0.02, "an empty picture"
        corners.append(to_hex(image[2, 2]))
    assert corners == [LIGHT.panel, LIGHT.panel, DARK.panel, DARK.panel]


def test_numbers_are_written_as_they_are_read():
    assert [number(value) for value in (0.00968, 3.2, 5111, 1e4, 1.27e5)] == [
        "0.00968", "3.2", "5110", "$10^{4}$", r"$1.27\cdot 10^{5}$",
    ]  # fmt: skip


def test_labels_too_small_to_read_are_left_out():
    axes = Figure().add_subplot()
    label_discs(axes, np.zeros((2, 2)), ["1", "2"], ["#000000"] * 2, 9.0)
    assert not axes.texts
    label_discs(axes, np.zeros((2, 2)), ["1", "2"], ["#000000"] * 2, 20.0)
    assert len(axes.texts) == 2


@PALETTES
@pytest.mark.parametrize("eyes", DICHROMACIES)
def test_colours_stay_apart_for_colour_blind_readers(palette, eyes):
    def seen(colour: str) -> np.ndarray:
        values = channels(colour)
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return TO_LAB @ np.cbrt(TO_CONES @ np.clip(np.array(DICHROMACIES[eyes]) @ linear, 0, 1))

    # 0.02 is just noticeable, side by side.
    assert np.linalg.norm(seen(palette.accent) - seen(palette.second)) > 0.2, "the two signs"
    for one, other in combinations(palette.series, 2):
        assert np.linalg.norm(seen(one) - seen(other)) > 0.06, (one, other)
    assert all(contrast(colour, palette.panel) >= 2.8 for colour in palette.series)


def test_pictures_of_apps_name_their_axes_and_series(tmp_path, monkeypatch):
    saved: list[Figure] = []
    write = Figure.savefig
    monkeypatch.setattr(Figure, "savefig", lambda self, *args, **more: (saved.append(self), write(self, *args, **more)))
    rng = np.random.default_rng(0)
    returns, days = rng.normal(size=300), np.arange("2015-01-01", "2015-10-28", dtype="datetime64[D]")
    forecast = np.full((2, 300), -2.3)
    trace = [{"step": k, "quality": [0.1 * k, 0.3], "halt_probability": 0.2, "change": 0.1} for k in (1, 2)]
    curve = Curve(np.linspace(0, 1, 5), np.linspace(0.4, 0.8, 5))
    fan_chart(100 + rng.normal(size=(50, 6)).cumsum(axis=1), 100.0, tmp_path / "fan.png", "X", "2020-01-01")
    histogram(rng.normal(size=400), rng.normal(size=900), np.ones(900), 1.0, tmp_path / "returns.png", "X")
    breaches(Backtest(days, returns, (0.01, 0.025), 1, {TSU: np.stack([forecast] * 2)}), tmp_path / "b.png", "X")
    energies(rng.normal(size=50), rng.normal(size=50) + 3, tmp_path / "e.png")
    draw_curves({"oracle": curve}, tmp_path / "curves.png")
    draw_trace(RoutingDecision("one", "a", 0.5, (), 1.0, {"trace": trace}), ("one/a", "b"), tmp_path / "trace.png")
    assert len(saved) == 6
    for figure in saved:
        for axes in figure.axes:
            assert axes.get_ylabel() and (axes.get_xlabel() or axes.get_shared_x_axes().get_siblings(axes)[1:])
        assert figure.axes[0].get_title(loc="left")
        assert figure.legends or figure.axes[0].texts, "series without names"
    (bars,) = saved[1].axes[0].containers[-1:]
    assert type(bars).__name__ == "ErrorbarContainer" and "95%" in str(bars.get_label())
