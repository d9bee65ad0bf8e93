"""What software needs to drive a fabric: registers, what to load where, and the driver. No gateware."""
