"""How often what takes long of a long list is read anew."""

from tests.fake_clock import FakeClock

from taskdash.ui.following import READS_APART, Pace


def test_a_list_is_read_once_for_each_state_of_it() -> None:
    pace = Pace(FakeClock(), 0)
    assert not pace.is_time(0)
    assert pace.is_time(1)
    with pace.reading(1):
        assert not pace.is_time(2)
    assert not pace.is_time(1)
    assert pace.is_time(2)


def test_what_took_long_to_read_is_left_alone_for_many_times_as_long() -> None:
    clock = FakeClock()
    pace = Pace(clock, 0)
    with pace.reading(1):
        clock.stall(0.5)
    clock.stall(0.5 * READS_APART - 0.01)
    assert not pace.is_time(2)
    clock.stall(0.02)
    assert pace.is_time(2)
