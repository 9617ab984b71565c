"""A car's journal in plain words: one line per fact, oldest first, in the time of its point of sale."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from stocksync.entrypoints import cases
from stocksync.mapping.effective import PointOfSaleMapping
from stocksync.reports import wording
from stocksync.reports.decision_answers import CHOICES
from stocksync.reports.spelling import Counted, Language, Speller, attribute_of, instant, neutral, quoted
from stocksync.reports.words import CATEGORIES, EVIDENCE, SIDE_NAMES
from stocksync.stock.reasons import Reason
from stocksync.stock.reconcile import Category
from stocksync.stock.values import SIDES, Side
from stocksync.stock.vehicle import STAGE
from stocksync.sync.answers import Fact
from stocksync.sync.cars import RESERVATION_DUE

WORDS: Final[Mapping[Language, Mapping[str, str]]] = {
    "fr": {
        "bound": "fiche et dossier rattachés ({evidence})",
        "agreed": "{count:donnée identique|données identiques} des deux côtés",
        "decided": "{attribute} : {category}, {reason} (module véhicules {module}, DMS {dms})",
        "decided_bare": "{attribute} : {category} (module véhicules {module}, DMS {dms})",
        "due": "{attribute} : {category}",
        "moves": "statut à changer : {path}",
        "merged": "deux voitures reconnues comme une seule",
        "content_erased": "contenu effacé à la demande d'une personne",
        "to_replace": "une réservation est à remplacer : {kind}",
        "create": "créée dans le {side} avec {count:donnée|données}",
        "reserve": "réservation illimitée posée dans le {side}",
        "former": " (remplace une réservation : {kind})",
        "update": "{attribute} écrit dans le {side} : {before} → {after}",
        "reference": "référence croisée {reference} notée dans le {side}",
        "not_kept": "{attribute} écrit dans le {side}, mais non conservé : {before} → {after}",
        "not_written": "non écrit dans le {side} : {why}",
        "reported": "à vérifier : {sentence}",
        "report_changed": "toujours à vérifier : {sentence}",
        "report_closed": "plus à vérifier : {attribute}, {reason}",
        "run": "exécution n° {run}",
        "no_run": "hors exécution",
        "decision_taken": "{by} décide du conflit n° {conflict} ({attribute}) : {choice}{value}{comment} [{file}]",
        "decision_applied": "décision de {by} sur le conflit n° {conflict} ({attribute}) : appliquée",
        "decision_stale": "décision de {by} sur le conflit n° {conflict} ({attribute}) : périmée, les valeurs ont "
        "changé avant qu'elle soit appliquée",
        "decision_forbidden": "décision de {by} sur le conflit n° {conflict} ({attribute}) : non appliquée, la matrice "
        "ne le permet plus",
        "decision_refused": "décision de {by} sur le conflit n° {conflict} ({attribute}) : rejetée par un système",
        "decision_undone": "{by} annule la décision sur le conflit n° {conflict} ({attribute})",
    },
    "en": {
        "bound": "record and file bound ({evidence})",
        "agreed": "{count:attribute|attributes} equal on both sides",
        "decided": "{attribute}: {category}, {reason} (vehicle module {module}, DMS {dms})",
        "decided_bare": "{attribute}: {category} (vehicle module {module}, DMS {dms})",
        "due": "{attribute}: {category}",
        "moves": "stage to move: {path}",
        "merged": "two cars found to be one",
        "content_erased": "content erased at a person's request",
        "to_replace": "a reservation is to be replaced: {kind}",
        "create": "created in the {side} with {count:attribute|attributes}",
        "reserve": "unlimited reservation set in the {side}",
        "former": " (replaces a reservation: {kind})",
        "update": "{attribute} written in the {side}: {before} → {after}",
        "reference": "cross reference {reference} noted in the {side}",
        "not_kept": "{attribute} written in the {side}, but not kept: {before} → {after}",
        "not_written": "not written in the {side}: {why}",
        "reported": "to check: {sentence}",
        "report_changed": "still to check: {sentence}",
        "report_closed": "no longer to check: {attribute}, {reason}",
        "run": "run {run}",
        "no_run": "outside a run",
        "decision_taken": "{by} decides conflict {conflict} ({attribute}): {choice}{value}{comment} [{file}]",
        "decision_applied": "decision of {by} about conflict {conflict} ({attribute}): carried out",
        "decision_stale": "decision of {by} about conflict {conflict} ({attribute}): stale, the values moved before it "
        "was carried out",
        "decision_forbidden": "decision of {by} about conflict {conflict} ({attribute}): not carried out, the matrix "
        "does not allow it any more",
        "decision_refused": "decision of {by} about conflict {conflict} ({attribute}): refused by a system",
        "decision_undone": "{by} takes back the decision about conflict {conflict} ({attribute})",
    },
}


_REPORTS: Final = frozenset({"reported", "report_changed", "report_closed"})
_REPORTED_VALUES: Final = ("vehicle_module_value", "dms_value", "base_value")


@dataclass(frozen=True, slots=True)
class HistoryView:
    """One car's journal, told in one language; names of people are masked."""

    journal: tuple[Fact, ...]
    mapping: PointOfSaleMapping
    language: Language
    never_in_dms: bool = False

    def lines(self) -> Iterator[str]:
        """One line per fact."""
        for fact in self.journal:
            run = self._say("run", run=str(fact.run_id)) if fact.run_id else self._say("no_run")
            for said in self._told(fact):
                yield f"{instant(self._local(fact.at))}  {run}  {said}"

    def as_data(self) -> list[dict[str, Any]]:
        """The facts for a program."""
        return [
            {
                "at": fact.at.isoformat(),
                "run": fact.run_id or None,
                "action": fact.action,
                "details": self._masked(fact.details),
                "told": list(self._told(fact)),
            }
            for fact in self.journal
        ]

    def about(self, subject: str, conflict_id: int) -> HistoryView:
        """The same history with only what concerns one subject, and one row of the report."""
        kept = (_about(fact, subject, conflict_id) for fact in self.journal)
        return replace(self, journal=tuple(fact for fact in kept if fact is not None))

    def _told(self, fact: Fact) -> Iterator[str]:
        if fact.action in _REPORTS:
            yield self._reported(fact.action, fact.details)
            return
        if fact.action.startswith("decision_"):
            yield self._decision(fact.action, fact.details)
            return
        tell = {"decided": self._decided, "written": self._written, "not_written": self._not_written}.get(fact.action)
        if tell is None:
            yield self._say(fact.action) if fact.action in WORDS[self.language] else fact.action
        else:
            yield from tell(fact.details)

    def _reported(self, action: str, details: Mapping[str, Any]) -> str:
        subject, reason = details["subject"], Reason(details["reason"])
        if action == "report_closed":
            label = wording.label(reason, self.language)
            return self._say(action, attribute=self._label(subject), reason=label)
        # Without owner and rule: today's matrix may say otherwise than the one that decided then.
        case = wording.Case(
            reason=reason,
            category=Category(details["category"]),
            subject=subject,
            vehicle_module=details.get("vehicle_module_value"),
            dms=details.get("dms_value"),
            base=details.get("base_value"),
            details=details.get("details", {}),
            never_in_dms=self.never_in_dms,
            # As it was found then: whether it was due tells whether it was there.
            reserved=RESERVATION_DUE not in details.get("details", {}),
        )
        speller = Speller(self.language, self.mapping.choice_labels)
        return self._say(action, sentence=wording.sentence(case, self.mapping.vocabulary, speller))

    def _decision(self, action: str, details: Mapping[str, Any]) -> str:
        said = {"by": str(details["by"]), "conflict": str(details["conflict"])}
        said["attribute"] = self._label(details["subject"])
        if action == "decision_taken":
            comment = str(details.get("comment") or "")
            said |= {
                "choice": CHOICES[self.language][details["choice"]],
                "value": self._decided_value(details),
                "comment": f", {quoted(comment, self.language)}" if comment else "",
                "file": str(details.get("file") or "-"),
            }
        return self._say(action, **said)

    def _decided_value(self, details: Mapping[str, Any]) -> str:
        """The value that both sides are to hold; both, where a decision is taken back and they are to differ again."""
        if f"{Side.DMS}_value" not in details:
            return ""
        texts = [self._value(details["subject"], side, details[f"{side}_value"]) for side in SIDES]
        return f" → {' / '.join(dict.fromkeys(texts))}"

    def _decided(self, details: Mapping[str, Any]) -> Iterator[str]:
        how = details.get("bound_by")
        if how is not None:
            evidence = EVIDENCE.get(how, how) if self.language == "fr" else str(how).replace("_", " ")
            yield self._say("bound", evidence=evidence)
        agreed = details.get("agreed", ())
        if agreed:
            yield self._say("agreed", count=Counted(len(agreed), self.language))
        for subject, told in details.get("decided", {}).items():
            yield self._verdict(subject, told)
        former = details.get("former_reservation")
        if isinstance(former, Mapping):
            yield self._say("to_replace", kind=str(former.get("kind", "?")))
        moves = details.get("moves", ())
        if moves:
            path = [moves[0][0], *(goal for _, goal, _ in moves)]
            yield self._say("moves", path=" → ".join(self._value(STAGE, Side.VEHICLE_MODULE, word) for word in path))

    def _verdict(self, subject: str, told: Mapping[str, Any]) -> str:
        said = {"attribute": self._label(subject), "category": CATEGORIES[self.language][Category(told["category"])]}
        if "reason" in told and told["reason"] != Reason.REFUSED_CHANGE:
            said["reason"] = wording.label(Reason(told["reason"]), self.language)
        if "base" not in told:
            tail = f" ({said['reason']})" if "reason" in said else ""
            return self._say("due", **said) + tail
        said["module"] = self._value(subject, Side.VEHICLE_MODULE, told.get(Side.VEHICLE_MODULE.value))
        said["dms"] = self._value(subject, Side.DMS, told.get(Side.DMS.value))
        return self._say("decided" if "reason" in said else "decided_bare", **said)

    def _written(self, details: Mapping[str, Any]) -> Iterator[str]:
        side, changes = Side(details["side"]), details.get("changes", {})
        name = SIDE_NAMES[self.language][side]
        if details["action"] == "create":
            yield self._say("create", side=name, count=Counted(len(changes), self.language))
            return
        if details["action"] == "reserve":
            former = details.get("former_reservation")
            tail = self._say("former", kind=str(former.get("kind", "?"))) if isinstance(former, Mapping) else ""
            yield self._say("reserve", side=name) + tail
            return
        for subject, (before, after) in changes.items():
            key = "not_kept" if subject in details.get("not_kept", ()) else "update"
            values = {"before": self._value(subject, side, before), "after": self._value(subject, side, after)}
            yield self._say(key, attribute=self._label(subject), side=name, **values)
        if details.get("reference") is not None:
            yield self._say("reference", reference=str(details["reference"]), side=name)

    def _not_written(self, details: Mapping[str, Any]) -> Iterator[str]:
        side = SIDE_NAMES[self.language][Side(details["side"])]
        yield self._say("not_written", side=side, why=str(details.get("why", "?")))

    def _masked(self, details: Mapping[str, Any]) -> dict[str, Any]:
        """Details for a program, with no person named."""
        shown = dict(details)
        personal = {name for name, attribute in self.mapping.vocabulary.items() if attribute.personal}
        for group in ("changes", "decided"):
            if group in shown:
                shown[group] = {
                    name: self._masked_values(name, told) if name in personal else told
                    for name, told in shown[group].items()
                }
        if shown.get("subject") in personal:
            attribute = self.mapping.vocabulary[shown["subject"]]
            shown |= {name: neutral(attribute, shown.get(name)) for name in _REPORTED_VALUES}
            shown.pop("details", None)
        if isinstance(shown.get("former_reservation"), Mapping):
            shown["former_reservation"] = {"kind": shown["former_reservation"].get("kind")}
        return shown

    def _masked_values(self, name: str, told: Any) -> Any:
        attribute = self.mapping.vocabulary[name]
        if isinstance(told, list):
            return [neutral(attribute, text) if isinstance(text, str) and text not in SIDES else text for text in told]
        hidden = {side.value for side in SIDES} | {"base", "write"}
        return {key: self._masked_value(name, value) if key in hidden else value for key, value in told.items()}

    def _masked_value(self, name: str, value: Any) -> Any:
        if isinstance(value, list):
            return self._masked_values(name, value)
        return neutral(self.mapping.vocabulary[name], value)

    def _label(self, subject: str) -> str:
        return cases.told_subject(subject, self.mapping, self.language)

    def _value(self, subject: str, side: Side, text: str | None) -> str:
        speller = Speller(self.language, self.mapping.choice_labels)
        return speller.text(attribute_of(subject, side, self.mapping.vocabulary), text)

    def _local(self, at: datetime) -> datetime:
        return at.astimezone(ZoneInfo(self.mapping.time_zone))

    def _say(self, key: str, **values: str | Counted) -> str:
        template = WORDS[self.language][key]
        return wording.typeset(template, self.language).format(**values)


def _about(fact: Fact, subject: str, conflict_id: int) -> Fact | None:
    """A fact without what it tells of other subjects; None where nothing is left."""
    details = fact.details
    if "conflict" in details:
        return fact if details["conflict"] == conflict_id else None
    if "subject" in details:
        return fact if details["subject"] == subject else None
    for group in ("changes", "decided"):
        if subject in details.get(group, {}):
            return replace(
                fact,
                details={"side": details.get("side"), "action": details.get("action")}
                | {group: {subject: details[group][subject]}, "not_kept": details.get("not_kept", ())},
            )
    return None
