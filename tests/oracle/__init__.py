"""What the design text says must come out, written a second time and apart from the core.

Nothing here imports the package under test: an oracle that shares code with what it judges proves nothing.
"""
