"""The rules of HOW MUCH and WHEN in plain Python: no Django, no clock, no database, no I/O."""
