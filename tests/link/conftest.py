"""The link's cocotb bench is built as the fabric's is, by helpers beside that one."""

import sys
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parent.parent / "rtl"))
