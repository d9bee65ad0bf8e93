"""The host's side of a board behind a serial line: frames, a transport that loses nothing, and the device over it."""
