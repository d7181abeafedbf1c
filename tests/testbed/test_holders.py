"""The care providers of the region are those of the story, and of every kind."""

from accord.terms.vocabulary import HolderKind
from testbed.holders import BY_NAME, HOLDERS, OTHER_HOLDERS, STORY_HOLDERS, holders_of_kind


def test_the_story_has_its_twelve_under_their_own_names() -> None:
    titles = {holder.name.value: holder.title for holder in STORY_HOLDERS}

    assert titles == {
        "dinkelhorst": "Ziekenhuis Dinkelhorst",
        "reggerbrug": "Ziekenhuis Reggerbrug",
        "brinkhof": "Huisartsen De Brinkhof",
        "marksveen": "Huisartsenpost Marksveen",
        "twickelaar": "Lab Twickelaar",
        "vijzelmarke": "Apotheek De Vijzelmarke",
        "eschrand": "GGZ De Eschrand",
        "wieke": "Thuiszorg De Wieke",
        "weefgetouw": "Zorghuis 't Weefgetouw",
        "losserveld": "Ambulance Losserveld",
        "reviant": "Reviant Reggerbrug",
        "noaberhoes": "Hospice 't Noaberhoes",
    }


def test_ten_of_the_story_are_there_to_be_asked() -> None:
    asked = [holder.name.value for holder in STORY_HOLDERS if holder.in_region and holder.answers]

    assert len(asked) == 10
    assert not {"reviant", "noaberhoes"} & set(asked)


def test_every_kind_of_holder_is_there() -> None:
    assert {holder.kind for holder in HOLDERS} == set(HolderKind)
    assert len(HOLDERS) >= 14


def test_no_two_holders_share_a_name_a_number_or_a_telephone() -> None:
    for field in ("name", "ura", "title", "telephone"):
        assert len({getattr(holder, field) for holder in HOLDERS}) == len(HOLDERS)

    assert len(BY_NAME) == len(STORY_HOLDERS) + len(OTHER_HOLDERS)


def test_numbers_are_obviously_fictional() -> None:
    assert all(holder.ura.value.startswith("9000") for holder in HOLDERS)
    assert all(holder.telephone[:7] in {"053-555", "074-555"} for holder in HOLDERS)


def test_four_holders_have_a_fhir_server_behind_them() -> None:
    assert {holder.name.value for holder in HOLDERS if holder.source == "fhir-stu3"} == {"reggerbrug", "wieke"}
    assert {holder.name.value for holder in HOLDERS if holder.source == "fhir-server"} == {"dinkelhorst", "vijzelmarke", "eschrand", "losserveld"}


def test_a_holder_that_only_offers_capacity_is_of_no_kind_that_keeps_dossiers() -> None:
    assert holders_of_kind(HolderKind.REHABILITATION) == ()
    assert [holder.name.value for holder in holders_of_kind(HolderKind.HOSPITAL)] == ["dinkelhorst", "reggerbrug"]


def test_the_register_knows_a_holder_by_the_same_name_and_number() -> None:
    holder = BY_NAME["vijzelmarke"]

    assert holder.registered.name == holder.name
    assert holder.registered.ura == holder.ura
    assert holder.registered.kind is HolderKind.PHARMACY
