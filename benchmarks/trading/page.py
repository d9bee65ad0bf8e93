"""The tables of docs/trading.md, portfolio.md and portfolio-study.md, from docs/results/.

python benchmarks/trading/page.py

Everything between ``<!-- table: name -->`` and ``<!-- end -->`` is replaced.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

import machine_tables
import series_tables
import study_tables
from page_tables import fill

if __name__ == "__main__":
    tables = series_tables.TABLES | machine_tables.TABLES | study_tables.TABLES
    fill(["trading.md", "portfolio.md", "portfolio-study.md"], tables)
