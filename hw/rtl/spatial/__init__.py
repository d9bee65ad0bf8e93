"""The spatial fabric: one datapath per lane of sites, any topology, a sweep in a few clocks a colour."""
