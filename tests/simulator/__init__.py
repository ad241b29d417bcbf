"""
The simulator: the real decisions on real rows, with a clock, a broker and a provider that a seed drives.

    TEST_DATABASE=sqlite SIMULATOR_SEED=7 python -m pytest tests/simulator -k many_steps

plays the run with that seed again, step by step; every run tells its seed, a failing one beside its failure.
``SIMULATOR_STEPS`` asks for more steps than a test run takes.

Who takes part: `host` is the host product, `desk` calls and decides, `finance` signs, `payments` pays,
`provider` is the bank with a book of its own, `broker` loses, doubles and delays what wakes the workers.
`checks` says after each step what must be true; it shares no code with what it checks.
"""
