"""Real processes, killed: workers with Redis and a PostgreSQL that writes to the disk, as in production."""
