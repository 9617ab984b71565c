"""Recordings of a cycle: what both systems said and what was remembered before, without secrets and persons.

substitution   letters for letters and digits for digits, under a key that is never kept
places         what stands where in a system's messages, as its mapping says
finding        persons, addresses and telephone numbers in texts, and what was seen to be personal elsewhere
scrubbing      one side's messages without secrets and persons
tap            a transport that keeps what goes over it, in memory only
exchanges      what was kept, as lines of a recording
files_tape     a folder that keeps what is read and written there, in memory only
files_content  what files hold, scrubbed through the format's own reader
files_lines    what was kept of folders, as lines of a recording
files_replay   a folder that shows what a recording holds of one
memory         what is remembered of a point of sale, taken before a run and written scrubbed
outcome        what a run came to, without a single value, so that two can be compared
folder         the files of a recording, written whole and read with suspicion
answering      a transport that answers out of a recording, and its clock
"""
