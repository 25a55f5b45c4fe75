"""A command that waits for Kafka says so, and only then."""

from streams.cli.patience import QUIET_SECONDS, Silence


def test_acknowledgements_need_no_words() -> None:
    silence = Silence(0)
    assert [silence.line(at * 10, 5, 60, float(at)) for at in range(1, 100)] == [None] * 99


def test_nothing_on_the_way_needs_no_words() -> None:
    silence = Silence(0)
    assert [silence.line(3, 0, 60, float(at)) for at in range(1, 100)] == [None] * 99


def test_silence_is_told_after_a_while_and_as_often_again() -> None:
    silence = Silence(0)
    silence.line(7, 1_200, 300, 0)
    told = {at: line for at in range(1, 31) if (line := silence.line(7, 1_200, 300, float(at)))}
    assert list(told) == [QUIET_SECONDS, 2 * QUIET_SECONDS, 3 * QUIET_SECONDS]
    assert "1,200 events on the way, none acknowledged for 20 s; giving up after 300 s" in told[20]


def test_what_comes_after_a_silence_ends_it() -> None:
    silence = Silence(0)
    silence.line(7, 5, 60, 0)
    assert silence.line(7, 5, 60, 15) is not None
    assert silence.line(8, 5, 60, 16) is None
    assert silence.line(8, 5, 60, 25) is None
