"""Users, roles and grants of a source follow to a target; both ask for a password (authorizationEnabled)."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from pymilvus.grpc_gen import milvus_pb2 as pb

from lab.cdc_client import create_request
from lab.cdc_server import CdcServer
from lab.lab import Lab
from lab.milvus import MilvusStandalone
from lab.rocksmq_writer import RocksmqQueue
from lab.rows import Endpoint
from lab.waiting import NotYet, eventually
from lab.written_source import WrittenSource
from world import Target

TOKEN = "root:Milvus"
FLAG = {"extra_info": {"enable_user_role": True}}
SECURED = {"common.security.authorizationEnabled": True}
# USERS_STANDBY=1 plays the same with a standby.
STANDBY = bool(os.environ.get("USERS_STANDBY"))

Grant = tuple[str, str, str, str]  # object type, database, object, privilege


class Access:
    """Reads and changes the users and roles of one Milvus."""

    def __init__(self, server: MilvusStandalone) -> None:
        self.end = Endpoint(server.uri, token=TOKEN)

    def create_user(self, name: str) -> None:
        password = base64.b64encode(b"Secret123").decode()
        self.end.call("CreateCredential", pb.CreateCredentialRequest(username=name, password=password))

    def drop_user(self, name: str) -> None:
        self.end.call("DeleteCredential", pb.DeleteCredentialRequest(username=name))

    def create_role(self, name: str) -> None:
        self.end.call("CreateRole", pb.CreateRoleRequest(entity=pb.RoleEntity(name=name)))

    def drop_role(self, name: str) -> None:
        self.end.call("DropRole", pb.DropRoleRequest(role_name=name))

    def bind(self, user: str, role: str, *, undo: bool = False) -> None:
        kind = pb.RemoveUserFromRole if undo else pb.AddUserToRole
        self.end.call("OperateUserRole", pb.OperateUserRoleRequest(username=user, role_name=role, type=kind))

    def grant(self, role: str, grant: Grant, *, undo: bool = False) -> None:
        object_type, database, name, privilege = grant
        entity = pb.GrantEntity(
            role=pb.RoleEntity(name=role),
            object=pb.ObjectEntity(name=object_type),
            object_name=name,
            db_name=database,
            grantor=pb.GrantorEntity(privilege=pb.PrivilegeEntity(name=privilege)),
        )
        kind = pb.Revoke if undo else pb.Grant
        self.end.call("OperatePrivilege", pb.OperatePrivilegeRequest(entity=entity, type=kind))

    def users(self) -> set[str]:
        return set(self.end.call("ListCredUsers", pb.ListCredUsersRequest()).usernames)

    def roles(self) -> dict[str, set[str]]:
        """Role -> its users."""
        answer = self.end.call("SelectRole", pb.SelectRoleRequest(include_user_info=True))
        return {each.role.name: {user.name for user in each.users} for each in answer.results}

    def grants(self, role: str, *databases: str) -> set[Grant]:
        found: set[Grant] = set()
        for database in databases:
            entity = pb.GrantEntity(role=pb.RoleEntity(name=role), db_name=database)
            for each in self.end.call("SelectGrant", pb.SelectGrantRequest(entity=entity)).entities:
                found.add((each.object.name, each.db_name, each.object_name, each.grantor.privilege.name))
        return found


@pytest.fixture(scope="module")
def servers(lab: Lab) -> Iterator[tuple[MilvusStandalone, MilvusStandalone]]:
    source = lab.milvus("users-source", settings=SECURED)
    target = lab.milvus("users-target", root_path="by-users", settings=SECURED, standby=STANDBY)
    lab.start(source, target)
    yield source, target
    lab.end(source)
    lab.end(target)


@pytest.fixture(scope="module")
def cdc(lab: Lab, servers: tuple[MilvusStandalone, MilvusStandalone]) -> Iterator[CdcServer]:
    server = lab.cdc_server("cdc-users", servers[0])
    lab.start(server)
    yield server
    lab.end(server)


def soon(check: Callable[[], Any], wanted: Any, what: str) -> None:
    def holds() -> None:
        if (found := check()) != wanted:
            raise NotYet(f"{found}, not {wanted}")

    eventually(holds, what=what)


def test_users_and_roles_follow(servers: tuple[MilvusStandalone, MilvusStandalone], cdc: CdcServer) -> None:
    source, target = Access(servers[0]), Access(servers[1])
    # Only the target's; nothing of it may be touched.
    target.create_user("own")
    target.create_role("own_role")
    target.bind("own", "own_role")
    own_grant = ("Collection", "default", "own", "Search")
    target.grant("own_role", own_grant)
    # From before the task.
    reads = ("Collection", "db1", "a", "Search")
    everywhere = ("Collection", "*", "*", "Query")
    outside = ("Collection", "private", "a", "Search")
    source.create_user("alice")
    source.create_role("reader")
    for grant in (reads, everywhere, outside):
        source.grant("reader", grant)
    source.bind("alice", "reader")
    param = {"uri": servers[1].uri, "token": TOKEN}
    mapping = [{"source_db": "db1", "target_db": "db2"}]
    scope = {"db1": [{"name": "*"}]}
    task = cdc.client.create("", milvus_connect_param=param, db_collections=scope, name_mapping=mapping, **FLAG)
    assert cdc.client.get(task)["extra_info"] == {"enable_user_role": True}

    reads_there = ("Collection", "db2", "a", "Search")
    soon(lambda: target.grants("reader", "db1", "db2", "private"), {reads_there, everywhere}, "the grants are there")

    # Her password is not known: she is told, and her roles follow once she is there.
    def told() -> None:
        condition = cdc.client.get(task)["condition"]
        if condition["state"] != "waiting" or "the target lacks the users alice," not in condition["reason"]:
            raise NotYet(str(condition))

    eventually(told, what="the missing user is told")
    assert "the target lacks the users alice," in cdc.process.log.read_text()
    target.create_user("alice")
    soon(lambda: target.roles()["reader"], {"alice"}, "her role follows")
    # It still waits for a collection: the source has none.
    soon(lambda: "users and roles" in cdc.client.get(task)["condition"]["reason"], False, "nobody is missing")

    # Changes while the task runs: a new role, and a revoke.
    writes = ("Collection", "db1", "b", "Insert")
    source.create_role("writer")
    source.grant("writer", writes)
    source.bind("alice", "writer")
    source.grant("reader", everywhere, undo=True)
    public = ("Global", "*", "*", "ShowCollections")
    source.grant("public", public, undo=True)
    soon(lambda: target.grants("reader", "db2"), {reads_there}, "the revoke follows")
    soon(lambda: target.grants("writer", "db2"), {("Collection", "db2", "b", "Insert")}, "the new role follows")
    soon(lambda: target.roles().get("writer"), {"alice"}, "she has it")
    soon(lambda: public in target.grants("public", "*"), False, "a grant of the role public follows")

    # And while it does not run.
    cdc.stop()
    source.grant("writer", writes, undo=True)
    source.bind("alice", "writer", undo=True)
    source.drop_role("writer")
    source.create_role("late")
    source.bind("alice", "late")
    cdc.restart()
    roles = {"admin": set(), "public": set(), "own_role": {"own"}, "reader": {"alice"}, "late": {"alice"}}
    soon(target.roles, roles, "what happened meanwhile follows")

    # A user that both had is dropped, with her roles.
    source.drop_user("alice")
    soon(target.users, {"root", "own"}, "the user is dropped")
    soon(target.roles, {**roles, "reader": set(), "late": set()}, "her roles are gone")
    assert target.grants("own_role", "default") == {own_grant}
    log = cdc.process.log.read_text()
    assert "Secret123" not in log and "$2a$" not in log

    second = create_request("", milvus_connect_param=param, collection_infos=[{"name": "c"}], **FLAG)
    answer = cdc.client.answer("create", second)
    assert "the enable user role param is duplicate" in answer["message"], answer
    cdc.client.delete(task)


@pytest.fixture
def written(lab: Lab) -> Iterator[WrittenSource]:
    """A source of 2.4 or 2.5, which has passwords in its queue."""
    etcd = lab.etcd("etcd-users")
    lab.start(etcd)
    source = WrittenSource(etcd.url, RocksmqQueue(lab.folder / "rocksmq-users"))
    source.start()
    yield source
    source.close()
    lab.end(etcd)


def test_passwords_of_the_queue_follow(
    lab: Lab, servers: tuple[MilvusStandalone, MilvusStandalone], written: WrittenSource
) -> None:
    server, target = lab.cdc_server("cdc-passwords", written), Access(servers[1])
    lab.start(server)

    def expect_login(user: str, password: str) -> None:
        def logged_in() -> None:
            end = Endpoint(servers[1].uri, token=f"{user}:{password}")
            try:
                end.call("ListDatabases", pb.ListDatabasesRequest())
            finally:
                end.close()

        eventually(logged_in, what=f"{user} logs in with {password}")

    def expect_no_login(user: str, password: str) -> None:
        end = Endpoint(servers[1].uri, token=f"{user}:{password}")
        with pytest.raises(grpc.RpcError, match="auth check failure"):
            end.call("ListDatabases", pb.ListDatabasesRequest())
        end.close()

    written.create_user("root", "Milvus")
    written.create_role("dba")
    target.create_role("dba")
    target.grant("dba", ("Global", "*", "*", "ListDatabases"))
    target.create_user("byhand")
    param = {"uri": servers[1].uri, "token": TOKEN}
    task = server.client.create("", milvus_connect_param=param, collection_infos=[{"name": "*"}], **FLAG)

    written.create_user("carol", "first-1")
    written.bind("carol", "dba")
    expect_login("carol", "first-1")
    written.change_password("carol", "first-1", "second-2")
    expect_login("carol", "second-2")
    expect_no_login("carol", "first-1")
    # What the task has missed, and then gets twice: nobody has told it that it was done.
    server.kill()
    written.change_password("carol", "second-2", "third-3")
    written.create_user("dave", "Dave-123")
    written.bind("dave", "dba")
    server.restart()
    expect_login("carol", "third-3")
    expect_login("dave", "Dave-123")
    server.kill()
    server.restart()
    # Another one of the same name.
    written.drop_user("dave")
    soon(lambda: "dave" in target.users(), False, "dave is dropped")
    written.create_user("dave", "Other-456")
    expect_login("dave", "Other-456")
    expect_no_login("dave", "Dave-123")
    # Root's is never touched. One that is another there, neither; and that is told.
    written.change_password("root", "Milvus", "changed-1")
    written.create_user("byhand", "Secret123")
    written.change_password("byhand", "Secret123", "new-password")
    target.bind("byhand", "dba")
    expect_login("byhand", "new-password")
    written.change_password("byhand", "not-the-one", "newer-password")

    def told() -> None:
        reason = server.client.get(task)["condition"]["reason"]
        if "the target refuses the password of user byhand" not in reason:
            raise NotYet(reason)

    eventually(told, what="the refused password is told")
    expect_login("byhand", "new-password")
    expect_login("carol", "third-3")
    shown = server.process.log.read_text() + str(server.client.get(task))
    for password in ("first-1", "third-3", "Other-456", "new-password", "not-the-one", "newer-password"):
        assert password not in shown and base64.b64encode(password.encode()).decode() not in shown
    assert target.users() >= {"root", "carol", "dave"}  # asked as root
    server.client.delete(task)
    server.stop()
    lab.end(server)


def test_refused_for_targets_without_users(
    servers: tuple[MilvusStandalone, MilvusStandalone], cdc: CdcServer, lite: Target
) -> None:
    answer = cdc.client.answer("create", create_request(lite.uri, **FLAG))
    assert "Milvus Lite has no users and roles" in answer["message"], answer
    # A user who may connect, but not list them.
    target = Access(servers[1])
    target.create_user("weak")
    target.create_role("connects")
    target.grant("connects", ("Global", "*", "*", "ListDatabases"))
    target.bind("weak", "connects")
    param = {"uri": servers[1].uri, "token": "weak:Secret123"}
    answer = cdc.client.answer("create", create_request("", milvus_connect_param=param, **FLAG))
    assert "users and roles cannot be replicated to this target" in answer["message"], answer
    assert "permission deny to weak" in answer["message"], answer
    assert cdc.client.list() == []
