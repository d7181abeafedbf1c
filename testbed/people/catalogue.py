"""What can be the matter with people and what is done about it.

SNOMED CT, LOINC, ICPC, ATC and NHG codes are the real ones; product numbers of the G-standaard are not free to
hand out, so those here are made up (they begin with 9900).
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Medicine:
    """A product with a usual dosage: `dose` is how many per time, `times` how often a day."""

    product: str
    atc: str
    name: str
    dose: str = "1"
    times: int = 1

    @property
    def directions(self) -> str:
        """The dosage as a patient reads it."""
        return f"{self.times} maal per dag {self.dose} stuk"


@dataclass(frozen=True, slots=True)
class Problem:
    """A condition with its codes, from what age it is seen and how often, and what is prescribed for it."""

    snomed: str
    icpc: str
    name: str
    from_age: int
    share: float
    medicine: Medicine | None = None


@dataclass(frozen=True, slots=True)
class LabTest:
    """A laboratory test. `steps` decimals are reported; `nhg` is the code of NHG table 45 where we know it."""

    loinc: str
    name: str
    unit: str
    low: float
    high: float
    steps: int
    nhg: str | None = None


APIXABAN_2_5: Final = Medicine("99001234", "B01AF02", "Apixaban tablet 2,5mg", times=2)
APIXABAN_5: Final = Medicine("99001235", "B01AF02", "Apixaban tablet 5mg", times=2)
METFORMIN: Final = Medicine("99001301", "A10BA02", "Metformine tablet 500mg", times=3)
PARACETAMOL: Final = Medicine("99001302", "N02BE01", "Paracetamol tablet 500mg", "2", 3)
METOPROLOL: Final = Medicine("99001303", "C07AB02", "Metoprolol tablet mga 50mg")
FUROSEMIDE: Final = Medicine("99001304", "C03CA01", "Furosemide tablet 40mg")

PROBLEMS: Final[tuple[Problem, ...]] = (
    Problem("38341003", "K86", "hypertensie", 45, 0.35, METOPROLOL),
    Problem("44054006", "T90.02", "diabetes mellitus type 2", 45, 0.13, METFORMIN),
    Problem("13645005", "R95", "COPD", 50, 0.10, Medicine("99001305", "R03BB04", "Tiotropium inhalatiepoeder 18µg")),
    Problem("49436004", "K78", "atriumfibrilleren", 65, 0.14, APIXABAN_5),
    Problem("195967001", "R96", "astma", 4, 0.08, Medicine("99001306", "R03AC02", "Salbutamol aerosol 100µg", "2", 2)),
    Problem("239873007", "L90", "gonartrose", 55, 0.18, PARACETAMOL),
    Problem("84114007", "K77", "hartfalen", 70, 0.12, FUROSEMIDE),
    Problem("35489007", "P76", "depressie", 16, 0.08, Medicine("99001307", "N06AB06", "Sertraline tablet 50mg")),
    Problem("64859006", "L95", "osteoporose", 65, 0.12, Medicine("99001308", "M05BA04", "Alendroninezuur tablet 70mg")),
    Problem("709044004", "U99.01", "chronische nierschade", 65, 0.12),
    Problem("13644009", "T93.01", "hypercholesterolemie", 45, 0.20, Medicine("99001309", "C10AA01", "Simvastatine tablet 40mg")),
    Problem("230690007", "K90", "cerebrovasculair accident", 65, 0.07, Medicine("99001310", "B01AC04", "Clopidogrel tablet 75mg")),
    Problem("37796009", "N89", "migraine", 15, 0.08, Medicine("99001311", "N02CC01", "Sumatriptan tablet 50mg")),
    Problem("26929004", "P70", "ziekte van Alzheimer", 78, 0.12, Medicine("99001312", "N06DA03", "Rivastigmine pleister 4,6mg/24h")),
    Problem("40930008", "T86", "hypothyreoïdie", 30, 0.06, Medicine("99001313", "H03AA01", "Levothyroxine tablet 50µg")),
    Problem("24079001", "S87", "constitutioneel eczeem", 0, 0.12, Medicine("99001314", "D07AA02", "Hydrocortisoncrème 10mg/g", times=2)),
    Problem("197480006", "P74", "angststoornis", 16, 0.06),
)

KALIUM: Final = LabTest("2823-3", "kalium", "mmol/L", 3.4, 5.4, 1)
CREATININE: Final = LabTest("14682-9", "creatinine", "umol/L", 55, 180, 0)
EGFR: Final = LabTest("62238-1", "eGFR (CKD-EPI)", "mL/min/{1.73_m2}", 25, 90, 0)
CRP: Final = LabTest("1988-5", "CRP", "mg/L", 0.5, 90, 2)
HAEMOGLOBIN: Final = LabTest("59260-0", "hemoglobine", "mmol/L", 6.4, 10.8, 1)
GLUCOSE: Final = LabTest("14771-0", "glucose nuchter", "mmol/L", 4.2, 12.5, 1, "3208")
LAB_TESTS: Final = (KALIUM, LabTest("2951-2", "natrium", "mmol/L", 130, 148, 0), CREATININE, EGFR, CRP, HAEMOGLOBIN, GLUCOSE)

#: Substance, display, category of the substance, and the reaction: SNOMED CT.
PENICILLIN: Final = ("764146007", "penicilline", "medication", ("39579001", "anafylaxie"))
ALLERGENS: Final = (
    PENICILLIN,
    ("288328004", "bijengif", "biologic", ("126485001", "urticaria")),
    ("256259004", "pollen", "environment", ("126485001", "urticaria")),
    ("111088007", "latex", "environment", ("126485001", "urticaria")),
)

#: ATC code and display of vaccines.
FLU, CHILD = ("J07BB02", "Influenzavaccin"), (("J07CA09", "DKTP-Hib-HepB-vaccin"), ("J07BD52", "BMR-vaccin"), ("J07AH08", "Meningokokken ACWY-vaccin"))

#: SNOMED code, display and youngest age of procedures.
PROCEDURES: Final = (
    ("80146002", "appendectomie", 8),
    ("73761001", "coloscopie", 50),
    ("110473004", "cataractoperatie", 65),
    ("609588000", "totale knieprothese", 60),
    ("52734007", "totale heupprothese", 65),
)
KNEE_PROSTHESIS: Final = ("609588000", "totale knieprothese")
