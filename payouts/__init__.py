"""How much is paid and when: rewards, windows, bonuses, batches, the books."""
