"""What software needs to drive a relay fabric: where an image's trees, couplings and generators go."""
