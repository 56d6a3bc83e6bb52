"""Is everything in place for the next night? Named checks, each with what to do about it."""

from loader.doctor.examine import examine, fatal, raise_fatal
from loader.doctor.finding import FAIL, OK, SKIP, WARN, Finding
from loader.doctor.scene import Scene
from loader.doctor.table import CHECKS, Check, choose

__all__ = [
    "CHECKS",
    "FAIL",
    "OK",
    "SKIP",
    "WARN",
    "Check",
    "Finding",
    "Scene",
    "choose",
    "examine",
    "fatal",
    "raise_fatal",
]
