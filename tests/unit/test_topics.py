"""A topic that was deleted and made again is noticed by its id."""

from streams.topics import UNKNOWN, TopicIds


def test_a_topic_with_another_id_was_made_again_and_is_said_to_once() -> None:
    ids = TopicIds()
    assert ids.made_again({"tickets": "a", "orders": "b"}) == set()
    assert ids.made_again({"tickets": "a", "orders": "b"}) == set()
    assert ids.made_again({"tickets": "c", "orders": "b"}) == {"tickets"}
    assert ids.made_again({"tickets": "c", "orders": "b"}) == set()


def test_a_topic_that_was_gone_for_a_while_is_compared_with_what_it_was() -> None:
    ids = TopicIds()
    ids.made_again({"tickets": "a"})
    assert ids.made_again({}) == set()
    assert ids.made_again({"tickets": None}) == set()
    assert ids.made_again({"tickets": "c"}) == {"tickets"}


def test_a_broker_that_knows_no_ids_says_nothing() -> None:
    ids = TopicIds()
    assert ids.made_again({"tickets": UNKNOWN}) == set()
    assert ids.made_again({"tickets": "a"}) == set()
    assert ids.made_again({"tickets": UNKNOWN}) == set()
