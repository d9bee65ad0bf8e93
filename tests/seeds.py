"""Seeds of random benches: those that a test gives, or one for all from the environment."""

import os


def seed_of(given: int) -> int:
    """``given``, unless ``THERMOFAB_SEED`` in the environment says otherwise."""
    return int(os.environ.get("THERMOFAB_SEED", given))
