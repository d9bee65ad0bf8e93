"""Tiles of a fabric joined by lines that lose, damage, repeat and delay words, in lock step with the whole fabric."""
