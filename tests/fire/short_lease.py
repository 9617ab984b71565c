"""`stocksync` with leases that run out after two seconds without a sign of life. Run as a program."""

from datetime import timedelta

from stocksync.adapters.store import leases
from stocksync.entrypoints.cli import main

if __name__ == "__main__":
    leases.LEASE_FOR = timedelta(seconds=2)  # type: ignore[misc]
    leases._BEAT_S = 0.5  # type: ignore[misc]
    main()
