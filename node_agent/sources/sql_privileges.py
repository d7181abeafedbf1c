"""What a PostgreSQL user could do beside reading, asked of the server: each query gives something only where there is something."""

from typing import Final

#: This user, and every role that it may become.
_ROLES: Final = "SELECT r.oid FROM pg_catalog.pg_roles r WHERE pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER')"
_OWN_SCHEMAS: Final = "n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"

#: Every relation counts and not only those of the mapping: whoever can write elsewhere has a user that is not for reading.
_RELATIONS: Final = f"""
SELECT n.nspname || '.' || c.relname
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace CROSS JOIN ({_ROLES}) AS role (oid)
WHERE c.relkind IN ('r', 'v', 'm', 'p', 'f') AND {_OWN_SCHEMAS}
  AND (pg_catalog.has_table_privilege(role.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')
       OR pg_catalog.has_any_column_privilege(role.oid, c.oid, 'INSERT, UPDATE'))
ORDER BY 1 LIMIT 1
"""  # noqa: S608 - constants of ours
_SCHEMAS: Final = f"""
SELECT n.nspname FROM pg_catalog.pg_namespace n CROSS JOIN ({_ROLES}) AS role (oid)
WHERE {_OWN_SCHEMAS} AND pg_catalog.has_schema_privilege(role.oid, n.oid, 'CREATE') ORDER BY 1 LIMIT 1
"""  # noqa: S608 - constants of ours
_DATABASE: Final = f"""
SELECT TRUE FROM ({_ROLES}) AS role (oid) WHERE pg_catalog.has_database_privilege(role.oid, pg_catalog.current_database(), 'CREATE') LIMIT 1
"""  # noqa: S608 - constants of ours
_POWERS: Final = """
SELECT r.rolname FROM pg_catalog.pg_roles r
WHERE pg_catalog.pg_has_role(current_user, r.oid, 'MEMBER')
  AND (r.rolsuper OR r.rolcreaterole OR r.rolcreatedb OR r.rolreplication
       OR r.rolname IN ('pg_write_all_data', 'pg_write_server_files', 'pg_execute_server_program'))
ORDER BY 1 LIMIT 1
"""

#: What is found, and the query that finds it.
WAYS_TO_WRITE: Final[tuple[tuple[str, str], ...]] = (
    ("default_transaction_read_only is off", "SELECT current_setting('default_transaction_read_only') <> 'on'"),
    ("has the powers of the role", _POWERS),
    ("may write in", _RELATIONS),
    ("may CREATE in schema", _SCHEMAS),
    ("may CREATE in the database", _DATABASE),
)
