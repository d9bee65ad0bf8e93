"""What a compiled program's law is, and how far it lies from the one it was compiled from."""
