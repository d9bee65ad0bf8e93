"""Reports: what their lines say, what JSON keeps, and plug-ins found by name."""

import json
from importlib.metadata import entry_points

import numpy as np
import pytest

from thermofab.hw.spec import Bounded, Estimated, Exact, Quantisation, Report, SpecError, registry
from thermofab.hw.spec.report import NOT_ASSESSED, Check, Distance


def report(certificate):
    return Report(4, 4, 1, "identity", certificate, Quantisation(0.01, 3, 0, 0.005), 2, 16)


def check(**changes):
    made = dict.fromkeys(
        ("tv", "error", "detectable", "table_tv", "energy", "energy_error", "reference_energy", "reference_error"), 0.01
    )
    return Check(
        **{**made, "passed": True, "effective": 900.0, "r_hat": 1.01, "false_alarm": 1e-6, "how": "x", **changes}
    )


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (
            (0.1, "guessed"),
            r"^standing must be one of enumerated, bounded, measured, predicted, unknown, got 'guessed'",
        ),
        ((None, "bounded"), r"^a distance has a total variation unless it is unknown\.$"),
        ((0.1, "unknown"), r"^a distance has a total variation unless it is unknown\.$"),
    ],
)
def test_a_distance_has_a_standing_and_a_value(arguments, sentence):
    with pytest.raises(SpecError, match=sentence):
        Distance(*arguments)


@pytest.mark.parametrize(
    "certificate, line, standing",
    [
        (Exact("wires"), "exact (wires)", "bounded"),
        (Bounded(0.1234, "trunks"), "TV ≤ 0.123 (trunks)", "bounded"),
        (Bounded(0.1234, "enumerated"), "TV ≤ 0.123 (enumerated)", "enumerated"),
        (Estimated(0.1234, "sampled"), "TV ≈ 0.123 (sampled)", "predicted"),
    ],
)
def test_a_certificate_says_what_it_is_worth_and_comes_back_from_a_file(certificate, line, standing):
    made = report(certificate)
    assert str(certificate) == line and made.compiling.standing == standing and made.compiling.tv == certificate.tv
    again = Report.from_json(json.loads(json.dumps(made.to_json())))
    assert again == made and type(again.certificate) is type(certificate)


@pytest.mark.parametrize(
    "changes, verdict",
    [
        ({}, "no difference found: TV 0.01"),
        ({"passed": False}, "differs: TV 0.01"),
        ({"r_hat": 1.06}, "no verdict, the chains have not mixed: TV 0.01"),
        ({"passed": False, "r_hat": 1.06}, "no verdict, the chains have not mixed: TV 0.01"),
    ],
)
def test_a_check_of_chains_that_have_not_met_is_no_verdict(changes, verdict):
    assert str(check(**changes)).startswith(verdict)


@pytest.mark.parametrize("kept, expected", [(0.25, Distance(0.25, "enumerated")), (None, NOT_ASSESSED)])
def test_a_file_with_the_enumerated_distance_alone_is_read(kept, expected):
    data = report(Exact("wires")).to_json()
    del data["end_to_end"]
    data["end_to_end_tv"] = kept
    assert Report.from_json(data).end_to_end == expected


def test_an_installed_package_finds_its_own_plug_ins_without_a_checkout(monkeypatch, tmp_path):
    """Red if another package's entry points pass for ours."""
    monkeypatch.setattr(registry, "CHECKOUT", tmp_path / "pyproject.toml")
    for group in (registry.DEVICES, registry.GENERATORS, registry.ESTIMATORS):
        found = registry.own.__wrapped__(group)
        assert found == {
            point.name: point for point in entry_points(group=group) if point.value.startswith("thermofab.")
        }
        assert set(found) and np.all([point.group == group for point in found.values()])
    monkeypatch.setattr(registry, "OURS", "somebody-else")
    assert registry.own.__wrapped__(registry.DEVICES) == {}
