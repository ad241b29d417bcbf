"""The rules of WHO and WHETHER in plain Python: no Django, no clock, no database, no I/O."""
