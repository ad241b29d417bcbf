"""Benchmarks: each shows one goal of speed or size against plain SQL on the same machine, and prints JSON."""
