"""Invented companies and people: domains that nobody can own, phone numbers kept free for films."""

import re
from dataclasses import dataclass

FIRST = [
    "Nordlicht",
    "Halden",
    "Bexley",
    "Quintero",
    "Lumen",
    "Fairhaven",
    "Orrin",
    "Kestrel",
    "Vantera",
    "Solano",
    "Brightwater",
    "Castor",
    "Dunmore",
    "Ellery",
    "Fontaine",
    "Greyfield",
    "Thornbury",
    "Ibex",
    "Juniper",
    "Kolber",
    "Larkspur",
    "Meridian",
    "Novella",
    "Oakhurst",
    "Pelham",
    "Quarry",
    "Ravel",
    "Sable",
    "Tarn",
    "Umber",
    "Verano",
    "Westmark",
    "Xanthe",
    "Yarrow",
    "Zephyr",
    "Sycamore",
    "Birchwood",
]
TRADE = [
    "Optics",
    "Logistics",
    "Foods",
    "Robotics",
    "Dental",
    "Interiors",
    "Energy",
    "Textiles",
    "Legal",
    "Instruments",
    "Travel",
    "Games",
    "Ceramics",
    "Plumbing",
    "Media",
    "Pharma",
    "Tools",
    "Homes",
    "Cycling",
    "Analytics",
    "Roofing",
    "Audio",
    "Gardens",
]
# Ranges that the regulators of these countries keep free for drama and examples.
PHONES = {
    "DE": "+493023125{:03}",
    "US": "+1{}55501{:02}",
    "GB": "+442079460{:03}",
    "FR": "+3319900{:04}",
    "AU": "+612555{:05}",
}
AREAS = [202, 212, 303, 312, 404, 415, 512, 617, 702, 713]
"""In each of them a hundred numbers are free."""
NUMBERS = 1_000
"""So many telephones there are in each country."""
LATE, OUTSIDE = 200, 400
"""From which number on those come whose purchases are told late, and those of the host product's script."""
FORMS = {"DE": "GmbH", "US": "Inc.", "GB": "Ltd", "FR": "SAS", "AU": "Pty Ltd"}
CONTACTS = [
    "Amira Haddad",
    "Paul Seidel",
    "Grace Lin",
    "Mateo Cruz",
    "Ines Roth",
    "Tom Whitlock",
    "Chloé Martin",
    "Noah Becker",
    "Isla Grant",
    "Omar Saleh",
    "Freya Olsen",
]


@dataclass(frozen=True, slots=True)
class Company:
    """A company as it would fill in a sign-up form."""

    name: str
    domain: str
    country: str
    phone: str
    contact: str

    @property
    def mailbox(self) -> str:
        return "".join(letter for letter in self.contact.split()[0].lower() if letter.isascii())

    @property
    def email(self) -> str:
        return f"{self.mailbox}@{self.domain}"

    @property
    def website(self) -> str:
        return f"https://{self.domain}"


def phone(country: str, place: int) -> str:
    """One of the telephones of a country: no two of ``NUMBERS`` in a row are the same."""
    place %= NUMBERS
    return PHONES[country].format(*([AREAS[place // 100], place % 100] if country == "US" else [place]))


def company(number: int) -> Company:
    """
    The company of that number: always the same, and no two share a name or a domain.

    Telephones come again after ``NUMBERS`` companies of each country.
    """
    # 37 and 23 have no common factor, so a pair comes again after 851 numbers only.
    round_, _ = divmod(number, len(FIRST) * len(TRADE))
    again = f" {round_ + 1}" if round_ else ""
    name = f"{FIRST[number % len(FIRST)]} {TRADE[number % len(TRADE)]}{again}"
    country = list(PHONES)[number * 3 % len(PHONES)]
    return Company(
        name=f"{name} {FORMS[country]}",
        domain=f"{re.sub('[^a-z0-9]+', '-', name.lower())}.example",
        country=country,
        phone=phone(country, number // len(PHONES)),
        contact=CONTACTS[number * 5 % len(CONTACTS)],
    )
