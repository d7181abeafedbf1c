"""What the crowd decided about sharing: most permit, some refuse somewhere or something, some never chose."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final

from accord.terms.vocabulary import CareCategory, HolderKind, PurposeOfUse
from testbed.holders import BY_NAME
from testbed.people.desk import File
from testbed.people.wording import instant

_CATEGORIES: Final = (CareCategory.CONDITION, CareCategory.MEDICATION_USE, CareCategory.OBSERVATION_LABORATORY, CareCategory.DOCUMENT)
_KINDS: Final = (HolderKind.PHARMACY, HolderKind.MENTAL_HEALTH, HolderKind.HOME_CARE)


def choose(files: Sequence[File], at: datetime, chance: Random) -> None:
    """Let one person choose, at every holder that knows them."""
    mood = chance.random()
    if mood < 0.10:
        return  # never chose: silence is no
    if mood < 0.72:
        _permit(files, chance.randint(100, 2000), at)
    elif mood < 0.82:
        _refuse_at_one(files, at, chance)
    elif mood < 0.88:
        _permit(files, 400, at)
        for file in files:
            file.choose(permits=False, category=chance.choice(_CATEGORIES).value, since=instant(at - timedelta(days=90)))
    elif mood < 0.92:
        _permit(files, 400, at)
        kind = chance.choice(_KINDS)
        for file in files:
            file.choose(permits=False, user_kind=kind.value, since=instant(at - timedelta(days=60)))
    elif mood < 0.95:
        _permit_one_user(files, at)
    elif mood < 0.97:
        for file in files:  # it has run out
            file.choose(permits=True, since=instant(at - timedelta(days=900)), until=instant(at - timedelta(days=170)))
    else:
        _permit(files, 50, at)
        files[0].choose(permits=False, record=files[0].desk.records[-1].ref, purpose=PurposeOfUse.TREATMENT.value, since=instant(at - timedelta(days=20)))


def _permit(files: Sequence[File], days: int, at: datetime) -> None:
    for file in files:
        file.choose(permits=True, since=instant(at - timedelta(days=days)))


def _refuse_at_one(files: Sequence[File], at: datetime, chance: Random) -> None:
    refused = chance.randrange(len(files))
    for place, file in enumerate(files):
        file.choose(permits=place != refused, since=instant(at - timedelta(days=300)))


def _permit_one_user(files: Sequence[File], at: datetime) -> None:
    """Refused to all, but one hospital is trusted."""
    for file in files:
        file.choose(permits=False, since=instant(at - timedelta(days=500)))
        file.choose(permits=True, user_ura=BY_NAME["dinkelhorst"].ura.value, since=instant(at - timedelta(days=200)))
