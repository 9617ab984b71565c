"""A working vehicle module and a working DMS, for demonstrations, tests and integrators.

Two real HTTP servers (`running`) over two state files, a believable stock to fill them (`seed`), the people who
change it all day (`play`), and whatever can go wrong with an answer, on demand (`faults`, `breaks`). Nothing here
knows stocksync: the two contracts in `contracts/` are the whole interface.
"""
