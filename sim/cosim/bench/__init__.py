"""What runs inside the simulator. These modules import cocotb; nothing outside this folder imports them."""
