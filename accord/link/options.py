"""gRPC options for both ends: every one is a bound (promise P7), or makes a stream forget less memory."""

from typing import Final

from accord.terms.limits import KIB, MESSAGE_BYTES

Options = tuple[tuple[str, int | str], ...]

#: Room for the columns and field overhead beside the largest blob.
_MESSAGE: Final = MESSAGE_BYTES + 128 * KIB

#: Letters travel in a call's one message: the largest part of a handover, sealed and signed, and what goes with it.
_REQUEST: Final = 640 * KIB

SERVER: Final[Options] = (
    ("grpc.max_concurrent_streams", 100),
    ("grpc.max_receive_message_length", _REQUEST),
    ("grpc.max_send_message_length", _MESSAGE),
    ("grpc.max_metadata_size", 16 * KIB),
    ("grpc.server_handshake_timeout_ms", 3_000),
    ("grpc.max_connection_idle_ms", 15 * 60_000),
    # An open channel outlives what made it trustworthy: end it now and then, with time to finish streams.
    ("grpc.max_connection_age_ms", 30 * 60_000),
    ("grpc.max_connection_age_grace_ms", 60_000),
    ("grpc.http2.max_pings_without_data", 2),
    ("grpc.so_reuseport", 0),
)
MAXIMUM_CONCURRENT_RPCS: Final = 200

CHANNEL: Final[Options] = (
    ("grpc.max_receive_message_length", _MESSAGE),
    ("grpc.max_send_message_length", _REQUEST),
    # Default read-ahead is 3 to 8 MB a stream; with this it is below 1 MB. What is on its way reaches a slow reader after
    # its holder stopped sending, because a choice changed: so little.
    ("grpc.http2.lookahead_bytes", 512 * KIB),
    ("grpc.http2.bdp_probe", 0),
    ("grpc.enable_http_proxy", 0),
    ("grpc.initial_reconnect_backoff_ms", 500),
    ("grpc.max_reconnect_backoff_ms", 4_000),
)
