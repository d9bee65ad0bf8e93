"""Explore: which fabric should be built? Candidates judged on workloads, searched, compared and reported."""

from thermofab.apps.lazy import exports

_HOME = {
    "Candidate": ".candidate",
    "Measure": ".record",
    "Objective": ".objectives",
    "Record": ".record",
    "Settings": ".settings",
    "StudyFile": ".study",
    "RecordStore": ".storage",
    "Space": ".space",
    "StudyResult": ".study",
    "open_executor": ".executor",
    "ThermodynamicArchitectureExplorer": ".explorer",
    "WORKLOADS": ".workloads",
    "Workload": ".workloads",
    "area_of": ".area",
    "run_study": ".study",
    "workload": ".workloads",
}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]
__getattr__ = exports(__name__, _HOME)
