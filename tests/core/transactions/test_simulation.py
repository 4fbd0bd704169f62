"""Stories of producers, zombies and crashes, told by seed: see `world`. A failing seed prints the end of its trace."""

import pytest

from tests.core.transactions import world

FAULTS = (
    "answers before it is safe",
    "does not verify",
    "forgets a marker",
    "forgets what was aborted",
    pytest.param("writes markers before it is decided", marks=pytest.mark.slow),
    "forgets to bump",
    "forgets a record",
    "answers twice",
    "loses an answer",
)


def simulate(seed, steps, faults=frozenset()):
    """Play one story; on failure show its last steps."""
    story = world.World(seed, faults)
    try:
        story.play(steps)
    except (world.Broken, AssertionError, LookupError, world.KafkaError) as error:
        trace = "\n".join(story.trace[-80:])
        pytest.fail(f"seed {seed}: {type(error).__name__}: {error}\n{trace}")
    return story


@pytest.mark.parametrize("seed", range(6))
def test_short_stories(seed):
    """What must hold does, over a thousand events, in which transactions were committed and aborted."""
    story = simulate(seed, 1_000)
    assert set(story.told.values()) == {True, False}


@pytest.mark.slow
@pytest.mark.parametrize("first_seed", range(1_000, 1_100, 10))
def test_long_stories(first_seed):
    """What must hold does, over many seeds and thousands of events."""
    for seed in range(first_seed, first_seed + 10):
        simulate(seed, 4_000)


def test_the_same_seed_tells_the_same_story():
    """A failure can be played again."""
    assert simulate(3, 300).trace == simulate(3, 300).trace


@pytest.mark.parametrize("fault", FAULTS)
def test_a_planted_fault_is_found(fault):
    """What must hold would be seen not to hold: each of these mistakes breaks a story before long."""
    for seed in range(60):
        story = world.World(seed, frozenset({fault}))
        try:
            story.play(1_500)
        except (world.Broken, LookupError, world.KafkaError):
            return
    pytest.fail(f"nothing was wrong with a broker that {fault}")
