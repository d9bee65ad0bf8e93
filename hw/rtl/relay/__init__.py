"""The relay fabric: bit-serial cells that pass partial fields on to their parents, and draw units that they share."""
