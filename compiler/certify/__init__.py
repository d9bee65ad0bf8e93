"""Certification: how far a compiled program's distribution lies from the one it was compiled from."""
