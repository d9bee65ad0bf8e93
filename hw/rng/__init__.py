"""Random number generators: one file each, with the integer step, the seeding and the gateware."""
