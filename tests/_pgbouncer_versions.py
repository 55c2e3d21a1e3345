"""Consoles of PgBouncer 1.18 to 1.25 as its source writes them (src/admin.c at the tag of each version).

Debian's 1.18 runs in the tests; of the others the columns are recorded here, and what is in them is made up.
"""

from __future__ import annotations

from typing import Any

from fixtures.vocabulary import Bug

VERSIONS = ("1.18.0", "1.19.1", "1.20.1", "1.21.0", "1.22.1", "1.23.1", "1.24.1", "1.25.2")
CONFIG = {
    "auth_file": "/etc/pgbouncer/userlist.txt",
    "auth_type": "scram-sha-256",
    "default_pool_size": "25",
    "listen_addr": "127.0.0.1",
    "listen_port": "6432",
    "max_client_conn": "1000",
    "max_user_connections": "0",
    "min_pool_size": "5",
    "pool_mode": "transaction",
    "reserve_pool_size": "5",
    "reserve_pool_timeout": "5",
}


def _minor(version: str) -> int:
    return int(version.split(".")[1])


class Recorded:
    """The console of a version, with one database, one user who has a size of its own, and one client who waits."""

    def __init__(self, version: str) -> None:
        self.version = version
        self.minor = _minor(version)

    def show(self, what: str) -> list[dict[str, Any]]:
        """The rows of `SHOW ...`."""
        match what:
            case "VERSION":
                return [{"version": f"PgBouncer {self.version}"}]
            case "CONFIG":
                return self._config()
            case "DATABASES":
                return [self._database("emailai_prod", 25), self._database("pgbouncer", 2)]
            case "USERS":
                return [self._user("emailai", "10"), self._user("verifier", None)]
            case "POOLS":
                return [self._pool("emailai_prod", "emailai"), self._pool("pgbouncer", "pgbouncer")]
        raise Bug(f"SHOW {what} is not recorded")

    def _config(self) -> list[dict[str, Any]]:
        more = {"max_prepared_statements": "200" if self.minor >= 24 else "0"} if self.minor >= 21 else {}
        return [
            {"key": key, "value": value, "default": value, "changeable": "yes"}
            for key, value in (CONFIG | more).items()
        ]

    def _database(self, name: str, size: int) -> dict[str, Any]:
        row = {"name": name, "host": "10.0.0.5", "port": 5432, "database": name, "force_user": None, "pool_size": size}
        row |= {"min_pool_size": 5, "reserve_pool_size" if self.minor >= 24 else "reserve_pool": 5}
        row |= {"server_lifetime": 3600} if self.minor >= 23 else {}
        row |= {"pool_mode": None}
        row |= {"load_balance_hosts": None} if self.minor >= 24 else {}
        row |= {"max_connections": 0, "current_connections": 3}
        row |= {"max_client_connections": 0, "current_client_connections": 9} if self.minor >= 24 else {}
        return row | {"paused": 0, "disabled": 0}

    def _user(self, name: str, size: str | None) -> dict[str, Any]:
        row: dict[str, Any] = {"name": name}
        row |= {"pool_size": size} if self.minor >= 23 else {}
        row |= {"reserve_pool_size": None} if self.minor >= 24 else {}
        row |= {"pool_mode": None}
        row |= {"max_user_connections": 0, "current_connections": 3} if self.minor >= 23 else {}
        return row | ({"max_user_client_connections": 0, "current_client_connections": 9} if self.minor >= 24 else {})

    def _pool(self, database: str, user: str) -> dict[str, Any]:
        row = {"database": database, "user": user, "cl_active": 7, "cl_waiting": 2}
        row |= dict.fromkeys(("cl_active_cancel_req", "cl_waiting_cancel_req"), 0)
        row |= {"sv_active": 3, "sv_active_cancel": 0, "sv_being_canceled": 0, "sv_idle": 1, "sv_used": 1}
        row |= {"sv_tested": 0, "sv_login": 0, "maxwait": 1, "maxwait_us": 250000, "pool_mode": "transaction"}
        return row | ({"load_balance_hosts": None} if self.minor >= 24 else {})
