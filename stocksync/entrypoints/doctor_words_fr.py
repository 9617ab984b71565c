"""The sentences of `stocksync doctor` in French: for each check what was found, and how it is mended.

Spaces are plain here and set by `doctor_words`, which fills the sentences in.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

SENTENCES: Final[Mapping[str, tuple[str, str]]] = {
    # configuration
    "mapping_valid": ("fichiers de correspondance valables, points de vente : {points}", ""),
    "mapping_problem": ("{detail}", "corriger cette ligne, puis stocksync mapping check"),
    "mapping_warning": ("{detail}", "fonctionne tel quel ; voir stocksync mapping check"),
    "mapping_missing": ("{detail}", "stocksync init DOSSIER, ou --mappings DOSSIER"),
    "variable_set": ("variable renseignée", ""),
    "variable_missing": ("variable non renseignée (utilisée par {used_by})", "ajouter dans .env : {where}=…"),
    "variable_placeholder": (
        "la valeur est un exemple, pas une vraie valeur (utilisée par {used_by})",
        "mettre la vraie valeur dans .env : {where}=…",
    ),
    "variable_quoted": (
        "la valeur garde des guillemets autour d'elle (utilisée par {used_by})",
        "enlever les guillemets : {where}=…",
    ),
    "variable_spaced": (
        "la valeur contient des espaces ou des caractères invisibles (utilisée par {used_by})",
        "recopier la valeur sans espace : {where}=…",
    ),
    "address_valid": ("adresse utilisable", ""),
    "address_invalid": ("{detail}", "corriger {where} : https://serveur/chemin"),
    "env_file_closed": ("les autres comptes de la machine ne lisent pas ce fichier", ""),
    "env_file_open": ("tous les comptes de la machine lisent ces secrets (droits {mode})", "chmod 600 {where}"),
    # systems: the way there
    "name_known": ("le nom {host} est connu", ""),
    "name_unknown": ("le nom {host} est inconnu : {detail}", "vérifier l'adresse, puis le DNS : getent hosts {host}"),
    "name_late": ("le DNS ne répond pas pour {host} en {seconds} s", "vérifier le DNS : getent hosts {host}"),
    "name_forbidden": (
        "le nom {host} mène à {address}, qui n'est jamais un logiciel de stock",
        "corriger l'adresse, ou le DNS",
    ),
    "connected": ("connexion à {host}, port {port}", ""),
    "connection_refused": (
        "pas de connexion à {host}, port {port} : {detail}",
        "vérifier l'adresse et le port ; demander à l'éditeur si le service est ouvert à cette machine",
    ),
    "connection_late": (
        "{host}, port {port}, ne répond pas en {seconds} s",
        "vérifier le pare-feu : la machine doit pouvoir sortir vers {host}:{port}",
    ),
    "tls_spoken": ("chiffrement établi ({version})", ""),
    "tls_certificate": (
        "le certificat de {host} n'est pas accepté : {detail}",
        "faire renouveler le certificat par l'éditeur, ou corriger le nom dans l'adresse",
    ),
    "tls_none": ("{host} ne parle pas TLS : {detail}", "vérifier le port de l'adresse https"),
    "tls_late": ("{host} accepte la connexion, puis ne dit plus rien", "réessayer ; sinon prévenir l'éditeur"),
    "tls_broken_off": ("{host} coupe pendant le chiffrement : {detail}", "réessayer ; sinon vérifier le pare-feu"),
    # systems: what they answer
    "not_usable": ("{detail}", "corriger la valeur, puis stocksync doctor"),
    "answers": ("répond en {seconds} s", ""),
    "answers_slowly": (
        "répond lentement : première page en {seconds} s",
        "demander à l'éditeur ; sinon des pages plus petites (list.query dans la correspondance)",
    ),
    "no_answer": ("{detail}", "réessayer ; sinon prévenir l'éditeur"),
    "asked_too_often": ("{detail}", "attendre quelques minutes, puis stocksync doctor"),
    "listing_moves": ("{detail}", "réessayer"),
    "answer_unexpected": (
        "{detail}",
        "vérifier l'adresse (le chemin compris) et le bloc connection de la correspondance",
    ),
    "key_accepted": ("la clé est acceptée en lecture", ""),
    "no_key": ("aucune clé n'est demandée", ""),
    "key_wanted": (
        "les fichiers disent qu'aucune clé n'est demandée, or le système en veut une : {detail}",
        "dire sous auth:, dans la connexion de ce système, ce qui l'ouvre",
    ),
    "key_401": ("la clé est inconnue du système (401) : {detail}", "corriger {variables} dans .env"),
    "key_403": (
        "la clé est connue, mais n'a pas le droit (403) : {detail}",
        "demander à l'éditeur le droit de lire et d'écrire le stock pour la clé {variables}",
    ),
    "rights": (
        "droit de lire constaté ; le droit d'écrire n'est pas essayé, car stocksync doctor n'écrit jamais : "
        "la première écriture de stocksync sync le dira",
        "",
    ),
    "not_asked": ("points de vente non examinés ici : {points}", "corriger d'abord ce qui précède"),
    "code_known": ("le point de vente {code} y est connu", ""),
    "code_unknown": (
        "le point de vente {code} n'y est pas connu : {detail}",
        "corriger code: {code} dans points_of_sale.yaml",
    ),
    "code_empty": (
        "le point de vente {code} ne liste aucune fiche",
        "vérifier code: {code} dans points_of_sale.yaml",
    ),
    "records_readable": ("première page lisible : fiches {total}, champs {fields}", ""),
    "records_nameless": (
        "{count:fiche|fiches} sur {total} sans identifiant lisible",
        "corriger record: id: dans la correspondance de ce système",
    ),
    "field_never_there": (
        "le champ {field} ({attribute}) n'est dans aucune des {total} fiches de la première page",
        "vérifier l'orthographe de {field} dans la correspondance, ou l'enlever",
    ),
    "codes_unknown": (
        "{attribute} : {count:code absent|codes absents} de la table, sur {total:fiche|fiches} : {examples}",
        "ajouter ces codes à la table de {attribute}, ou les corriger dans le système",
    ),
    "values_unreadable": (
        "{attribute} ({field}) : {count:valeur illisible|valeurs illisibles} sur {total} : {examples} [{why}]",
        "corriger ces valeurs dans le système ; elles sont mises de côté d'ici là",
    ),
    "field_unreadable": (
        "{attribute} ({field}) : aucune des {count} valeurs n'est lisible : {examples} [{why}]",
        "corriger converter et format de {attribute} dans la correspondance",
    ),
    "car_read": ("une fiche relue par son identifiant ({record})", ""),
    "car_gone": (
        "la fiche {record}, rattachée chez nous, n'existe plus dans ce système",
        "stocksync explain {record} ; le prochain passage la signalera",
    ),
    "car_not_by_id": (
        "la fiche {record} est listée, mais ne se lit pas par son identifiant",
        "vérifier read: path: et record: id: dans la correspondance",
    ),
    "clock_agrees": ("horloge à {seconds} s de la nôtre", ""),
    "clock_unknown": ("le système ne donne pas l'heure", ""),
    "clock_off": (
        "horloge à {seconds} s de la nôtre. stocksync ne compare jamais les deux horloges, mais les repères de "
        "lecture, les réservations et les signatures des notifications peuvent en souffrir",
        "mettre cette machine à l'heure (timedatectl) ; sinon prévenir l'éditeur",
    ),
    # systems that exchange files
    "folder_there": ("le dossier est là et se lit", ""),
    "logged_in": ("la clé du serveur est connue, et la nôtre acceptée", ""),
    "host_key": ("{detail}", "demander la nouvelle clé au responsable du serveur, puis corriger {variables} dans .env"),
    "login_refused": ("{detail}", "corriger l'utilisateur dans l'adresse, ou {variables} dans .env"),
    "folder_missing": (
        "le dossier {folder} n'existe pas",
        "le faire créer, ou corriger folder: dans le bloc connection de ce système",
    ),
    "folder_closed": (
        "le dossier {folder} ne se lit pas : {detail}",
        "donner le droit de lire {folder} au compte de stocksync",
    ),
    "folder_read": ("le dossier {folder} se lit", ""),
    "folder_read_and_written": ("le dossier {folder} se lit et s'écrit", ""),
    "folder_made_there": ("le dossier {folder} n'est pas encore là : stocksync le crée", ""),
    "folder_not_written": (
        "rien ne peut être écrit dans le dossier {folder} : {detail}",
        "donner le droit d'écrire et d'effacer dans {folder} au compte de stocksync",
    ),
    "listing_none": (
        "aucun fichier du nom {pattern} dans {folder}",
        "faire déposer une liste complète par le système, ou corriger folder: et pattern: dans son bloc connection",
    ),
    "changes_none": ("pas de fichier de modifications ({pattern}) dans {folder} en ce moment", ""),
    "listing_age": ("fichier le plus récent : {file}, vieux de {hours} h", ""),
    "listing_old": (
        "le fichier le plus récent, {file}, est vieux de {hours} h",
        "vérifier que le système dépose toujours ses listes dans {folder}",
    ),
    "listing_unmarked": (
        "le fichier le plus récent, {file}, n'a pas de {marker} à côté de lui : il n'est pas encore lu",
        "attendre que le système le termine ; sinon corriger ready: dans son bloc connection",
    ),
    "listing_unsettled": (
        "le fichier le plus récent, {file}, a été touché depuis moins de {seconds} s : il n'est pas encore lu",
        "attendre un moment ; sinon corriger ready: dans son bloc connection",
    ),
    "listing_not_taken": (
        "{detail}",
        "corriger format: (encodage, séparateur, en-tête), ready: ou record: id: de ce système ; sinon prévenir "
        "l'éditeur",
    ),
    "memory_unreadable": (
        "{detail}",
        "regarder ce fichier et le remettre en état, ou l'écarter : des écritures peuvent alors partir deux fois",
    ),
    "pending_none": ("aucune écriture n'attend de paraître dans une liste", ""),
    "pending": (
        "{count:écriture remise|écritures remises} et pas encore dans une liste, la plus ancienne depuis {hours} h",
        "vérifier que le système prend ses fichiers et liste ce qu'ils changent",
    ),
    "outgoing_left": (
        "{count:fichier|fichiers} dans {folder} que personne n'a pris depuis un jour, le plus ancien {file}",
        "vérifier que le système prend toujours ses fichiers",
    ),
    "answers_left": (
        "{count:réponse|réponses} dans {folder} qui ne vont à aucune écriture, la plus ancienne {file}",
        "les écarter ; corriger pattern: de acknowledgements si elles sont pour nous",
    ),
    # database
    "database_address": ("l'adresse de la base est illisible", "STOCKSYNC_DATABASE_URL=sqlite:///stocksync.db"),
    "database_unescaped": (
        "l'adresse de la base contient un @ qui n'est pas celui d'avant l'hôte",
        "dans le mot de passe, écrire @ %40, / %2F, : %3A, ? %3F, # %23 et % %25",
    ),
    "database_new": ("pas encore de base : le premier stocksync sync la crée", ""),
    "database_opens": ("la base s'ouvre", ""),
    "database_unusable": (
        "la base ne s'ouvre pas : {detail}",
        "vérifier le chemin, les droits et le disque, puis stocksync db check",
    ),
    "database_no_room": (
        "la base ne s'ouvre pas, faute de place sur son disque : {detail}",
        "faire de la place ; le fichier est intact, ne pas reprendre de sauvegarde",
    ),
    "database_read_only": (
        "la base ne s'ouvre pas, faute de droit d'écrire le fichier ou son dossier : {detail}",
        "donner ce droit au compte de stocksync, ou monter le disque en écriture ; le fichier est intact",
    ),
    "database_locked": (
        "un autre programme tient la base : {detail}",
        "trouver ce programme et l'arrêter ; le fichier est intact",
    ),
    "database_silent": ("le serveur de la base ne répond pas ({detail})", "vérifier l'adresse et le serveur"),
    "schema_current": ("schéma {found}, celui de ce programme", ""),
    "schema_older": (
        "schéma {found}, mis à jour en {head} au prochain passage",
        "sauvegarder d'abord : stocksync db backup",
    ),
    "schema_newer": (
        "schéma {found}, plus récent que ce programme ({head})",
        "mettre stocksync à jour, ou reprendre la sauvegarde d'avant",
    ),
    "schema_foreign": ("cette base n'est pas celle de stocksync", "STOCKSYNC_DATABASE_URL : nommer un autre fichier"),
    "integrity_good": ("le fichier est intact", ""),
    "integrity_unknown": ("trop grand pour être relu en {seconds} s", "stocksync db check, à une heure calme"),
    "integrity_broken": (
        "le fichier est abîmé : {detail}",
        "arrêter stocksync, garder le fichier, et reprendre une sauvegarde",
    ),
    "network_drive": (
        "disque réseau ({kind}) : une base SQLite peut s'y abîmer",
        "mettre la base sur un disque de cette machine : STOCKSYNC_DATABASE_URL",
    ),
    "disk_free": ("place libre : {megabytes} Mo", ""),
    "disk_low": ("place libre : {megabytes} Mo seulement", "faire de la place avant que la base ne puisse plus écrire"),
    "disk_full": ("place libre : {megabytes} Mo, trop peu pour travailler", "faire de la place sur ce disque"),
    # folders and the machine
    "folder_writable": ("des fichiers peuvent y être créés et déplacés d'un coup", ""),
    "folder_to_be_made": ("pas encore là : stocksync le crée", ""),
    "folder_not_writable": ("rien ne peut y être écrit : {detail}", "donner le droit d'écrire au compte de stocksync"),
    "folder_full": ("plus de place pour y écrire : {detail}", "faire de la place sur ce disque"),
    "folder_read_only": ("disque monté en lecture seule : {detail}", "le monter en écriture"),
    "folder_moves_not": ("un fichier ne s'y remplace pas d'un coup", "choisir un dossier sur un disque ordinaire"),
    "exchange_none": ("pas de dossier d'échange (STOCKSYNC_EXCHANGE n'est pas renseignée)", ""),
    "exchange_no_folder": ("ce n'est pas un dossier", "STOCKSYNC_EXCHANGE : nommer un dossier"),
    "exchange_other_drive": (
        "sur un autre disque que le dossier d'échange",
        "garder tout le dossier d'échange sur un seul disque",
    ),
    "time_zones_there": ("fuseaux horaires connus : {zones}", ""),
    "time_zones_missing": (
        "fuseaux horaires inconnus de cette machine : {zones}",
        "installer tzdata (apt install tzdata), ou corriger time_zone dans points_of_sale.yaml",
    ),
    "clock_sane": ("l'horloge de cette machine est plausible ({now})", ""),
    "clock_behind": (
        "l'horloge de cette machine ({now}) est avant l'installation du programme ({built})",
        "mettre la machine à l'heure (timedatectl set-ntp true)",
    ),
    "open_files": ("fichiers ouverts permis : {number}", ""),
    "open_files_few": ("fichiers ouverts permis : {number} seulement", "ulimit -n 1024, ou LimitNOFILE=1024"),
}
