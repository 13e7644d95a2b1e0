"""What must be true of the events that arrived, repeats included."""


def assert_in_order_and_whole(events: list[dict]) -> None:
    """Every id of the one epoch came, first in order; repeats say the same."""
    first: dict[str, dict] = {}
    for event in events:
        known = first.setdefault(event["id"], event)
        assert known | {"late": event["late"]} == event
    assert [int(event_id) for event_id in first] == list(range(1, len(first) + 1))
    assert len({event["epoch"] for event in events}) == 1


def assert_every_appeared_has_one_gone(events: list[dict]) -> None:
    unique = {event["id"]: event for event in events}.values()
    ended = [event["appeared_id"] for event in unique if event["event_type"] == "gone"]
    assert sorted(ended) == sorted(event["id"] for event in unique if event["event_type"] == "appeared")
