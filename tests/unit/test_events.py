"""What holds for every event class, those to come included."""

import msgspec
import pytest
from msgspec import inspect

from schemas.events import (
    CATALOGUE,
    DERIVED,
    NAME_OF,
    RESERVED,
    CaseData,
    ContactData,
    ContactType,
    Data,
    FaultData,
    KnownIssueData,
    OpenEnum,
    OrderData,
    Party,
    PolicyPublished,
    ProducerHeartbeat,
    PromiseData,
    PromiseDueData,
    RatingSource,
    RatingSubmitted,
    RootCauseData,
    TicketAssigned,
    TicketData,
    TicketMerged,
    type_of,
)
from schemas.json_schema import fields_of

KINDS = list(CATALOGUE.values())


def enumerations() -> list[type[OpenEnum]]:
    return OpenEnum.__subclasses__()


def parts_of(kind: inspect.Type) -> list[inspect.Type]:
    """Return the plain types that a type is made of: without metadata, the members of unions, the items of lists."""
    match kind:
        case inspect.Metadata(type=inner):
            return parts_of(inner)
        case inspect.UnionType(types=kinds):
            return [part for each in kinds for part in parts_of(each)]
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            return parts_of(item)
    return [kind]


def parts(kind: type[Data]) -> list[tuple[str, inspect.Type]]:
    return [(field.name, part) for field in fields_of(kind) for part in parts_of(field.type)]


class TestNames:
    def test_the_full_type_is_prefix_name_and_version(self) -> None:
        assert type_of("ticket.created") == "io.servicepulse.ticket.created.v1"

    def test_a_class_has_one_name_and_a_name_one_class(self) -> None:
        assert {name: NAME_OF[kind] for name, kind in CATALOGUE.items()} == {name: name for name in CATALOGUE}

    def test_no_event_uses_a_reserved_name(self) -> None:
        assert [name for name in CATALOGUE if name.startswith(RESERVED)] == []

    def test_derived_events_are_events(self) -> None:
        assert set(CATALOGUE) >= DERIVED

    def test_every_event_class_is_in_the_catalogue(self) -> None:
        families = {
            Data,
            TicketData,
            OrderData,
            PromiseData,
            PromiseDueData,
            FaultData,
            KnownIssueData,
            RootCauseData,
            ContactData,
            CaseData,
        }
        leaves = {kind for family in families for kind in family.__subclasses__()} - families
        assert leaves == set(KINDS)


class TestOpenEnums:
    @pytest.mark.parametrize("enumeration", enumerations())
    def test_an_unknown_value_reads_as_other(self, enumeration: type[OpenEnum]) -> None:
        assert enumeration("said by a newer producer") is enumeration("other")
        assert msgspec.json.decode(b'"newer"', type=enumeration) is enumeration("other")

    @pytest.mark.parametrize("enumeration", enumerations())
    def test_a_value_that_is_no_text_is_an_error(self, enumeration: type[OpenEnum]) -> None:
        for value in (b"1", b"null", b"[]", b"true"):
            with pytest.raises(msgspec.ValidationError):
                msgspec.json.decode(value, type=enumeration)

    def test_only_text_can_be_an_unknown_value(self) -> None:
        with pytest.raises(ValueError, match="5 is not a valid Party"):
            Party(5)  # type: ignore[arg-type]  # as JSON may hand it over

    def test_known_values_stay_themselves(self) -> None:
        assert Party("agent") is Party.AGENT
        assert ContactType("complaint") is ContactType.COMPLAINT

    @pytest.mark.parametrize("kind", KINDS, ids=NAME_OF.__getitem__)
    def test_every_enumeration_of_an_event_can_grow(self, kind: type[Data]) -> None:
        found = [part.cls for _, part in parts(kind) if isinstance(part, inspect.EnumType)]
        assert all(issubclass(enumeration, OpenEnum) for enumeration in found)


class TestFields:
    @pytest.mark.parametrize("kind", KINDS, ids=NAME_OF.__getitem__)
    def test_every_text_is_bounded(self, kind: type[Data]) -> None:
        texts = [(name, part) for name, part in parts(kind) if isinstance(part, inspect.StrType)]
        assert texts or kind in (ProducerHeartbeat, PolicyPublished)
        assert [name for name, text in texts if text.max_length is None] == []

    @pytest.mark.parametrize("kind", KINDS, ids=NAME_OF.__getitem__)
    def test_every_number_is_bounded(self, kind: type[Data]) -> None:
        numbers = [(name, part) for name, part in parts(kind) if isinstance(part, inspect.IntType | inspect.FloatType)]
        assert [name for name, number in numbers if number.ge is None or number.le is None] == []

    @pytest.mark.parametrize("kind", KINDS, ids=NAME_OF.__getitem__)
    def test_money_has_a_currency_beside_it(self, kind: type[Data]) -> None:
        names = {field.name for field in fields_of(kind)}
        assert not names & {"amount", "cap", "margin"} or "currency" in names

    @pytest.mark.parametrize("kind", KINDS, ids=NAME_OF.__getitem__)
    def test_an_event_says_in_a_sentence_what_it_means(self, kind: type[Data]) -> None:
        assert (kind.__doc__ or "").splitlines()[0].endswith(".")

    def test_content_does_not_change_once_made(self) -> None:
        content = TicketMerged(ticket_id="T-1", into_ticket_id="T-2")
        with pytest.raises(AttributeError):
            content.ticket_id = "T-3"  # type: ignore[misc]


class TestRelations:
    def test_an_assignment_names_a_team_or_an_agent(self) -> None:
        TicketAssigned(ticket_id="T-1", team="north")
        TicketAssigned(ticket_id="T-1", agent_id="A-1")
        with pytest.raises(ValueError, match="team"):
            TicketAssigned(ticket_id="T-1")

    def test_a_ticket_is_not_merged_into_itself(self) -> None:
        with pytest.raises(ValueError, match="itself"):
            TicketMerged(ticket_id="T-1", into_ticket_id="T-1")

    @pytest.mark.parametrize(
        ("raw", "scale_min", "scale_max"), [(0, 1, 5), (6, 1, 5), (1, 1, 1), (3, 5, 1), (float("nan"), 1, 5)]
    )
    def test_a_rating_lies_on_its_scale(self, raw: float, scale_min: float, scale_max: float) -> None:
        with pytest.raises(ValueError, match="scale"):
            RatingSubmitted(
                ticket_id="T-1",
                rating_id="R-1",
                raw=raw,
                scale_min=scale_min,
                scale_max=scale_max,
                source=RatingSource.CUSTOMER,
            )

    @pytest.mark.parametrize("raw", [1, 5])
    def test_the_ends_of_a_scale_belong_to_it(self, raw: float) -> None:
        content = RatingSubmitted(
            ticket_id="T-1", rating_id="R-1", raw=raw, scale_min=1, scale_max=5, source=RatingSource.QA
        )
        assert content.raw == raw
