"""A system that exchanges files, as one point of sale sees it: `system` is the adapter, the rest its parts.

transport   a folder on a drive (local) or on an SFTP server (sftp): whole files in, whole files out
names       patterns of file names, and the stamps in them
rows        what every format reads and writes; csv_rows, json_rows, xml_rows one each
listings    which files make the newest whole listing
pending     what was written and not yet seen
outgoing    rows of files that go out
answers     acknowledgement files
"""
