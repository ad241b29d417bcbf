"""What a referrer may read of somebody else's name: its first letter, and the legal form."""

import re

LEGAL_FORM = re.compile(
    r"(ab|ag|as|asa|aps|bv|co|corp|ek|eg|gbr|gmbh|inc|kg|kft|kgaa|kk|llc|llp|lp|ltd|limited|mbh|nv|ohg|oy"
    r"|oyj|plc|pte|pty|sa|sarl|sas|se|sl|spa|srl|sro|ug|zrt)"
)


def masked(name: str) -> str:
    """
    The first letter and the legal form: 'Acme Widgets GmbH' is 'A… GmbH'.

    :returns: '' for a name without a letter or digit
    """
    first = next((letter for letter in name if letter.isalnum()), "")
    words = name.split()
    form: list[str] = []
    # The first word is the name itself, whatever it looks like.
    while len(words) > 1 and (_is_legal_form(words[-1]) or (form and words[-1] == "&")):
        form.insert(0, words.pop())
    if form and form[0] == "&":
        form.pop(0)
    return " ".join([f"{first.upper()}…", *form]) if first else ""


def _is_legal_form(word: str) -> bool:
    """'GmbH', 'S.A.' and 'Inc.,' are; what has more in it than letters, dots and commas is not."""
    return LEGAL_FORM.fullmatch(word.casefold().replace(".", "").replace(",", "")) is not None
