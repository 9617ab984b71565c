"""Every net has to catch something: parts of the program are taken out, and the simulation or a death must notice."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from typing import Any

import pytest
from sqlalchemy import select

from stocksync.adapters.store import repository, rows, snapshot_rows
from stocksync.adapters.store.core import SNAPSHOT
from stocksync.adapters.store.repository import Repository
from stocksync.adapters.systems import listing, slices
from stocksync.stock import reconcile
from stocksync.stock.reconcile import Category, Question, Verdict
from stocksync.stock.values import Side
from stocksync.sync import acknowledge, attributes, cars, decide, deciding, edit_reach, narrow, sending
from stocksync.sync.familiar import Familiar, KnownPage, unpacked
from stocksync.sync.recording import OutboxEntry
from stocksync.sync.runs import KnownRuns, no_run
from tests.simulation.__main__ import simulated
from tests.simulation.crashes import troubles, undisturbed
from tests.simulation.killing import Points
from tests.simulation.scenarios import SCENARIOS

Plant = Callable[[pytest.MonkeyPatch], None]


def nothing_is_claimed(patch: pytest.MonkeyPatch) -> None:
    right = Repository._writing_for

    def rolled_back(self: Repository, run_id: int, sides: Iterable[Side], limit: int) -> list[OutboxEntry]:
        found: list[OutboxEntry] = []

        @contextmanager
        def without_commit(inner: Repository, run: int) -> Iterator[Any]:
            with inner.engine.connect() as connection:
                yield connection
                connection.rollback()

        patch.setattr(Repository, "_writing_for", without_commit)
        found = claim(self, run_id, sides, limit)
        patch.setattr(Repository, "_writing_for", right)
        return found

    claim = Repository.claim
    patch.setattr(Repository, "claim", rolled_back)


def the_base_moves_at_plan_time(patch: pytest.MonkeyPatch) -> None:
    def eager(draft: Any) -> dict[str, Any]:
        return {**draft.car.base, **{name: v.write.value for name, v in draft.verdicts.items() if v.write is not None}}

    patch.setattr(decide, "base_after", eager)


def an_answer_is_trusted_unread(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(acknowledge, "same", lambda *_: True)


def the_fence_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(repository, "check_fence", lambda *_: None)


def what_is_read_back_is_not_looked_at(patch: pytest.MonkeyPatch) -> None:
    def looking_back(self: Any, side: Side, record_id: str, _: Any) -> Any:
        return lambda: (self._native(side, record_id), False)

    patch.setattr(sending.Sender, "_looking_back", looking_back)


def what_was_expected_is_not_compared(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sending.Sender, "_check_expected", lambda *_: None)


def nothing_is_read_before_a_write(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(sending.Sender, "_check_unmoved", lambda *_: None)


def no_listing_is_guarded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deciding, "check_listings", lambda *_: [])


def no_plan_is_guarded(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(deciding, "check_plan", lambda *_: [])


def the_loser_is_written_to_the_owner(patch: pytest.MonkeyPatch) -> None:
    def backwards(question: Question, side: Side) -> reconcile.Write:
        return reconcile.Write(side.other, question.known(side), question.known(side.other))

    patch.setattr(reconcile, "_write", backwards)
    for module in (attributes, sending):
        patch.setattr(module, "may_write", lambda *_, **__: True)


def conflicts_are_swallowed(patch: pytest.MonkeyPatch) -> None:
    right = attributes.decide

    def silent(question: Question) -> Verdict:
        verdict = right(question)
        return reconcile.UNCHANGED if verdict.category in (Category.HELD, Category.CONFLICT) else verdict

    patch.setattr(attributes, "decide", silent)


def the_journal_is_not_chained(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rows, "link", lambda *_: "the same")


def a_row_has_the_values_for_its_name(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        cars.Finding, "key", property(lambda f: f"{f.car_id}|{f.subject}|{f.reason}|{f.vehicle_module}|{f.dms}")
    )


def values_are_rounded_on_their_way(patch: pytest.MonkeyPatch) -> None:
    from stocksync.mapping.translate import SideTranslation

    body = SideTranslation.body

    def rounded(self: Any, values: Mapping[str, Any], reference: str | None = None) -> dict[str, Any]:
        cut = {name: value // 100 * 100 if name == "mileage" and value else value for name, value in values.items()}
        return body(self, cut, reference)

    patch.setattr(SideTranslation, "body", rounded)


def a_key_is_made_anew_for_every_attempt(patch: pytest.MonkeyPatch) -> None:
    right = sending.Sender.send

    def renewed(self: Any, entry: OutboxEntry, seen: Any) -> Any:
        return right(self, replace(entry, key=f"{entry.key[::-1]}"), seen)

    patch.setattr(sending.Sender, "send", renewed)


def an_unanswered_write_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(decide, "as_acknowledged", lambda sighting, _: sighting)


def an_interrupted_run_is_forgotten(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(repository, "supersede", lambda *_: None)


def a_run_is_known_by_its_beginning(patch: pytest.MonkeyPatch) -> None:
    def stands(view: memoryview, at: int, end: int, known: KnownRuns, number: int) -> bool:
        stop = at + known.lengths[number]
        return stop == end or (stop < end and view[stop] == ord(","))

    patch.setattr(slices, "_stands", stands)


def what_follows_a_run_is_cut_one_record_short(patch: pytest.MonkeyPatch) -> None:
    right = slices._add

    def short(pieces: list[slices.Piece], content: bytes, start: int, end: int) -> bool:
        known, done = len(pieces), right(pieces, content, start, end)
        if known and len(pieces) > known and (items := pieces.pop().items) is not None and len(items) > 1:
            digests = tuple(slices.digest_of(item) for item in items[:-1])
            pieces.append(slices.Piece(start, end, digests, no_run(len(digests)), items[:-1]))
        return done

    patch.setattr(slices, "_add", short)


def a_page_of_which_anything_came_was_met_whole(patch: pytest.MonkeyPatch) -> None:
    def met(self: Familiar, digests: Iterable[int]) -> int:
        came, before = set(digests), len(self.left)
        self.left.difference_update(came)
        counted = before - len(self.left)
        for page in self.packed.values():
            if not came.isdisjoint(on_page := unpacked(page.digests)):
                self.left.difference_update(on_page)
        return counted

    patch.setattr(Familiar, "met", met)


def what_came_again_unread_is_not_counted(patch: pytest.MonkeyPatch) -> None:
    right = listing._Seen.repeats
    patch.setattr(listing._Seen, "repeats", lambda self, listed: right(self, replace(listed, doubled=0)))
    patch.setattr(listing._Seen, "twice", lambda *_: 0)


def of_a_page_that_came_whole_nothing_came_before(patch: pytest.MonkeyPatch) -> None:
    right = Familiar.met_page

    def met_page(self: Familiar, page: KnownPage) -> int:
        right(self, page)
        return page.count

    patch.setattr(Familiar, "met_page", met_page)


def no_page_says_another_total(patch: pytest.MonkeyPatch) -> None:
    right = listing.StepTally.problem

    def problem(self: listing.StepTally, listed: listing.Listed) -> str:
        self._said = (listed.total, listed.pages)
        return right(self, listed)

    patch.setattr(listing.StepTally, "problem", problem)


def the_records_of_a_run_are_miscounted(patch: pytest.MonkeyPatch) -> None:
    right = slices._runs

    def miscounted(text: memoryview, items: list[Any]) -> bytes:
        runs = [[*run] for run in struct.iter_unpack("<QQII", right(text, items))]
        if len(runs) > 1:
            runs[0][3], runs[-1][3] = runs[0][3] + 1, runs[-1][3] - 1
        return b"".join(struct.pack("<QQII", *run) for run in runs)

    patch.setattr(slices, "_runs", miscounted)


def nothing_is_missed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(Familiar, "not_met", lambda _: set())


def what_moved_on_is_not_missed(patch: pytest.MonkeyPatch) -> None:
    of_no_listing = select(SNAPSHOT.c.record_id).where(*snapshot_rows._HERE, SNAPSHOT.c.listed_digest.is_(None))
    patch.setattr(snapshot_rows, "_NONE_STANDS_FOR", of_no_listing)


def at_stake_without(patch: pytest.MonkeyPatch, name: str) -> None:
    right = edit_reach._AtStake.__init__

    def left_out(self: Any, paths: Any, lives: Any, *given: Any) -> None:
        kept = dict(zip(("_equal", "_very_same", "_rules"), given, strict=False)) | {name: ()}
        right(self, paths, lives, *kept.values(), *given[3:])

    patch.setattr(edit_reach._AtStake, "__init__", left_out)


def the_very_same_is_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    at_stake_without(patch, "_very_same")


def what_must_be_equal_is_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    at_stake_without(patch, "_equal")


def a_new_rule_is_not_asked(patch: pytest.MonkeyPatch) -> None:
    at_stake_without(patch, "_rules")


def another_owner_reaches_nobody_who_agrees(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(edit_reach, "_reaches", lambda *_: False)


def a_text_in_another_spelling_is_the_very_same(patch: pytest.MonkeyPatch) -> None:
    right = edit_reach._differ

    def differ(here: Any, there: Any, attribute: Any = None) -> bool:
        both = isinstance(here, str) and isinstance(there, str)
        return here.casefold() != there.casefold() if both else right(here, there, attribute)

    patch.setattr(edit_reach, "_differ", differ)


def nothing_is_read_otherwise(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(edit_reach, "_fields_read_otherwise", lambda *_: ())


def what_stands_alone_is_not_asked_for(patch: pytest.MonkeyPatch) -> None:
    right = edit_reach._at_stake

    def asked(before: Any, after: Any, today_on: Any) -> Any:
        patch.setattr(edit_reach, "_otherwise_alone", lambda *_: frozenset())
        found = right(before, after, today_on)
        patch.setattr(edit_reach, "_otherwise_alone", alone)
        return found

    alone = edit_reach._otherwise_alone
    patch.setattr(edit_reach, "_at_stake", asked)


def other_texts_that_mean_nothing_are_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(edit_reach, "_texts_read_otherwise", lambda *_: ())


def types_that_come_or_go_are_not_looked_for(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(edit_reach, "_types_that_come_or_go", lambda *_: ())


def another_lifecycle_means_nobody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(edit_reach, "_lives_otherwise", lambda *_: ())


def every_change_leaves_others_alone(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(narrow, "_is_unmoved", lambda *given: given[-1] is not None)


CAUGHT_BY: Mapping[Plant, int] = {
    nothing_is_claimed: 0,
    the_base_moves_at_plan_time: 0,
    an_answer_is_trusted_unread: 29,
    the_fence_is_not_looked_at: 2,
    what_is_read_back_is_not_looked_at: 456,
    what_was_expected_is_not_compared: 1,
    nothing_is_read_before_a_write: 1,
    no_listing_is_guarded: 15,
    no_plan_is_guarded: 40,
    the_loser_is_written_to_the_owner: 0,
    conflicts_are_swallowed: 1,
    the_journal_is_not_chained: 0,
    a_row_has_the_values_for_its_name: 38,
    values_are_rounded_on_their_way: 0,
    a_key_is_made_anew_for_every_attempt: 0,
    a_run_is_known_by_its_beginning: 5,
    what_follows_a_run_is_cut_one_record_short: 2,
    a_page_of_which_anything_came_was_met_whole: 2,
    what_came_again_unread_is_not_counted: 57,
    of_a_page_that_came_whole_nothing_came_before: 57,
    no_page_says_another_total: 127,
    the_records_of_a_run_are_miscounted: 2,
    nothing_is_missed: 1,
    what_moved_on_is_not_missed: 67,
    the_very_same_is_not_asked_for: 1,
    what_must_be_equal_is_not_asked_for: 0,
    a_new_rule_is_not_asked: 0,
    another_owner_reaches_nobody_who_agrees: 1,
    a_text_in_another_spelling_is_the_very_same: 1,
    nothing_is_read_otherwise: 0,
    what_stands_alone_is_not_asked_for: 1,
    other_texts_that_mean_nothing_are_not_looked_for: 1,
    types_that_come_or_go_are_not_looked_for: 65,
    another_lifecycle_means_nobody: 5,
    every_change_leaves_others_alone: 96,
}
"""The first seed that notices each fault; another one after an edit of the simulation, where it is told so here."""

KILLING = {
    nothing_is_claimed: "a reservation",
    the_base_moves_at_plan_time: "a quick run that writes on both sides",
    an_unanswered_write_is_forgotten: "a reservation",
    an_interrupted_run_is_forgotten: "a reservation",
}


@lru_cache
def broken_without_any_fault(seed: int) -> list[str]:
    return simulated(seed).broken


@pytest.mark.parametrize("plant", CAUGHT_BY, ids=lambda plant: plant.__name__)
def test_the_simulation_notices_what_is_taken_out_of_the_program(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    assert broken_without_any_fault(CAUGHT_BY[plant]) == [], "the seed fails without any fault"
    plant(monkeypatch)
    assert simulated(CAUGHT_BY[plant]).broken


@pytest.mark.parametrize("plant", KILLING, ids=lambda plant: plant.__name__)
def test_a_death_notices_what_is_taken_out_of_the_program(plant: Plant, monkeypatch: pytest.MonkeyPatch) -> None:
    (scenario,) = [scenario for scenario in SCENARIOS if scenario.name == KILLING[plant]]
    wanted = undisturbed(scenario)
    plant(monkeypatch)
    assert any(troubles(scenario, Points(at)) for at in range(1, len(wanted.instants[0]) + 1))
