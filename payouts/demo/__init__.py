"""
The demo: people, companies and their history, made by the same decisions as the real thing.

Nothing here writes a status, a bonus or a transfer. History is a script of acts at past instants, played in
their order (``script``, ``history``, ``seed``); ``cast`` and ``companies`` are who plays, ``host_product`` is
the company's software, which calls from outside. Only for DEBUG=yes: everybody knows the password.
"""
