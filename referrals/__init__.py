"""Who referred whom, and whether it counts: programs, referrers, referred accounts, evidence, decisions."""
