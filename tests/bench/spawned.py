"""A command as its user starts it: how long it takes to its end, and the most memory it held.

Between us and the command stands a bare Python (this file, as a program), because a process inherits the peak of the
one that starts it.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    out = os.open(os.devnull, os.O_WRONLY)
    began_s = time.perf_counter()
    process = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, out, 1)])
    _, status, used = os.wait4(process, 0)
    print(json.dumps([time.perf_counter() - began_s, used.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)]))
