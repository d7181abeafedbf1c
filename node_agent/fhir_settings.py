"""The settings by which a FHIR server lets us in; they stand in the section `source`, beside the others."""

import msgspec


class FhirAccessSettings(msgspec.Struct, frozen=True):
    """As whom we ask a FHIR server, and how it is believed; files may be relative to the folder of the settings.

    `ca_file`: the authorities (PEM) by which the
    server, and a proxy that opens TLS, are believed, instead of the system's. `certificate` and `certificate_key`: our own,
    for a server that wants to see one (mutual TLS). `client_id` with `client_key` or `client_key_file`: SMART Backend
    Services; see `node_agent.sources.fhir_tokens.BackendClient` for these and for `key_id`, `scope` and `token_endpoint`.
    """

    ca_file: str = ""
    certificate: str = ""
    certificate_key: str = ""
    client_id: str = ""
    client_key: str = ""
    client_key_file: str = ""
    key_id: str = ""
    scope: str = "system/*.rs"
    token_endpoint: str = ""
