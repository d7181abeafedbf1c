"""The settings of the source: where the records are, and how they are asked for."""

from typing import Annotated, Final, Literal

import msgspec

from node_agent.fhir_settings import FhirAccessSettings

#: Never shown, by `section.key`.
SOURCE_SECRETS: Final = frozenset({"source.token", "source.password", "source.client_key"})


class SourceSettings(FhirAccessSettings, msgspec.Struct, frozen=True):
    """Where the records are.

    `kind` embedded: the store in the file `path`, which is a `copy` of another system or not. `kind` fhir-server: the FHIR R4 server at `base`, which is asked no
    more than `concurrency` questions at once, of which no more than `per_second` begin in a second (0: no limit), and less
    while its answers take longer than `slow_seconds` (0: never less); `token`, or `user` and `password`, say as whom, or one
    of the ways of `node_agent.fhir_settings.FhirAccessSettings`. `generation` is the FHIR that it speaks: r4, or stu3, of which every record is
    converted; a server that says otherwise is not asked. `searches` all of a type, or bgz: only what the national agreements
    ask, for a server that cannot be asked for more. The names of the other settings are those of
    `node_agent.sources.fhir_endpoint.FhirEndpoint`. What `types` leaves out of what the server offers counts as kept and not asked for, and every
    answer says so; `not_kept` are the types that it does not keep. Of an embedded store,
    `types` are those that import brings into it (empty: all, or none where messages are fed into it; `Encounter` where these tell of stays), and `not_kept` those that the system behind it does not keep. `check_seconds`: how often it is looked after.

    `kind` sql: the database at `url`, asked as `user` by the SQL of the file `mapping`, over no more than `concurrency`
    connections, of which no more than `per_second` statements begin in a second; no statement takes longer than
    `statement_seconds` or waits longer than `lock_seconds` for a lock.
    `kind` python: the source that `factory` (`module:function`) makes of these settings and the folder of the settings file.
    `kind` none: there is none; the provider takes part with its places only (`[places]`), and the office says so in the register.
    """

    kind: Literal["embedded", "fhir-server", "sql", "python", "none"] = "embedded"
    path: str = "records.db"
    copy: bool = True
    base: str = ""
    generation: Literal["r4", "stu3"] = "r4"
    searches: Literal["all", "bgz"] = "all"
    also_known_as: list[str] = []
    types: list[str] = []
    not_kept: list[str] = []
    search_by_get: bool = False
    trust_total: bool = True
    concurrency: int = 4
    per_second: float = 0.0
    slow_seconds: float = 5.0
    page_size: int = 200
    connect_seconds: float = 3.0
    request_seconds: float = 20.0
    patience: float = 30.0
    user: str = ""
    password: str = ""
    token: str = ""
    check_seconds: float = 30.0
    url: str = ""
    mapping: str = ""
    statement_seconds: Annotated[float, msgspec.Meta(gt=0, le=300)] = 20.0
    lock_seconds: Annotated[float, msgspec.Meta(gt=0, le=300)] = 3.0
    factory: str = ""
