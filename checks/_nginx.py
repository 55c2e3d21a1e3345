"""nginx's rules of inheritance, and what they make of a configuration."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from fixtures.environment.sections.nginx import Nginx
from fixtures.probes._nginx_tree import Directive
from fixtures.probes.nginx import NginxEvidence
from fixtures.vocabulary import CannotTell, expect

CONTENT = ("proxy_pass", "fastcgi_pass", "uwsgi_pass", "grpc_pass", "root", "alias", "try_files")
"""What makes a block answer with content of its own."""
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "": 1.0}
_NGINX = (1, 25, 1)


@dataclass(frozen=True)
class Block:
    """A block with those around it, the innermost first."""

    directive: Directive
    around: tuple[Directive, ...]

    @property
    def levels(self) -> tuple[Directive, ...]:
        """The block and all around it, the innermost first."""
        return (self.directive, *self.around)

    @property
    def where(self) -> str:
        """Its file and line, and what it is."""
        return f"{place(self.directive)} {' '.join((self.directive.name, *self.directive.args))}".strip()

    def own(self, name: str) -> list[Directive]:
        """Directives of this name that stand in the block itself."""
        return [one for one in self.directive.block or () if one.name == name]

    def effective(self, name: str) -> list[Directive]:
        """Directives of this name in force: those of the innermost level that has any, as nginx inherits lists."""
        for level in self.levels:
            if found := [one for one in level.block or () if one.name == name]:
                return found
        return []

    def value(self, name: str, default: str = "") -> str:
        """The arguments in force of a directive that stands once, as one text."""
        found = self.effective(name)
        return " ".join(found[-1].args) if found else default


def place(one: Directive) -> str:
    """`nginx.conf:12`: the end of the path is enough to find it."""
    return f"{'/'.join(one.file.rsplit('/', 2)[-2:]).lstrip('/')}:{one.line}"


def blocks(seen: NginxEvidence, *names: str) -> list[Block]:
    """Every block of these names, outermost first."""
    usable(seen)

    def below(directives: Iterable[Directive], around: tuple[Directive, ...]) -> Iterator[Block]:
        for one in directives:
            if one.block is None:
                continue
            if one.name in names:
                yield Block(one, around)
            yield from below(one.block, (one, *around))

    return list(below(seen.tree.directives, ()))


def usable(seen: NginxEvidence) -> None:
    """Only a configuration that could be parsed to its end is judged."""
    if not seen.tree.directives:
        raise CannotTell("there is no configuration that could be read", cause="program")


def servers(seen: NginxEvidence) -> list[Block]:
    """The server blocks of HTTP; that there is one is for another check to judge."""
    found = [
        one
        for one in blocks(seen, "server")
        if not any(level.name in ("stream", "mail", "upstream") for level in one.around)
    ]
    if not found:
        raise CannotTell("the configuration has no server", cause="program")
    return found


def listens(server: Block) -> list[Directive]:
    """Its sockets."""
    return server.own("listen")


def is_tls(server: Block) -> bool:
    """Whether it speaks TLS on one of its sockets."""
    return any({"ssl", "quic"} & set(one.args[1:]) for one in listens(server)) or server.value("ssl") == "on"


def tls_servers(seen: NginxEvidence) -> list[Block]:
    """The servers that speak TLS."""
    found = [one for one in servers(seen) if is_tls(one)]
    if not found:
        raise CannotTell("no server speaks TLS", cause="program")
    return found


def names_of(server: Block) -> list[str]:
    """Its names; one without has the empty one."""
    return [name for one in server.own("server_name") for name in one.args] or [""]


def inside(block: Block, *names: str) -> list[Block]:
    """Blocks of these names within a block, at any depth."""

    def below(one: Directive, around: tuple[Directive, ...]) -> Iterator[Block]:
        for each in one.block or ():
            if each.block is not None:
                if each.name in names:
                    yield Block(each, (one, *around))
                yield from below(each, (one, *around))

    return list(below(block.directive, block.around))


def answering(seen: NginxEvidence, *by: str) -> list[Block]:
    """Servers, locations and conditions that answer by one of these directives of their own."""
    return [
        one
        for server in servers(seen)
        for one in (server, *inside(server, "location", "if"))
        if any(one.own(name) for name in by)
    ]


def proxying(seen: NginxEvidence) -> list[Block]:
    """The blocks that pass requests on."""
    found = answering(seen, "proxy_pass")
    if not found:
        raise CannotTell("the configuration passes no request on", cause="program")
    return found


def upstreams(seen: NginxEvidence) -> list[Block]:
    """The upstream blocks."""
    return blocks(seen, "upstream")


def balancing(seen: NginxEvidence) -> list[Block]:
    """The upstream blocks that requests are passed on to; that there is one is for another check to judge."""
    used = {target_of(one) for one in proxying(seen)}
    found = [one for one in upstreams(seen) if " ".join(one.directive.args) in used]
    if not found:
        raise CannotTell("no request is passed on to an upstream", cause="program")
    return found


def to_balanced(seen: NginxEvidence) -> list[Block]:
    """The blocks that pass requests on to an upstream."""
    names = {" ".join(one.directive.args) for one in balancing(seen)}
    return [one for one in proxying(seen) if target_of(one) in names]


def target_of(block: Block) -> str:
    """The host or upstream that a block passes requests on to."""
    text = " ".join(block.own("proxy_pass")[-1].args)
    return re.sub(r"^\w+://", "", text).split("/")[0].rpartition(":")[0] or re.sub(r"^\w+://", "", text).split("/")[0]


def seconds(text: str) -> float | None:
    """`1m30s` in seconds; None where it is none."""
    found = re.findall(r"(\d+)(ms|[smhdw]?)", text)
    if not found or re.sub(r"\d+(ms|[smhdw]?)", "", text).strip():
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in found)


def version(seen: NginxEvidence) -> tuple[int, ...] | None:
    """The version that runs, where it is known."""
    return tuple(int(part) for part in seen.version.split(".")) if seen.version else None


def no_finding(found: Iterable[str], required: str) -> None:
    """Require that nothing was found; the first few are told."""
    told = list(dict.fromkeys(found))
    more = f"; and {len(told) - 4} more" if len(told) > 4 else ""
    expect(not told, seen="; ".join(told[:4]) + more, required=required)


def balanced(target: Nginx) -> bool:
    """Whether several instances are declared."""
    return (target.expect.upstreams or 0) > 1


def declares(name: str) -> Callable[[Nginx], bool]:
    """Whether something is expected of a configuration."""
    return lambda target: bool(getattr(target.expect, name))
