"""The words of `stocksync db`: what was done, what is wrong with a database and how it is mended, what is erased."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stocksync.adapters.store.check import Matter
from stocksync.adapters.store.erasing_parts import Place
from stocksync.reports.spelling import Language

WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "backup": "sauvegarde faite et vérifiée : {path}",
        "figures": "{size}, en {took} s, schéma {revision}",
        "journal": "journal : {rows:ligne|lignes}, dernière empreinte {hash}",
        "removed": "ancienne sauvegarde supprimée : {path}",
        "file": "base {path} : {size}, journal d'écriture {wal}, {free} libres à côté, schéma {revision}",
        "kind": "système de fichiers : {kind}, monté sur {point}",
        "good": "rien à signaler (en {took} s)",
        "faults": "{count:anomalie|anomalies} (en {took} s)",
        "where": " [{where}]",
        "more": ", etc. ({count} en tout)",
        "nothing": "rien à oublier : tout est postérieur au {before}, ou sert encore",
        "would": "serait oublié, comme terminé avant le {before} :",
        "done": "oublié, comme terminé avant le {before} :",
        "outbox": "{count:écriture terminée|écritures terminées}",
        "snapshots": "{count:fiche disparue|fiches disparues}",
        "runs": "{count:exécution sans effet|exécutions sans effet}",
        "summaries": "les chiffres de {count:exécution|exécutions}",
        "mapping_versions": "{count:version des fichiers de mapping|versions des fichiers de mapping}",
        "alerts": "{count:alerte close|alertes closes}",
    },
    "en": {
        "backup": "backup made and checked: {path}",
        "figures": "{size}, in {took} s, schema {revision}",
        "journal": "journal: {rows:row|rows}, last hash {hash}",
        "removed": "older backup deleted: {path}",
        "file": "database {path}: {size}, write-ahead log {wal}, {free} free beside it, schema {revision}",
        "kind": "file system: {kind}, mounted on {point}",
        "good": "nothing is wrong (in {took} s)",
        "faults": "{count:fault|faults} (in {took} s)",
        "where": " [{where}]",
        "more": ", and so on ({count} in all)",
        "nothing": "nothing to forget: everything is later than {before}, or still of use",
        "would": "would be forgotten, as over before {before}:",
        "done": "forgotten, as over before {before}:",
        "outbox": "{count:finished write|finished writes}",
        "snapshots": "{count:record|records} gone from a system",
        "runs": "{count:run|runs} without effect",
        "summaries": "the figures of {count:run|runs}",
        "mapping_versions": "{count:version|versions} of the mapping files",
        "alerts": "{count:closed alert|closed alerts}",
    },
}

FAULTS: Final[Mapping[Language, Mapping[Matter, str]]] = {
    "fr": {
        Matter.NO_ROOM: "plus de place sur le disque de la base ; son contenu n'a pas pu être vérifié. Faire de la "
        "place, puis relancer cette commande. Rien n'est perdu : ne pas remettre de sauvegarde en place.",
        Matter.READ_ONLY: "stocksync n'a pas le droit d'écrire le fichier ou son dossier, ou le disque est en lecture "
        "seule ; le contenu n'a pas pu être vérifié. Donner ce droit, ou monter le disque en écriture, puis relancer "
        "cette commande. Rien n'est perdu : ne pas remettre de sauvegarde en place.",
        Matter.LOCKED: "un autre programme tient la base ; son contenu n'a pas pu être vérifié. Trouver ce programme "
        "et l'arrêter, puis relancer cette commande.",
        Matter.DISK_FAILS: "le disque ne répond pas comme il le devrait ; le contenu n'a pas pu être vérifié, et rien "
        "ne dit qu'il soit endommagé. Vérifier le disque et ce que le système en dit, puis relancer cette commande.",
        Matter.DAMAGED: "le fichier est endommagé. Arrêter stocksync, garder une copie du fichier, remettre la "
        "dernière sauvegarde en place, puis vérifier le disque.",
        Matter.DANGLING: "des lignes renvoient à ce qui n'existe pas. Remettre la dernière sauvegarde en place, ou "
        "demander de l'aide avec la sortie de --json.",
        Matter.NOT_OURS: "ce n'est pas une base de stocksync. Vérifier l'adresse donnée par --database.",
        Matter.NEWER_SCHEMA: "la base vient d'un stocksync plus récent. Mettre stocksync à jour.",
        Matter.OLDER_SCHEMA: "la base est d'un schéma plus ancien ; son contenu n'a pas été vérifié. La sauvegarder, "
        "puis lancer stocksync status, qui la met à jour.",
        Matter.JOURNAL_BROKEN: "le journal a été modifié. stocksync journal verify dit où et comment ; comparer avec "
        "une sauvegarde.",
        Matter.NETWORK_DRIVE: "la base se trouve sur un disque partagé par le réseau, où deux machines peuvent "
        "l'endommager. La déplacer sur un disque local.",
        Matter.LITTLE_ROOM: "trop peu de place à côté de la base. Faire de la place : un disque plein arrête toutes "
        "les synchronisations.",
        Matter.LARGE_WAL: "le journal d'écriture grossit : un programme lit la base depuis longtemps. Le trouver et "
        "l'arrêter ; le fichier diminue ensuite de lui-même.",
        Matter.BACKUP_LEFTOVER: "restes de sauvegardes interrompues. Les supprimer.",
        Matter.RECORD_BOUND_TWICE: "une même fiche est rattachée à deux voitures. Remettre la dernière sauvegarde en "
        "place, ou demander de l'aide avec la sortie de --json.",
        Matter.ENTRY_WITHOUT_CAR: "des écritures ne mènent à aucune voiture connue. Demander de l'aide avec la sortie "
        "de --json.",
        Matter.ENTRY_STANDING_STILL: "des écritures attendent depuis plus de sept jours. Lancer stocksync sync pour "
        "leur point de vente ; stocksync status dit ce qui le retient.",
        Matter.OPEN_TWICE: "une même anomalie est ouverte deux fois dans le rapport. Lancer stocksync sync ; si cela "
        "reste, demander de l'aide.",
        Matter.RUN_WITHOUT_MAPPING: "des exécutions renvoient à des fichiers de mapping inconnus. La prochaine "
        "synchronisation complète s'en passe ; rien d'autre à faire.",
        Matter.UNREADABLE_TEXT: "des lignes contiennent un texte illisible. Remettre la dernière sauvegarde en place.",
    },
    "en": {
        Matter.NO_ROOM: "no room is left on the disk of the database; what it says could not be checked. Make room, "
        "then run this command again. Nothing is lost: do not put a backup in its place.",
        Matter.READ_ONLY: "stocksync may not write the file or its folder, or the disk is read-only; what it says "
        "could not be checked. Give it that right, or mount the disk writable, then run this command again. Nothing is "
        "lost: do not put a backup in its place.",
        Matter.LOCKED: "another program holds the database; what it says could not be checked. Find that program and "
        "end it, then run this command again.",
        Matter.DISK_FAILS: "the disk does not do what it is asked; what the file says could not be checked, and "
        "nothing tells that it is damaged. Check the disk and what the system says of it, then run this command again.",
        Matter.DAMAGED: "the file is damaged. Stop stocksync, keep a copy of the file, put the last backup in its "
        "place, then check the disk.",
        Matter.DANGLING: "rows refer to what is not there. Put the last backup in its place, or ask for help with the "
        "output of --json.",
        Matter.NOT_OURS: "this is no database of stocksync. Check the address given with --database.",
        Matter.NEWER_SCHEMA: "the database was made by a newer stocksync. Update stocksync.",
        Matter.OLDER_SCHEMA: "the database has an older schema; what it says was not checked. Back it up, then run "
        "stocksync status, which brings it up to date.",
        Matter.JOURNAL_BROKEN: "the journal was tampered with. stocksync journal verify tells where and how; compare "
        "it with a backup.",
        Matter.NETWORK_DRIVE: "the database lies on a drive shared over a network, where two machines can damage it. "
        "Move it to a local disk.",
        Matter.LITTLE_ROOM: "too little room beside the database. Make room: a full disk stops every run.",
        Matter.LARGE_WAL: "the write-ahead log grows: a program has been reading the database for long. Find and end "
        "it; the file then shrinks by itself.",
        Matter.BACKUP_LEFTOVER: "leftovers of backups that were broken off. Delete them.",
        Matter.RECORD_BOUND_TWICE: "one record is bound to two cars. Put the last backup in its place, or ask for help "
        "with the output of --json.",
        Matter.ENTRY_WITHOUT_CAR: "writes lead to no known car. Ask for help with the output of --json.",
        Matter.ENTRY_STANDING_STILL: "writes have been waiting for more than seven days. Run stocksync sync for their "
        "point of sale; stocksync status tells what holds it.",
        Matter.OPEN_TWICE: "one finding is open twice in the report. Run stocksync sync; if it stays, ask for help.",
        Matter.RUN_WITHOUT_MAPPING: "runs refer to unknown mapping files. The next complete run does without them; "
        "nothing else is to be done.",
        Matter.UNREADABLE_TEXT: "rows hold a text that cannot be read. Put the last backup in its place.",
    },
}

ERASING: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "would": "à effacer, car passé :",
        "done": "effacé :",
        "would_delete": "rapports à supprimer :",
        "deleted": "rapports supprimés :",
        "left": "reste, car encore en usage :",
        "then": "Effacer la personne dans les fiches nommées ici, lancer stocksync sync, puis relancer cette commande.",
        "files_left": "fichiers laissés en place :",
        "file_report": "{path} : rapport qui n'a pas pu être supprimé",
        "file_other": "{path} : n'est pas un rapport de stocksync ; la personne y figure",
        "file_unreadable": "{path} : illisible ; à regarder soi-même",
        "more": "et {count} de plus ; tout est dans --json",
        "nowhere": "la personne ne figure nulle part",
        "nowhere_left": "la personne ne figure plus nulle part",
        "nothing": "rien à effacer",
        "not_rewritten": "Des restes illisibles peuvent subsister dans le fichier de la base : un autre programme le "
        "lit, ou la place manque. Relancer cette commande quand c'est réglé.",
        "question": "Effacer définitivement ?",
        "nothing_done": "Rien n'est effacé.",
        "backups": "Les sauvegardes gardent ce qui y était : les supprimer, ou laisser stocksync db backup --keep les "
        "remplacer.",
        "count_snapshot": "{count:fiche disparue|fiches disparues}",
        "count_car": "{count:voiture|voitures}",
        "count_outbox": "{count:écriture terminée|écritures terminées}",
        "count_conflict": "{count:anomalie close|anomalies closes}",
        "count_resolution": "{count:décision|décisions}",
        "count_pause": "le motif ou l'auteur de {count:suspension|suspensions}",
        "count_gate": "{count:motif de fermeture|motifs de fermeture} d'un système",
        "count_run": "les messages de {count:exécution|exécutions}",
        "count_alert": "{count:alerte|alertes}",
        "count_journal": "{count:ligne du journal|lignes du journal}",
    },
    "en": {
        "would": "to be erased, as over and done with:",
        "done": "erased:",
        "would_delete": "reports to be deleted:",
        "deleted": "reports deleted:",
        "left": "left, as still in use:",
        "then": "Erase the person in the records named here, run stocksync sync, then this command again.",
        "files_left": "files left where they are:",
        "file_report": "{path}: a report that could not be deleted",
        "file_other": "{path}: no report of stocksync; the person is in it",
        "file_unreadable": "{path}: cannot be read; have a look yourself",
        "more": "and {count} more; all of it is in --json",
        "nowhere": "the person is nowhere",
        "nowhere_left": "the person is nowhere any more",
        "nothing": "nothing to erase",
        "not_rewritten": "Unreadable remains may be left in the database's file: another program reads it, or there is "
        "too little room. Run this command again once that is settled.",
        "question": "Erase for good?",
        "nothing_done": "Nothing is erased.",
        "backups": "Backups hold what was there: delete them, or let stocksync db backup --keep replace them.",
        "count_snapshot": "{count:record|records} gone from a system",
        "count_car": "{count:car|cars}",
        "count_outbox": "{count:finished write|finished writes}",
        "count_conflict": "{count:closed finding|closed findings}",
        "count_resolution": "{count:decision|decisions}",
        "count_pause": "why, or by whom, of {count:pause|pauses}",
        "count_gate": "why {count:system is|systems are} shut out",
        "count_run": "the messages of {count:run|runs}",
        "count_alert": "{count:alert|alerts}",
        "count_journal": "{count:line of the journal|lines of the journal}",
    },
}

HOLDING: Final[Mapping[Language, Mapping[Place, str]]] = {
    "fr": {
        Place.SNAPSHOTS: "fiche {records}, {point} : ce système la montre ainsi",
        Place.CARS: "voiture {key} ({records}) : dernière valeur commune, ou écriture essayée",
        Place.OUTBOX: "écriture n° {key} ({records}) : pas encore terminée",
        Place.CONFLICTS: "anomalie n° {key} ({records}) : ouverte",
        Place.DECISIONS: "décision n° {key} ({records}) : pas encore appliquée, ou anomalie laissée de côté ; "
        "stocksync conflicts undo l'annule",
        Place.PAUSES: "suspension de {key}",
        Place.GATES: "système fermé {key}",
        Place.RUNS: "exécution n° {key}",
        Place.ALERTS: "alerte n° {key}",
        Place.JOURNAL: "ligne du journal n° {key}",
    },
    "en": {
        Place.SNAPSHOTS: "record {records}, {point}: that system shows it so",
        Place.CARS: "car {key} ({records}): last common value, or a write that was tried",
        Place.OUTBOX: "write {key} ({records}): not finished yet",
        Place.CONFLICTS: "finding {key} ({records}): open",
        Place.DECISIONS: "decision {key} ({records}): not carried out yet, or a finding left as it is; "
        "stocksync conflicts undo takes it back",
        Place.PAUSES: "pause of {key}",
        Place.GATES: "system shut out {key}",
        Place.RUNS: "run {key}",
        Place.ALERTS: "alert {key}",
        Place.JOURNAL: "line {key} of the journal",
    },
}
"""What a row is that still holds a person; records: the records of its car."""
