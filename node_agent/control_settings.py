"""The settings of the control socket."""

import msgspec


class ControlSettings(msgspec.Struct, frozen=True):
    """The folder of the control socket and of the file that says that the agent is paused; beside the journal when empty."""

    folder: str = ""
