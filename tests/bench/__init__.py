"""How fast stocksync is: `scripts/bench`, see docs/performance.md."""
