"""What people and streets in the region are called. Every name is made up from parts."""

from typing import Final

GIVEN: Final[dict[str, tuple[str, ...]]] = {
    "female": (
        "Aaltje", "Berendina", "Chantal", "Daphne", "Egberdina", "Femke", "Geertruida", "Hanneke", "Ilse", "Janna", "Kirsten",
        "Leida", "Marloes", "Noor", "Odette", "Petra", "Roos", "Sanne", "Trui", "Wietske", "Zoë", "Fenna", "Gerritdina", "Şeyma", "Anouk",
    ),
    "male": (
        "Albert", "Bennie", "Casper", "Derk", "Egbert", "Frits", "Gerben", "Hendrik", "Ivo", "Jannes", "Koen",
        "Lambert", "Mees", "Niek", "Olaf", "Pelle", "Roel", "Stijn", "Tonnie", "Wessel", "Yusuf", "Gait-Jan", "Harm", "Björn", "André",
    ),
}  # fmt: skip

FAMILY: Final[tuple[str, ...]] = (
    "Nijkamp", "Olde Wolbers", "Lutke Veldhuis", "Nieuwe Haarman", "Grote Beverhof", "Klein Esselink", "Oude Maathuis", "Scholtenlo",
    "Wolthoes", "Brinkmaat", "Esmeijer", "Haverland", "Kottelaar", "Leferdink", "Morsinkhof", "Nijhoeve", "Oonkamp", "Pierikman", "Rikkerdink",
    "Snippert", "Tijhoes", "Veldwachter", "Wegereef", "Zandbulten", "Achterkamp", "Boerrigtman", "Egberink", "Getkatelo", "Hulshofman", "Yılmazer",
)  # fmt: skip

PREFIXES: Final[tuple[str, ...]] = ("", "", "", "", "ten", "ter", "te", "van der")

STREETS: Final[tuple[str, ...]] = (
    "Brinkweg", "Esstraat", "Markepad", "Weverstraat", "Spinnerij", "Kerkenes", "Noaberpad", "Kwekerijlaan", "Molenbelt",
    "Veldkamp", "Textielhof", "Dinkeldijk", "Reggewal", "Schapendrift", "Klompenmakersgang", "Stationslaan",
)  # fmt: skip

#: Place and the digits of its postcode. The letters SA, SD and SS are never given out, so none of these exists.
PLACES: Final[tuple[tuple[str, str], ...]] = (
    ("Marksveen", "7591"), ("Dinkelhorst", "7592"), ("Reggerbrug", "7593"), ("Losserveld", "7594"), ("Holterloo", "7595"), ("Haarveld", "7596"),
)  # fmt: skip
UNUSED_LETTERS: Final = ("SA", "SD", "SS")
