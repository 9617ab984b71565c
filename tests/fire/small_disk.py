"""`stocksync` on a disk with little room: no file may grow beyond ROOM_BYTES bytes. Run as a program."""

import os
import resource

from stocksync.entrypoints.cli import main

if __name__ == "__main__":
    room = int(os.environ["ROOM_BYTES"])
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    main()
