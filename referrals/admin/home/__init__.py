"""The first page: what needs me now, and how the programs go."""
