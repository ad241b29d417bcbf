"""
Worked cases: short stories with what must be seen at their end, played through the real functions.

A case names a program, says what happens and when, and what is expected. It is played for a host of its
own, with the clock of its story, in a transaction that is rolled back.
"""
