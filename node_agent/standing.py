"""What is remembered of an agent's standing: a pause over a restart, and every change of it in the journal."""

from pathlib import Path

import structlog

from accord.audit.events import StandingChanged
from accord.terms.faults import Unavailable
from node_agent.control import make_folder
from node_agent.pause_file import PauseFile
from node_agent.pausing import Pausing
from node_agent.recording import Ledger

_log = structlog.get_logger("noaber.agent")


def remember_pause(pausing: Pausing, folder: Path) -> None:
    """Keep pauses in *folder* from now on, and go on with the one that is kept there.

    Raises:
        BadInput: `invalid-setting`: the folder cannot be made.
    """
    make_folder(folder)
    kept = PauseFile(folder)
    pause = kept.read()
    if pause is not None:
        pausing.stay_paused(pause)
        _log.warning("the agent is paused, as it was before", hint="`noaber agent resume` ends it")
    pausing.kept = kept


async def keep_noting(pausing: Pausing, ledger: Ledger) -> None:
    """Until cancelled: a line for every change. A journal that is closed holds up no pause: what it missed, it missed."""
    told = StandingChanged(paused=False)
    while True:
        change, pause = pausing.next_change, pausing.pause_in_force
        now = StandingChanged(paused=pause is not None, shadow=pausing.shadow, why=pause.reason if pause is not None else "")
        if now != told:
            try:
                await ledger.append(now)
            except Unavailable:
                _log.warning("a change of the standing has no line", paused=now.paused)
            told = now
        await change.wait()
