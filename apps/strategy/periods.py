"""The twelve crisis periods of 1997 to 2023, as the documents list them; some overlap."""

from typing import NamedTuple


class Period(NamedTuple):
    """First and last day, both included."""

    name: str
    start: str
    end: str


BLACK_SWANS = (
    Period("Asian Financial Crisis", "1997-07-02", "1997-10-27"),
    Period("Dot-com Crash", "2000-03-10", "2002-10-09"),
    Period("9/11 Attacks", "2001-09-11", "2001-09-21"),
    Period("Financial Crisis", "2008-09-15", "2009-03-09"),
    Period("Flash Crash", "2010-05-06", "2010-05-07"),
    Period("European Debt Crisis", "2011-08-01", "2012-06-30"),
    Period("China Selloff", "2015-08-18", "2015-09-30"),
    Period("Brexit", "2016-06-23", "2016-07-15"),
    Period("COVID-19 Crash", "2020-02-19", "2020-03-23"),
    Period("GameStop Short Squeeze", "2021-01-27", "2021-02-05"),
    Period("Russia-Ukraine", "2022-02-24", "2022-03-31"),
    Period("SVB Banking Crisis", "2023-03-08", "2023-03-17"),
)
