"""The sentences of `stocksync doctor` in English: for each check what was found, and how it is mended.

Spaces are plain here and set by `doctor_words`, which fills the sentences in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    "mapping_valid": ("mapping files valid, points of sale: {points}", ""),
    "mapping_problem": ("{detail}", "correct this line, then stocksync mapping check"),
    "mapping_warning": ("{detail}", "works as written; see stocksync mapping check"),
    "mapping_missing": ("{detail}", "stocksync init DIRECTORY, or --mappings DIRECTORY"),
    "variable_set": ("variable set", ""),
    "variable_missing": ("variable not set (used by {used_by})", "add to .env: {where}=…"),
    "variable_placeholder": (
        "the value is an example, not a real one (used by {used_by})",
        "put the real value into .env: {where}=…",
    ),
    "variable_quoted": ("the value has quotes around it (used by {used_by})", "take the quotes away: {where}=…"),
    "variable_spaced": (
        "the value holds spaces or characters that cannot be seen (used by {used_by})",
        "copy the value again without spaces: {where}=…",
    ),
    "address_valid": ("address can be used", ""),
    "address_invalid": ("{detail}", "correct {where}: https://server/path"),
    "env_file_closed": ("other accounts of this machine cannot read it", ""),
    "env_file_open": ("every account of this machine can read these secrets (mode {mode})", "chmod 600 {where}"),
    "name_known": ("the name {host} is known", ""),
    "name_unknown": ("the name {host} is not known: {detail}", "check the address, then the DNS: getent hosts {host}"),
    "name_late": ("the DNS gives no answer for {host} in {seconds} s", "check the DNS: getent hosts {host}"),
    "name_forbidden": ("the name {host} leads to {address}, never a stock's place", "correct the address, or the DNS"),
    "connected": ("connected to {host}, port {port}", ""),
    "connection_refused": (
        "no connection to {host}, port {port}: {detail}",
        "check address and port; ask the vendor whether the service is open to this machine",
    ),
    "connection_late": (
        "{host}, port {port}, does not answer in {seconds} s",
        "check the firewall: this machine must be able to reach {host}:{port}",
    ),
    "tls_spoken": ("encrypted ({version})", ""),
    "tls_certificate": (
        "the certificate of {host} is not accepted: {detail}",
        "have the vendor renew the certificate, or correct the name in the address",
    ),
    "tls_none": ("{host} does not speak TLS: {detail}", "check the port of the https address"),
    "tls_late": ("{host} takes the connection and then says nothing", "try again; else tell the vendor"),
    "tls_broken_off": ("{host} breaks off while encrypting: {detail}", "try again; else check the firewall"),
    "not_usable": ("{detail}", "correct the value, then stocksync doctor"),
    "answers": ("answers in {seconds} s", ""),
    "answers_slowly": (
        "answers slowly: first page in {seconds} s",
        "ask the vendor; else smaller pages (list.query in the mapping)",
    ),
    "no_answer": ("{detail}", "try again; else tell the vendor"),
    "asked_too_often": ("{detail}", "wait some minutes, then stocksync doctor"),
    "listing_moves": ("{detail}", "try again"),
    "answer_unexpected": ("{detail}", "check the address (its path too) and the mapping's connection block"),
    "key_accepted": ("the key is accepted for reading", ""),
    "no_key": ("no key is asked for", ""),
    "key_wanted": (
        "the mapping files say that no key is asked for, yet one is: {detail}",
        "say under auth:, in this system's connection, how it is opened",
    ),
    "key_401": ("the system does not know the key (401): {detail}", "correct {variables} in .env"),
    "key_403": (
        "the key is known and has no right (403): {detail}",
        "ask the vendor for the right to read and write the stock for the key {variables}",
    ),
    "rights": (
        "the right to read is seen; the right to write is not tried, as stocksync doctor never writes: the first write "
        "of stocksync sync will tell",
        "",
    ),
    "not_asked": ("points of sale not looked at here: {points}", "correct what stands before first"),
    "code_known": ("the point of sale {code} is known there", ""),
    "code_unknown": (
        "the point of sale {code} is not known there: {detail}",
        "correct code: {code} in points_of_sale.yaml",
    ),
    "code_empty": ("the point of sale {code} lists no record", "check code: {code} in points_of_sale.yaml"),
    "records_readable": ("first page readable: records {total}, fields {fields}", ""),
    "records_nameless": (
        "{count} of {total:record|records} without a readable id",
        "correct record: id: in this system's mapping",
    ),
    "field_never_there": (
        "the field {field} ({attribute}) is in none of the {total} records of the first page",
        "check the spelling of {field} in the mapping, or take it out",
    ),
    "codes_unknown": (
        "{attribute}: {count:code|codes} not in the table, in {total:record|records}: {examples}",
        "add these codes to the table of {attribute}, or correct them in the system",
    ),
    "values_unreadable": (
        "{attribute} ({field}): {count:unreadable value|unreadable values} of {total}: {examples} [{why}]",
        "correct these values in the system; they are left aside until then",
    ),
    "field_unreadable": (
        "{attribute} ({field}): none of the {count} values can be read: {examples} [{why}]",
        "correct converter and format of {attribute} in the mapping",
    ),
    "car_read": ("one record read again by its id ({record})", ""),
    "car_gone": (
        "the record {record}, bound here, is not in this system any more",
        "stocksync explain {record}; the next run will report it",
    ),
    "car_not_by_id": (
        "the record {record} is listed and cannot be read by its id",
        "check read: path: and record: id: in the mapping",
    ),
    "clock_agrees": ("clock {seconds} s from ours", ""),
    "clock_unknown": ("the system does not tell the time", ""),
    "clock_off": (
        "clock {seconds} s from ours. stocksync never compares the two clocks, but reading marks, reservations and the "
        "signatures of notifications may suffer",
        "set this machine's clock (timedatectl); else tell the vendor",
    ),
    "folder_there": ("the folder is there and can be looked into", ""),
    "logged_in": ("the server's key is known, and ours is accepted", ""),
    "host_key": ("{detail}", "ask the server's keeper for its new key, then correct {variables} in .env"),
    "login_refused": ("{detail}", "correct the user in the address, or {variables} in .env"),
    "folder_missing": (
        "there is no folder {folder}",
        "have it made there, or correct folder: in this system's connection",
    ),
    "folder_closed": (
        "the folder {folder} cannot be looked into: {detail}",
        "give stocksync's account the right to read {folder}",
    ),
    "folder_read": ("the folder {folder} can be read", ""),
    "folder_read_and_written": ("the folder {folder} can be read and written", ""),
    "folder_made_there": ("the folder {folder} is not there yet: stocksync makes it", ""),
    "folder_not_written": (
        "nothing can be written into the folder {folder}: {detail}",
        "give stocksync's account the right to write and remove in {folder}",
    ),
    "listing_none": (
        "no file of the name {pattern} in {folder}",
        "have the system put a complete listing there, or correct folder: and pattern: in its connection",
    ),
    "changes_none": ("no file of changes ({pattern}) in {folder} at present", ""),
    "listing_age": ("newest file: {file}, {hours} h old", ""),
    "listing_old": (
        "the newest file, {file}, is {hours} h old",
        "see whether the system still puts its listings into {folder}",
    ),
    "listing_unmarked": (
        "the newest file, {file}, has no {marker} beside it: it is not read yet",
        "wait for the system to end it; else correct ready: in its connection",
    ),
    "listing_unsettled": (
        "the newest file, {file}, was touched within the last {seconds} s: it is not read yet",
        "wait a moment; else correct ready: in its connection",
    ),
    "listing_not_taken": (
        "{detail}",
        "correct format: (encoding, separator, header), ready: or record: id: of this system; else tell its vendor",
    ),
    "memory_unreadable": ("{detail}", "look at that file and put it right, or put it away: writes may then go twice"),
    "pending_none": ("no write is waiting to be seen in a listing", ""),
    "pending": (
        "{count:write|writes} handed over and not seen in a listing yet, the oldest for {hours} h",
        "see whether the system takes its files and lists what they changed",
    ),
    "outgoing_left": (
        "{count:file|files} in {folder} that nobody has fetched for a day, the oldest {file}",
        "see whether the system still takes its files",
    ),
    "answers_left": (
        "{count:answer|answers} in {folder} that belong to no write any more, the oldest {file}",
        "put them away; correct pattern: of acknowledgements if they are ours",
    ),
    "database_address": ("the address of the database cannot be read", "STOCKSYNC_DATABASE_URL=sqlite:///stocksync.db"),
    "database_unescaped": (
        "the address of the database holds an @ that does not stand before the host",
        "in the password write @ as %40, / as %2F, : as %3A, ? as %3F, # as %23 and % as %25",
    ),
    "database_new": ("no database yet: the first stocksync sync makes it", ""),
    "database_opens": ("the database opens", ""),
    "database_unusable": (
        "the database does not open: {detail}",
        "check its path, its rights and the disk, then stocksync db check",
    ),
    "database_no_room": (
        "the database does not open for want of room on its disk: {detail}",
        "make room; the file is whole, do not restore a backup",
    ),
    "database_read_only": (
        "the database does not open for want of the right to write the file or its folder: {detail}",
        "give stocksync's account that right, or mount the disk writable; the file is whole",
    ),
    "database_locked": ("another program holds the database: {detail}", "find it and end it; the file is whole"),
    "database_silent": ("the database server does not answer ({detail})", "check the address and the server"),
    "schema_current": ("schema {found}, that of this program", ""),
    "schema_older": ("schema {found}, brought up to {head} by the next run", "back it up first: stocksync db backup"),
    "schema_newer": (
        "schema {found}, newer than this program ({head})",
        "update stocksync, or restore the backup made before",
    ),
    "schema_foreign": ("this is no database of stocksync", "STOCKSYNC_DATABASE_URL: name another file"),
    "integrity_good": ("the file is whole", ""),
    "integrity_unknown": ("too large to be looked through in {seconds} s", "stocksync db check, at a quiet hour"),
    "integrity_broken": ("the file is damaged: {detail}", "stop stocksync, keep the file, and restore a backup"),
    "network_drive": (
        "network drive ({kind}): a SQLite database can be damaged there",
        "put the database on a disk of this machine: STOCKSYNC_DATABASE_URL",
    ),
    "disk_free": ("free: {megabytes} MB", ""),
    "disk_low": ("free: {megabytes} MB only", "make room before the database can write no more"),
    "disk_full": ("free: {megabytes} MB, too little to work", "make room on this disk"),
    "folder_writable": ("files can be made there, and moved in one step", ""),
    "folder_to_be_made": ("not there yet: stocksync makes it", ""),
    "folder_not_writable": ("nothing can be written there: {detail}", "give stocksync's account the right to write"),
    "folder_full": ("no room to write there: {detail}", "make room on this disk"),
    "folder_read_only": ("the disk is mounted read-only: {detail}", "mount it writable"),
    "folder_moves_not": ("a file cannot be replaced in one step there", "choose a folder on an ordinary disk"),
    "exchange_none": ("no exchange folder (STOCKSYNC_EXCHANGE is not set)", ""),
    "exchange_no_folder": ("this is no folder", "STOCKSYNC_EXCHANGE: name a folder"),
    "exchange_other_drive": (
        "on another drive than the exchange folder",
        "keep the whole exchange folder on one drive",
    ),
    "time_zones_there": ("time zones known: {zones}", ""),
    "time_zones_missing": (
        "time zones that this machine does not know: {zones}",
        "install tzdata (apt install tzdata), or correct time_zone in points_of_sale.yaml",
    ),
    "clock_sane": ("this machine's clock can be right ({now})", ""),
    "clock_behind": (
        "this machine's clock ({now}) is before the program was installed ({built})",
        "set the clock (timedatectl set-ntp true)",
    ),
    "open_files": ("open files allowed: {number}", ""),
    "open_files_few": ("open files allowed: {number} only", "ulimit -n 1024, or LimitNOFILE=1024"),
}
