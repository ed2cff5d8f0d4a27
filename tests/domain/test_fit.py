import pytest

from finder.domain import fit
from finder.domain.listing import Fit, Layer, Who
from tests.factories import said, terminology


def audience(*facts, layer=Layer.CENTERS):
    bits = fit.audience(layer, facts, terminology())
    return [fit.fit_of(bits, who) for who in Who]


YES, NO, UNKNOWN = Fit.YES, Fit.NO, Fit.UNKNOWN
ADULTS, CHILDREN = said("treats_adults"), said("treats_children")
NOT_ADULTS, NOT_CHILDREN = said("treats_adults", "no"), said("treats_children", "no")
CHILDRENS_HOSPITAL = said("facility_type", "childrens-hospital")


@pytest.mark.parametrize(
    ("facts", "fits"),
    [
        ((), [UNKNOWN, UNKNOWN, UNKNOWN]),
        ((ADULTS,), [UNKNOWN, YES, YES]),
        ((CHILDREN,), [YES, YES, UNKNOWN]),
        ((ADULTS, CHILDREN), [YES, YES, YES]),
        ((ADULTS, NOT_CHILDREN), [NO, YES, YES]),
        ((CHILDREN, CHILDRENS_HOSPITAL), [YES, YES, NO]),
        ((CHILDREN, CHILDRENS_HOSPITAL, ADULTS), [YES, YES, YES]),
        ((NOT_ADULTS, NOT_CHILDREN), [NO, NO, NO]),
        ((NOT_ADULTS,), [UNKNOWN, UNKNOWN, NO]),
    ],
)
def test_a_center_fits_child_young_adult_and_adult_by_what_sources_say(facts, fits):
    assert audience(*facts) == fits


@pytest.mark.parametrize(
    ("codes", "fits"),
    [
        (["207RH0003X"], [NO, YES, YES]),
        (["2080P0207X"], [YES, YES, NO]),
        (["2080P0207X", "207RX0202X"], [YES, YES, YES]),
        (["207ZH0000X"], [NO, NO, NO]),
    ],
)
def test_a_specialist_fits_by_specialty_code(codes, fits):
    assert audience(*(said("specialty", code) for code in codes), layer=Layer.SPECIALISTS) == fits


def test_without_an_age_everything_fits():
    assert fit.fit_of(fit.audience(Layer.CENTERS, (NOT_ADULTS, CHILDREN), terminology()), None) is YES


def test_only_a_stated_offer_of_car_t_counts():
    offered = fit.capability([said("car_t_all", "authorized", population="adult")])
    treated = fit.capability([said("car_t_all", "treated"), said("car_t_trial", "NCT1")])

    assert offered & fit.offer_mask("car-t", Who.ADULT)
    assert not offered & fit.offer_mask("car-t", Who.CHILD)
    assert treated == fit.LISTED
