"""
Amounts as people write them, and as the books keep them.

A text has exactly the decimals of its currency ("100.00" USD, "100" JPY, "1.000" KWD); the books count
whole minor units (10000, 100, 1000). Nothing in between: no float, no Decimal, no rounding.
"""

import re

LARGEST_MINOR = 2**63 - 1  # the largest integer that a column of the books can hold

_CODES_BY_DECIMALS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """
        AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF CHE
        CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GTQ GYD
        HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL MGA MKD MMK
        MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR PLN QAR RON RSD
        RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP TRY TTD TWD TZS UAH
        USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG
    """,
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

# ISO 4217, list one (2026): the active codes that have a minor unit, so neither metals nor test codes.
MINOR_UNITS: dict[str, int] = {
    code: places for places, codes in _CODES_BY_DECIMALS.items() for code in codes.split()
}


class MoneyError(ValueError):
    """The text is no amount, or the code no currency."""


def decimals(currency: str) -> int:
    """
    How many decimals an amount of this currency is written with.

    :raises MoneyError: if ISO 4217 has no such active currency
    """
    try:
        return MINOR_UNITS[currency]
    except (KeyError, TypeError):
        raise MoneyError(f"{currency!r} is not an ISO 4217 currency code") from None


def to_minor(text: object, currency: str) -> int:
    """
    Read an amount of the currency, in minor units.

    :raises MoneyError: if it is not text with exactly the currency's decimals, or is negative or too large
    """
    places = decimals(currency)
    pattern = r"[0-9]+" if places == 0 else rf"[0-9]+\.[0-9]{{{places}}}"
    if not isinstance(text, str) or not re.fullmatch(pattern, text):
        raise MoneyError(
            f"{_shortened(text)} is not an amount of {currency}: it must be text, {_in_words(places)}, "
            f'never negative, such as "{to_text(100 * 10**places, currency)}"'
        )

    digits = text.replace(".", "").lstrip("0") or "0"
    # Python refuses to convert texts of thousands of digits, so the length comes first.
    if len(digits) > len(str(LARGEST_MINOR)) or int(digits) > LARGEST_MINOR:
        most = to_text(LARGEST_MINOR, currency)
        raise MoneyError(f"{_shortened(text)} is too large an amount: at most {most} {currency}")
    return int(digits)


def to_text(minor: int, currency: str) -> str:
    """
    Write an amount with exactly the currency's decimals; what is owed the other way has a leading minus.

    :param minor: minor units of the currency
    :raises MoneyError: if ISO 4217 has no such active currency
    """
    places = decimals(currency)
    sign = "-" if minor < 0 else ""
    if places == 0:
        return f"{sign}{abs(minor)}"
    whole, fraction = divmod(abs(minor), 10**places)
    return f"{sign}{whole}.{fraction:0{places}}"


def _in_words(places: int) -> str:
    return f"digits with exactly {places} decimals" if places else "digits without decimals"


def _shortened(value: object) -> str:
    written = repr(value)
    return written if len(written) <= 60 else f"{written[:57]}..."
