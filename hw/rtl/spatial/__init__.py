"""The spatial fabric: a datapath a lane of sites, any topology, a sweep in a few clocks a colour."""
