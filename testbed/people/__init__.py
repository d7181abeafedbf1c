"""The people of the simulated region, from one seed: their histories at every holder, and what they chose."""

from testbed.people.desk import KeptRecord
from testbed.people.known import Known
from testbed.people.region import DINAS_NIGHT, Region, generate
from testbed.people.story import BENNIE, DINA, DINA_EGFR_NUMBER, DINA_HOSPITAL_ADMISSION, STORY_PEOPLE
from testbed.people.untidy import TWINS, UNTIDY_PEOPLE

__all__ = [
    "BENNIE",
    "DINA",
    "DINAS_NIGHT",
    "DINA_EGFR_NUMBER",
    "DINA_HOSPITAL_ADMISSION",
    "STORY_PEOPLE",
    "TWINS",
    "UNTIDY_PEOPLE",
    "KeptRecord",
    "Known",
    "Region",
    "generate",
]
