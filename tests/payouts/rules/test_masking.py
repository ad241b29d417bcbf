"""What a referrer may read of somebody else's name."""

import pytest

from payouts.rules.masking import masked


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("Acme Widgets GmbH", "A… GmbH"),
        ("Acme", "A…"),
        ("acme inc.", "A… inc."),
        ("Globex S.A.", "G… S.A."),
        ("Umbrella GmbH & Co. KG", "U… GmbH & Co. KG"),
        ("Fish & Co", "F… Co"),
        ("Smith, Ltd.", "S… Ltd."),
        # The name itself is no legal form, wherever it stands and whatever it looks like.
        ("AG Weser", "A…"),
        ("Co", "C…"),
        ("Limited Brands", "L…"),
        ("Acme agitation", "A…"),
        ("Acme ag@acme.example", "A…"),
        ("Acme AG/Secret", "A…"),
        # First letters of all kinds
        ("  ünal Übersetzungen UG", "Ü… UG"),
        ("株式会社アクメ", "株…"),
        ("3M", "3…"),
        ("", ""),
        (" - & ", ""),
    ],
)
def test_only_the_first_letter_and_the_legal_form_are_left(name, read):
    assert masked(name) == read
