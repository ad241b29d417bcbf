"""Countries by their codes, and the languages that are official there: in one of them a company is called."""

from babel.core import Locale, get_global
from babel.languages import get_official_languages

_ENGLISH = Locale("en")
# CLDR names groups of countries, and codes for tests, beside the countries.
_NO_COUNTRIES = {"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"}

# Babel's types leave open what the codes are: they are text.
_CODES = [str(code) for code in _ENGLISH.territories]

COUNTRIES = frozenset(
    code for code in _CODES if len(code) == 2 and code.isalpha() and code not in _NO_COUNTRIES
)
"""ISO codes."""


def _spoken_in() -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for country in COUNTRIES & get_global("territory_languages").keys():
        for language in get_official_languages(country, de_facto=True):
            # How it is written does not matter on the telephone: zh_Hant is zh.
            found.setdefault(language.partition("_")[0], set()).add(country)
    return {language: frozenset(countries) for language, countries in found.items()}


SPOKEN_IN = _spoken_in()
"""Language to the countries in which it is official, or in fact."""

LANGUAGES = sorted(
    ((code, str(_ENGLISH.languages[code])) for code in SPOKEN_IN if code in _ENGLISH.languages),
    key=lambda language: language[1],
)
"""Languages with their English names, in the order of these."""
