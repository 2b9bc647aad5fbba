"""Benchmarks, run by hand: each compares its cases side by side in one run."""
