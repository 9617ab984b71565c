"""The short words that people read, per language: sides, owners, categories, states, and parts of sentences.

Ordinary spaces are written here too; `wording` sets what stands in a French sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from stocksync.reports.spelling import Language
from stocksync.stock.ownership import OnBothChanged
from stocksync.stock.reconcile import Category
from stocksync.stock.values import Side

Words = Mapping[Language, Mapping[str, str]]

SIDE_NAMES: Final[Words] = {
    "fr": {Side.VEHICLE_MODULE: "module véhicules", Side.DMS: "DMS"},
    "en": {Side.VEHICLE_MODULE: "vehicle module", Side.DMS: "DMS"},
}
OWNERS: Final[Words] = {
    "fr": {**SIDE_NAMES["fr"], "shared": "partagé", "none": "personne", "lifecycle": "ligne de vie"},
    "en": {**SIDE_NAMES["en"], "shared": "shared", "none": "nobody", "lifecycle": "line of life"},
}
CATEGORIES: Final[Words] = {
    "fr": {
        Category.NOTHING_KNOWN: "rien à comparer",
        Category.UNCHANGED: "sans changement",
        Category.AGREED: "accord",
        Category.WRITTEN: "à écrire",
        Category.REFUSED: "modification refusée",
        Category.CONFLICT: "conflit",
        Category.HELD: "en attente",
        Category.DEFERRED: "différé",
    },
    "en": {
        Category.NOTHING_KNOWN: "nothing to compare",
        Category.UNCHANGED: "unchanged",
        Category.AGREED: "agreed",
        Category.WRITTEN: "to write",
        Category.REFUSED: "refused change",
        Category.CONFLICT: "conflict",
        Category.HELD: "held",
        Category.DEFERRED: "deferred",
    },
}
RUN_STATES: Final[Words] = {
    "fr": {
        "running": "en cours",
        "done": "terminée",
        "incomplete": "inachevée, à relancer",
        "failed": "échouée",
        "halted": "arrêtée par une sécurité",
        "released": "débloquée, attend le prochain passage",
    },
    "en": {
        "running": "running",
        "done": "done",
        "incomplete": "incomplete, run it again",
        "failed": "failed",
        "halted": "halted by a guard",
        "released": "released, waits for the next run",
    },
}
SUBJECTS: Final[Words] = {
    "fr": {
        "binding": "Rapprochement",
        "record": "Fiche",
        "reserved": "Réservation",
        "reference_vehicle_module": "Référence croisée dans le module véhicules",
        "reference_dms": "Référence croisée dans le DMS",
    },
    "en": {
        "binding": "Match",
        "record": "Record",
        "reserved": "Reservation",
        "reference_vehicle_module": "Cross reference in the vehicle module",
        "reference_dms": "Cross reference in the DMS",
    },
}
CLOSED: Final[Words] = {
    "fr": {"no_longer_so": "ne se présente plus", "settled": "réglé par une écriture", "exit": "voiture sortie"},
    "en": {"no_longer_so": "no longer so", "settled": "settled by a write", "exit": "the car left"},
}
EVIDENCE: Final[Mapping[str, str]] = {
    "reference": "référence croisée",
    "police_number": "n° de police",
    "vin": "châssis",
    "registration": "immatriculation et date MEC",
    "vin of a bound record": "châssis d'une voiture déjà rattachée",
    "vin of a record in doubt": "châssis d'une fiche déjà en doute",
    "police_number of a record in doubt": "n° de police d'une fiche déjà en doute",
    "registration of a record in doubt": "immatriculation d'une fiche déjà en doute",
    "vin_slip": "châssis à une lettre près",
    "contradicted": "contredit par le reste",
}
HALTS: Final[Mapping[str, str]] = {
    "empty_listing": "Le {side} ne liste plus aucun véhicule (à la dernière lecture complète : {earlier} ; de l'autre "
    "côté : {other}).",
    "short_listing": "Le {side} ne liste que {listed:véhicule|véhicules}, contre {earlier} à la dernière lecture "
    "complète.",
    "unreadable_records": "{unreadable} des {listed} fiches du {side} ont un identifiant, un statut ou une clé "
    "illisible.",
    "mass_removal": "Sorties, réservations et effacements toucheraient d'un coup {touched:voiture|voitures} sur "
    "{cars}.",
    "mass_overwrite": "Le plan écraserait « {attribute} » sur {touched:voiture|voitures} sur {cars}.",
    "mapping_changed": "Les fichiers de correspondance ont changé depuis la dernière exécution, et le plan avec eux : "
    "{writes:écriture|écritures} au lieu de {writes_before}.",
    "field_gone": "Le {side} ne transmet plus le champ {field} ({attribute}) : il n'est dans aucune des fiches lues, "
    "alors que {records:fiche l'avait|fiches l'avaient} auparavant. Tout ce qui en dépend s'arrêterait sans bruit : "
    "corriger son nom dans les fichiers de correspondance, ou l'en retirer.",
    "field_unread": "Les fichiers de correspondance ont changé depuis la dernière exécution : « {attribute} » est "
    "désormais cherché dans le champ {field}, qui n'est dans aucune des {records:fiche|fiches} du {side} ; avant, "
    "cette donnée était lue.",
}
OWNER_HOLDS: Final[Mapping[Language, str]] = {
    "fr": "La valeur du {owner} fait foi et est recopiée dans le {other}. Rien à faire si elle est juste.",
    "en": "The value of the {owner} holds and is copied to the {other}. Nothing to do if it is right.",
}
"""What is said of a first contact that one side decided."""
OWNER_HELD: Final[Mapping[Language, str]] = {
    "fr": "La valeur du côté qui en décide fait foi et est recopiée dans l'autre. Rien à faire si elle est juste.",
    "en": "The owner's value holds and is copied to the other side. Nothing to do if it is right.",
}
"""The same, where nobody knows any more which one."""
REVIEWER_HOLDS: Final[Mapping[Language, str]] = {
    "fr": "Un relecteur en a décidé : la valeur décidée vaut des deux côtés.",
    "en": "A reviewer decided it: the decided value holds on both sides.",
}
"""What is said of a disagreement that a reviewer's decision settles, whatever it was about."""
ADVICE: Final[Words] = {
    "fr": {
        "": "Si {loser_value} est la bonne valeur, la saisir dans le {winner}.",
        "open": "Si {loser_value} est la bonne valeur, la saisir dans le {winner}, ou choisir {chosen} dans la colonne "
        "Décision du rapport.",
    },
    "en": {
        "": "If {loser_value} is right, enter it in the {winner}.",
        "open": "If {loser_value} is right, enter it in the {winner}, or choose {chosen} in the report's Decision "
        "column.",
    },
}
"""What to do about a refused change; `open` where a decision for it can be taken."""
BOTH_CHANGED: Final[Mapping[Language, str]] = {
    "fr": "« {attribute} » a été modifié des deux côtés ({module} dans le module véhicules, {dms} dans le DMS) ; "
    "{kept}. Rien à faire.",
    "en": "“{attribute}” was changed on both sides ({module} in the vehicle module, {dms} in the DMS); {kept}. Nothing "
    "to do.",
}
"""What is said of a shared attribute that a rule of the matrix decided: nobody's change was out of turn."""
KEPT: Final[Words] = {
    "fr": {
        OnBothChanged.HIGHEST: "la valeur la plus élevée est gardée",
        OnBothChanged.LOWEST: "la valeur la plus basse est gardée",
        OnBothChanged.VEHICLE_MODULE: "la valeur du module véhicules est gardée",
        OnBothChanged.DMS: "la valeur du DMS est gardée",
    },
    "en": {
        OnBothChanged.HIGHEST: "the highest value is kept",
        OnBothChanged.LOWEST: "the lowest value is kept",
        OnBothChanged.VEHICLE_MODULE: "the vehicle module's value is kept",
        OnBothChanged.DMS: "the DMS's value is kept",
    },
}
WHOSE: Final[Words] = {
    "fr": {
        Side.VEHICLE_MODULE: "La valeur du module véhicules",
        Side.DMS: "La valeur du DMS",
        "both": "La valeur des deux côtés",
        "": "La valeur",
    },
    "en": {
        Side.VEHICLE_MODULE: "The vehicle module's value",
        Side.DMS: "The DMS's value",
        "both": "The value of both sides",
        "": "The value",
    },
}
WHERE_BLANK: Final[Words] = {
    "fr": {Side.VEHICLE_MODULE: "dans le module véhicules", Side.DMS: "dans le DMS", "": "d'un côté"},
    "en": {Side.VEHICLE_MODULE: "in the vehicle module", Side.DMS: "in the DMS", "": "on one side"},
}
ABSENCE: Final[Words] = {
    "fr": {"gone": "n'est plus", "never": "ne figure pas"},
    "en": {"gone": "is no longer", "never": "is not"},
}
RESERVATION: Final[Words] = {
    "fr": {
        "set": "Elle y est bloquée par une réservation illimitée.",
        "held": "Elle n'y est pas bloquée, et stocksync ne l'y bloque pas tant que la correspondance n'est pas "
        "éclaircie : l'y réserver à la main, et ne pas la vendre d'ici là.",
        "due": "La réservation illimitée n'y est pas encore posée : ne pas vendre la voiture d'ici là.",
    },
    "en": {
        "set": "An unlimited reservation blocks it there.",
        "held": "It is not blocked there, and stocksync does not block it until the match is cleared up: reserve it "
        "there by hand, and do not sell it in the meantime.",
        "due": "The unlimited reservation is not set there yet: do not sell the car in the meantime.",
    },
}
HANGS_ON: Final[Words] = {
    "fr": {
        "stage": "du statut",
        "destination": "de la destination",
        "vehicle_type": "du type",
        "point_of_sale": "du point de vente",
    },
    "en": {
        "stage": "the stage",
        "destination": "the destination",
        "vehicle_type": "the type",
        "point_of_sale": "the point of sale",
    },
}
SALES: Final[Words] = {
    "fr": {"dms_order": "bon de commande", "invoice_number": "facture", "sale": "facturée"},
    "en": {"dms_order": "order", "invoice_number": "invoice", "sale": "invoiced"},
}
WHY_FR: Final[tuple[tuple[str, str], ...]] = (
    (r"not a text", "ce n'est pas un texte"),
    (r"too long or with control characters", "texte trop long ou avec des caractères invisibles"),
    (r"not a number or code", "ce n'est ni un numéro ni un code"),
    (r"(\d+) characters instead of 17", r"\1 caractères au lieu de 17"),
    (r"(\d+) characters, too few for a VIN", r"\1 caractères, trop peu pour un châssis"),
    (r"I, O, Q or a character that no VIN has", "I, O, Q ou un caractère qu'aucun châssis ne porte"),
    (r"not a number plate", "ce n'est pas une immatriculation"),
    (r"a yes or no where a number was due", "oui ou non à la place d'un nombre"),
    (r"a text where a number was due", "un texte à la place d'un nombre"),
    (r"not a number( as this system spells them)?", "ce n'est pas un nombre"),
    (r"not an amount in euros and cents", "ce n'est pas un montant en euros et centimes"),
    (r"not a whole number", "ce n'est pas un nombre entier"),
    (r"not a date .*", "ce n'est pas une date"),
    (r"not an instant .*", "ce n'est pas un instant"),
    (r"neither .* nor .*|not true or false", "ni oui ni non"),
    (r"a code that the value table does not have", "code absent de la table de correspondance"),
    (r"not an object", "contenu inattendu"),
    (r"less than .*", "valeur inférieure au minimum"),
    (r"more than .*", "valeur supérieure au maximum"),
    (r"(?:after|before) (\w+)", r"les dates se contredisent (avec {\1})"),
    (r"in the future", "date dans le futur"),
    (r"not allowed with (\w+) (\w+)", r"ne doit pas être rempli avec {\1} = {\1:\2}"),
    (r"required with (\w+) (\w+)", r"obligatoire avec {\1} = {\1:\2}"),
    (r"too low to be a price", "trop bas pour être un prix"),
)
