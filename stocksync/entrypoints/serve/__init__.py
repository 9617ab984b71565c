"""The service: every point of sale synchronised on time, until it is told to stop.

    triggers      the instants of `sync.timetable`, as APScheduler asks for them
    service       the threads: a scheduler whose jobs only ask, workers that take turns
    turns         what carrying one turn out consists of
    folders       the exchange folders before and after a turn
    watchers      several who look on at runs
    storage       whether runs can be kept: counted, told, and tried again once they can
    edits         the mapping files, edited while it runs    regularly  what is looked at again and again
    web           what the HTTP application is told of the service
    http_thread   where an HTTP application is served from
    stopping      signals, and an end in time
    announcement  what is said at the start
    assembled     all of these put together, from settings, mapping files and database

Which point of sale comes next is decided in `sync.dispatch`, which kind of run it gets in `sync.timetable`.
"""
