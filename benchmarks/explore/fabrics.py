"""The fabrics of the explorer's study, and the study."""

from thermofab.apps.explore import Candidate, Objective, Settings, StudyFile

WORKLOADS = ("expert-router", "spin-glass", "digits-rbm", "dtm-layer", "portfolio")
LATTICES = ("g4", "g8", "g12", "g16", "g20", "g24", "z1", "king")


def fabrics() -> tuple[Candidate, ...]:
    """At least 60, of all architectures; at least 10 above 1,000 sites, and at least 10 that were placed."""
    of = Candidate.of
    made = [of(f"{family}-16x16") for family in LATTICES]
    made += [of(f"{family}-16x16", architecture="relay") for family in ("g8", "g12", "z1", "king")]
    made += [of(f"{family}-24x24", architecture="relay") for family in ("g8", "g12", "z1", "king")]
    made += [of(f"{family}-16x16-torus", architecture="systolic") for family in ("g8", "g12", "z1", "king")]
    made += [of(f"complete-{size}", architecture="dense") for size in (16, 24, 32, 64, 96, 128, 256)]
    made += [of("complete-64", architecture="dense", weight_bits=bits) for bits in (4, 6, 12)]
    # Placed, but for those above.
    made += [of(name) for name in ("g4-8x8-torus", "g8-8x8-torus", "g4-4x4", "king-4x4")]
    made += [
        of(name, architecture="relay") for name in ("g8-8x8-torus", "g8-16x16-torus", "king-4x4", "g4-6x6", "g8-8x8")
    ]
    made += [of(name, architecture="systolic") for name in ("g4-16x16-torus", "g8-16x16-torus")]
    # The program's own graph.
    made += [of("own", architecture=architecture) for architecture in ("spatial", "relay", "dense")]
    made += [of("own", profile="fine", weight_bits=12, bias_bits=18), of("own", weight_bits=5)]
    # Widths and generators.
    made += [of("g8-16x16", weight_bits=bits) for bits in (4, 6, 12)]
    made += [of("g12-24x24", architecture="relay", weight_bits=bits) for bits in (4, 6, 12)]
    made += [of("g8-16x16", profile="fine"), of("g8-16x16", table_bits=6), of("g8-16x16", rng="xoshiro128+")]
    # Several copies of the program, and ladders of β levels.
    made += [of("complete-256", architecture="dense", copies=4), of("z1-32x32", copies=4)]
    made += [of("complete-64", architecture="dense", rungs=4)]
    # Above 1,000 sites.
    made += [of(f"{family}-32x32") for family in ("g8", "g12", "z1", "king")]
    made += [of(f"{family}-32x32", architecture="relay") for family in ("g8", "g12", "z1")]
    made += [of(f"{family}-32x32-torus", architecture="systolic") for family in ("g8", "g12", "z1")]
    made += [of("complete-1024", architecture="dense"), of("chimera-12")]
    return tuple(dict.fromkeys(made))


def study() -> StudyFile:
    return StudyFile(
        "fabrics",
        WORKLOADS,
        fabrics(),
        objectives=(
            Objective.of("max:ess_per_klut_second"),
            Objective.of("min:tv"),
            Objective.of("max:ess_per_joule_z1"),
        ),
        settings=Settings(),
    )
