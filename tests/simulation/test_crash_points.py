"""One process killed at every instant of a scenario, or whose disk is full: the next one ends where nobody had died."""

from __future__ import annotations

from random import Random

import pytest

from tests.simulation.crashes import every_death, every_full_disk, instants, troubles, undisturbed
from tests.simulation.killing import Points
from tests.simulation.scenarios import SCENARIOS, Scenario

PAIRS = 200
"""Deaths in the middle of the recovery from a death, over all scenarios; every pair by `scripts/crash-points`."""

each = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)


@each
def test_a_process_that_dies_anywhere_leaves_nothing_that_the_next_one_does_not_finish(scenario: Scenario) -> None:
    wrong = {at: found for at, found in every_death(scenario) if found}
    assert not wrong, {(at, undisturbed(scenario).instants[0][at - 1]): found for at, found in wrong.items()}


@each
def test_a_process_that_dies_while_it_recovers_is_no_worse(scenario: Scenario) -> None:
    chance, last = Random(scenario.name), instants(scenario)
    chosen = [(chance.randint(1, last), chance.randint(1, last)) for _ in range(PAIRS // len(SCENARIOS) + 1)]
    wrong = {pair: found for pair in chosen if (found := troubles(scenario, *map(Points, pair)))}
    assert not wrong


@each
def test_a_full_disk_ends_the_run_and_nothing_was_sent_that_is_not_recorded(scenario: Scenario) -> None:
    wrong = {when: found for when, found in every_full_disk(scenario) if found}
    assert not wrong


@each
def test_a_scenario_writes_and_has_instants_to_die_at(scenario: Scenario) -> None:
    assert any(
        "after a" in name and " of " in name and "pages" not in name for name in undisturbed(scenario).instants[0]
    )
    assert instants(scenario) >= 20
