"""Placement: the searches for sites, copies and wires."""
