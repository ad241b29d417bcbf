"""Dates as all pages write them: Nov 20, 2026, and with the time Nov 20, 2026, 18:42 UTC."""

DATE_FORMAT = SHORT_DATE_FORMAT = "M j, Y"
TIME_FORMAT = "H:i"
# The zone is told wherever a time is: instants are UTC unless a page says otherwise.
DATETIME_FORMAT = SHORT_DATETIME_FORMAT = "M j, Y, H:i T"
MONTH_DAY_FORMAT = "M j"
YEAR_MONTH_FORMAT = "M Y"
