"""Records that stand side by side just as they did are not cut apart, and a page says what it says cut as a whole."""

import json
from collections.abc import Callable, Iterable
from dataclasses import replace
from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stocksync.adapters.systems.slices import Sliced, sliced
from stocksync.sync.familiar import ListedPage
from stocksync.sync.runs import RECORDS, KnownRuns, PackedPage

Texts = list[bytes]


def record(number: int, **more: Any) -> bytes:
    """One record as its system spells it."""
    body = {"id": f"OF-{number:06}", "options": [{"code": "A"}, {"code": "B"}], "text": 'a "},{" b, [c] é', **more}
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def page_of(texts: Texts, between: bytes = b",") -> bytes:
    """A page of records."""
    return b'{"items":[%b],"next":null}' % between.join(texts)


def cut(content: bytes, runs: KnownRuns | None = None) -> Sliced:
    """A page in pieces."""
    found = sliced(content, "items", runs=lambda: runs or KnownRuns())
    assert found is not None
    return found


def kept(*contents: bytes) -> KnownRuns:
    """What is kept of these pages."""
    pages = [listed(cut(content), ()) for content in contents]
    return KnownRuns([PackedPage(page.packed, page.runs) for page in pages])


def listed(page: Sliced, familiar: Iterable[int]) -> ListedPage:
    """A page to be known by, of which some is familiar."""
    return page.listed(digest for _, digest in page.unfamiliar(set(familiar)))


def uncut(page: Sliced) -> int:
    """How many records were taken for what they are without having been cut."""
    return sum(len(piece.digests) for piece in page.pieces if piece.items is None)


STOCK = [record(number) for number in range(100)]


def changed(number: int, text: str) -> Texts:
    """The stock with one record that says something else."""
    return [*STOCK[:number], record(number, text=text), *STOCK[number + 1 :]]


@pytest.mark.parametrize("text", ["another", "a" * 1000, "", 'b \\"},{\\" a, [c] é'])
@pytest.mark.parametrize("number", [0, 1, 50, 98, 99])
def test_a_page_of_which_one_record_changed_gives_that_alone_whatever_became_of_its_length(
    number: int, text: str
) -> None:
    before = listed(cut(page_of(STOCK)), ())
    page = cut(page_of(changed(number, text)), kept(page_of(STOCK)))
    assert [found for found, _ in page.unfamiliar(set(before.digests))] == [json.loads(record(number, text=text))]
    assert uncut(page) >= len(STOCK) - 2 * RECORDS
    assert [*listed(page, ()).digests].count(before.digests[number - 1]) == 1


def test_records_that_moved_on_by_one_page_are_mostly_left_uncut() -> None:
    pages = [STOCK[:50], STOCK[50:]]
    runs = kept(*map(page_of, pages))
    shifted = [record(1000), *STOCK]
    came = [cut(page_of(shifted[:50]), runs), cut(page_of(shifted[50:]), runs)]
    assert sum(map(uncut, came)) >= len(STOCK) - 2 * RECORDS
    digests = [digest for content in pages for digest in listed(cut(page_of(content)), ()).digests]
    assert [digest for page in came for digest in listed(page, ()).digests][1:] == digests


def test_a_record_that_stood_in_a_known_run_and_was_met_already_is_read_when_the_run_comes_again() -> None:
    runs, page = kept(page_of(STOCK)), cut(page_of(STOCK))
    left = set(listed(page, ()).digests)
    came = cut(page_of(changed(70, "another")), runs)
    left.difference_update(listed(came, left).digests)
    again = cut(page_of(STOCK[:16]), runs)
    assert [found["id"] for found, _ in again.unfamiliar(left)] == [json.loads(text)["id"] for text in STOCK[:16]]


def test_a_run_that_stands_twice_on_a_page_counts_twice() -> None:
    page = cut(page_of([*STOCK, *STOCK[:40]]), kept(page_of(STOCK)))
    whole = cut(page_of([*STOCK, *STOCK[:40]]))
    assert uncut(page)
    assert listed(page, ()) == listed(page, ())
    assert listed(page, ()).digests == listed(whole, ()).digests


def in_a_text(run: bytes) -> bytes:
    return b'{"a":"}' + b"," + run + b'"}'


def in_a_list(run: bytes) -> bytes:
    return b'{"a":[{},' + run + b"]}"


def in_a_list_that_ends_the_page(run: bytes) -> bytes:
    return b'{"a":1},{"b":[{},' + run + b",{}]}"


@pytest.mark.parametrize("inside", [in_a_text, in_a_list, in_a_list_that_ends_the_page])
def test_bytes_of_a_known_run_inside_a_record_are_not_taken_for_records(inside: Callable[[bytes], bytes]) -> None:
    # Empty objects are the only records that can stand in a text with nothing put before their quotes.
    run = b",".join([b"{}"] * 22)
    runs = kept(page_of([run]))
    assert len(runs.numbers) == 1
    assert uncut(cut(page_of([run, b'{"a":1}']), runs)) == 22, "the run is one"
    content = page_of([inside(run)])
    page = cut(content, runs)
    assert [found for found, _ in page.unfamiliar(set())] == json.loads(content)["items"]
    assert not uncut(page)


@pytest.mark.parametrize("broken", [b"[%b,]", b"[,%b]", b"[%b,,%b]", b"[ ,%b]", b"[%b, ]", b"[%b %b]", b"[%b,1,%b"])
def test_a_known_run_in_what_is_no_list_is_left_to_whoever_reads_the_page_whole(broken: bytes) -> None:
    run = b",".join(STOCK)
    content = b'{"items":%b}' % broken.replace(b"%b", run)
    assert sliced(content, "items", runs=lambda: kept(page_of(STOCK))) is None


@pytest.mark.parametrize("between", [b", ", b" ,", b",\n  "])
def test_records_with_more_than_a_comma_between_them_are_cut_as_ever(between: bytes) -> None:
    runs = kept(page_of(STOCK, between))
    assert not runs.numbers
    page = cut(page_of(changed(5, "another"), between), runs)
    assert len(page.unfamiliar(set(listed(cut(page_of(STOCK)), ()).digests))) == 1


def test_runs_that_begin_alike_are_none_to_look_for() -> None:
    alike = [b'{"kind":"a vehicle of the stock of this point of sale, at present","id":%d}' % n for n in range(64)]
    runs = kept(page_of(alike))
    assert not runs.numbers
    assert listed(cut(page_of(alike), runs), ()).digests == listed(cut(page_of(alike)), ()).digests


def test_runs_do_not_become_ever_shorter() -> None:
    texts, runs = list(STOCK), kept(page_of(STOCK))
    for number in range(100):
        texts = [record(1000 + number), *texts[:-1]]
        came = listed(cut(page_of(texts), runs), ())
        runs = KnownRuns([PackedPage(came.packed, came.runs)])
        assert len(runs.lengths) <= 2 * len(texts) / RECORDS + 4


class Edited:
    """Lists of records as people change them: what came before, and what comes now."""

    def __init__(self, chance: Random) -> None:
        self.chance = chance
        self.between = chance.choice([b",", b",", b",", b", "])
        self.before = [self.some() for _ in range(chance.randrange(90))]
        self.now = list(self.before)
        for _ in range(chance.choice([0, 1, 2, 5, 40])):
            self.edit()

    def some(self) -> bytes:
        """One record, of any length, sometimes one that others are like."""
        number = self.chance.choice([self.chance.randrange(10**6), self.chance.randrange(3)])
        kind = self.chance.randrange(8)
        if kind == 0:
            return self.chance.choice([b"{}", b"[]", b"1", b'"},{"', b'{ "a" : [ 1 ] }'])
        if kind == 1:
            return record(number, inside=[json.loads(record(n)) for n in range(self.chance.randrange(4))])
        return record(number, text=self.chance.choice(["}", '"', "\\", "],[", "},{", "é\n"]) * self.chance.randrange(9))

    def edit(self) -> None:
        """One change."""
        chance, now = self.chance, self.now
        at = chance.randrange(len(now) + 1)
        some = now[at : at + chance.randrange(1, 30)]
        match chance.randrange(7):
            case 0 | 1:
                now[at : at + 1] = [self.some()]
            case 2:
                now.insert(at, self.some())
            case 3:
                now[at : at + 1] = []
            case 4:
                now.extend(some)
            case 5:
                now[at : at + len(some)] = some[::-1]
            case _:
                # What stood side by side, inside one record.
                now.insert(at, b'{"inside":[{},' + b",".join(some or [b"{}"]) + b"]}")

    def page(self, texts: Texts) -> bytes:
        """As it is answered."""
        return b'{"items":%b[%b]}' % (self.chance.choice([b"", b" "]), self.between.join(texts))


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32))
def test_a_page_says_with_known_runs_what_it_says_without(seed: int) -> None:
    edited = Edited(Random(seed))
    half = edited.chance.randrange(len(edited.before) + 1)
    known = [edited.page(edited.before[:half]), edited.page(edited.before[half:])]
    left = {digest for content in known for digest in listed(cut(content), ()).digests if edited.chance.random() < 0.9}
    content = edited.page(edited.now)
    plain, page = cut(content), cut(content, kept(*known))
    assert page.unfamiliar(left) == plain.unfamiliar(left)
    assert page.envelope == plain.envelope
    came = listed(page, left)
    assert replace(came, runs=b"") == replace(listed(plain, left), runs=b"")
    again = KnownRuns([PackedPage(came.packed, came.runs)])
    assert again.digests(0, len(again.lengths)) == came.digests
    assert listed(cut(content, again), left).digests == came.digests


def test_the_pages_of_this_property_are_mostly_known_by_runs() -> None:
    found = 0
    for seed in range(60):
        edited = Edited(Random(seed))
        found += uncut(cut(edited.page(edited.now), kept(edited.page(edited.before)))) > 0
    assert found > 20
