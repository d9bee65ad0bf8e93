"""Every proof holds; every planted fault is found (`-m soak` for all of them, and for the proofs that take minutes)."""

import pytest

from tests.formal.prove import finds_fault, proofs, prove

pytest.importorskip("amaranth")
PROOFS = proofs()
# Those of fields of 3 and 4 neighbours are of the same gateware.
LONG = ("field of 5 neighbours",)
FAULTS_BY_DEFAULT = ("lfsr64 never zero", "field of 3 neighbours", "element and clamps", "axi4-lite writes")


@pytest.mark.rtl
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.soak) if name in LONG else name for name in PROOFS]
)
def test_proof_holds(name):
    holds, said = prove(PROOFS[name])
    assert holds, said


@pytest.mark.rtl
@pytest.mark.parametrize(
    "name", [name if name in FAULTS_BY_DEFAULT else pytest.param(name, marks=pytest.mark.soak) for name in PROOFS]
)
def test_proof_finds_its_fault(name):
    assert finds_fault(PROOFS[name])
