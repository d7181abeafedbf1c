"""Who was heard, in words: a card for every holder, those of whom something may be missing first."""

from collections.abc import Iterable, Mapping
from typing import Final

from accord.terms.answers import Ending
from accord.terms.identifiers import HolderName
from accord.terms.parties import DataHolder
from accord.terms.vocabulary import Section, sections_fed_by
from gateway.dossier.words import ENDINGS, NOT_ALL_ASKED, SECTIONS, data_as_of, fault_words
from gateway.ports import HolderLine
from gateway.viewer.headings import Heard, HolderCard, State
from gateway.viewer.hearing import Hearing
from gateway.viewer.speaking import Speech

#: For so many there is room in the strip at the top of every page; the others are one link away.
STRIP_GAPS: Final = 9


def heard(hearing: Hearing, speech: Speech, left_out: Mapping[HolderName, int], *, most_gaps: int = 10_000) -> Heard:
    """Everybody of the register, by what a reader has to do about it. *left_out* counts what there was no room for, by holder."""
    cards = [_ended(line, speech, left_out.get(line.holder.name, 0)) for line in hearing.lines]
    gaps = [card for card in cards if card.state is State.GAP]
    return Heard(
        gaps=tuple(gaps[:most_gaps]),
        more_gaps=max(0, len(gaps) - most_gaps),
        waiting=tuple(_waiting(card, hearing, speech) for card in hearing.waiting),
        heard=tuple(card for card in cards if card.state is State.HEARD),
        not_asked=tuple(card for card in cards if card.state is State.NOT_ASKED),
    )


def cards_of(lines: Iterable[HolderLine], speech: Speech, left_out: Mapping[HolderName, int]) -> tuple[HolderCard, ...]:
    """The cards of some that ended."""
    return tuple(_ended(line, speech, left_out.get(line.holder.name, 0)) for line in lines)


def waiting_cards(holders: Iterable[DataHolder], hearing: Hearing, speech: Speech) -> tuple[HolderCard, ...]:
    """The cards of some that are still answering."""
    return tuple(_waiting(card, hearing, speech) for card in holders)


def feeds(holder: DataHolder, speech: Speech) -> tuple[str, ...]:
    """The sections that a holder of this kind feeds; none named where it is all of them."""
    fed = sections_fed_by(holder.kind)
    if len(fed) == len(Section):
        return (speech("holders.all"),)
    return tuple(speech.say(SECTIONS[section]) for section in Section if section in fed)


def _waiting(holder: DataHolder, hearing: Hearing, speech: Speech) -> HolderCard:
    received, status = hearing.received.get(holder.name, 0), hearing.status(holder.name)
    state = State.RECEIVING if received else State.ASKED
    short = speech("strip.receiving", n=received) if received else speech("strip.asked")
    why = "" if status is None or status.code is None else speech.say(fault_words(status.code))
    return HolderCard(
        holder.name.value, holder.title, speech(f"kind.{holder.kind.value}"), state, short,
        said=speech("strip.still_answering"), why=why, telephone=holder.telephone, records=received, feeds=feeds(holder, speech),
    )  # fmt: skip


def _ended(line: HolderLine, speech: Speech, left_out: int) -> HolderCard:
    has_gap = line.leaves_a_gap or left_out > 0
    state = State.NOT_ASKED if line.ending is Ending.NOT_ASKED else State.GAP if has_gap else State.HEARD
    # Two that show nothing differ by their names alone, also where one of them is known to be a copy.
    notes = [speech.say(data_as_of(line.data_as_of_ms))] if line.copy and line.ending is not Ending.NOTHING_SHOWN else []
    if line.lacks:
        notes.append(speech.say(NOT_ALL_ASKED))
    if left_out:
        notes.append(speech("strip.left_out", n=left_out))
    if line.unfit or line.oversized:
        notes.append(speech("strip.unfit", n=line.unfit + line.oversized))
    holder = line.holder
    return HolderCard(
        holder.name.value, holder.title, speech(f"kind.{holder.kind.value}"), state, _short(line, speech, has_gap=has_gap),
        said=speech.say(ENDINGS[line.ending]),
        why="" if line.code is None else speech.say(fault_words(line.code, paused_since_ms=line.paused_since_ms)),
        telephone=holder.telephone,
        last_heard=_last_heard(line, speech) if state is State.GAP else "",
        records=line.records,
        notes=tuple(notes),
        feeds=feeds(holder, speech),
    )  # fmt: skip


def _short(line: HolderLine, speech: Speech, *, has_gap: bool) -> str:
    """A word or two. Of two that show nothing, whatever the reason, the same (promise P9)."""
    if line.ending is Ending.ANSWERED:
        return speech("ending.not-all") if has_gap else speech("ending.answered", n=line.records)
    if line.ending is Ending.NOTHING_SHOWN and has_gap:
        return speech("ending.not-all")
    return speech(f"ending.{line.ending.value}")


def _last_heard(line: HolderLine, speech: Speech) -> str:
    if line.ending.heard_out:
        return ""
    at = speech.since_1970(line.last_heard_ms)
    return speech("strip.last_heard", at=at) if at else speech("strip.never_heard")
