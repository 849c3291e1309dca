#include "milvus/access_client.h"

#include <utility>

#include "base/base64.h"
#include "milvus.pb.h"
#include "model/ids.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

void Remove(const std::string& secret, std::string* text) {
  for (size_t at = secret.empty() ? std::string::npos : text->find(secret); at != std::string::npos;
       at = text->find(secret, at)) {
    text->replace(at, secret.size(), "***");
    at += 3;
  }
}

// A server may quote what it refuses. `password`: in base64.
Status WithoutPassword(const Status& status, const std::string& password) {
  if (status.ok()) {
    return status;
  }
  std::string message = status.message();
  Remove(password, &message);
  Remove(DecodeBase64(password).value_or(""), &message);
  return {status.code(), std::move(message)};
}

}  // namespace

Status AccessClient::Call(const std::string& method,
                          const google::protobuf::Message& request) const {
  ::milvus::proto::common::Status answer;
  return CallMilvus(calls_, method, kDefaultDatabase, request, &answer);
}

Result<AccessSet> AccessClient::ListUsersAndRoles() const {
  AccessSet items;
  pb::ListCredUsersResponse users;
  CDC_RETURN_IF_ERROR(
      CallMilvus(calls_, "ListCredUsers", kDefaultDatabase, pb::ListCredUsersRequest(), &users));
  for (const std::string& name : users.usernames()) {
    items.insert(AccessItem::User(name));
  }
  pb::SelectRoleRequest request;
  request.set_include_user_info(true);
  pb::SelectRoleResponse roles;
  CDC_RETURN_IF_ERROR(CallMilvus(calls_, "SelectRole", kDefaultDatabase, request, &roles));
  for (const pb::RoleResult& result : roles.results()) {
    items.insert(AccessItem::Role(result.role().name()));
    for (const pb::UserEntity& user : result.users()) {
      items.insert(AccessItem::UserRole(user.name(), result.role().name()));
    }
  }
  return items;
}

// Without a database Milvus 2.3 takes `default`; with one it adds the grants of all databases.
Result<AccessSet> AccessClient::ListGrants(const std::string& role,
                                           const std::string& database) const {
  pb::SelectGrantRequest request;
  request.mutable_entity()->mutable_role()->set_name(role);
  request.mutable_entity()->set_db_name(database);
  pb::SelectGrantResponse answer;
  CDC_RETURN_IF_ERROR(CallMilvus(calls_, "SelectGrant", kDefaultDatabase, request, &answer));
  AccessSet items;
  for (const pb::GrantEntity& entity : answer.entities()) {
    items.insert(AccessItem::Grant(role, entity.object().name(), entity.db_name(),
                                   entity.object_name(), entity.grantor().privilege().name()));
  }
  return items;
}

Status AccessClient::Apply(const AccessChange& change) const {
  const AccessItem& item = change.item;
  switch (item.kind) {
    case AccessItem::Kind::kRole: {
      if (change.add) {
        pb::CreateRoleRequest request;
        request.mutable_entity()->set_name(item.role);
        const Status created = Call("CreateRole", request);
        return created.code() == StatusCode::kAlreadyExists ? OkStatus() : created;
      }
      pb::DropRoleRequest request;
      request.set_role_name(item.role);
      return Call("DropRole", request);
    }
    case AccessItem::Kind::kUser: {
      if (change.add) {
        return Status(StatusCode::kUnimplemented, "a user cannot be created without a password");
      }
      pb::DeleteCredentialRequest request;
      request.set_username(item.user);
      return Call("DeleteCredential", request);
    }
    case AccessItem::Kind::kUserRole: return ApplyUserRole(change);
    case AccessItem::Kind::kGrant: return ApplyGrant(change);
  }
  return InternalError("unknown kind of access item");
}

Status AccessClient::CreateUser(const std::string& user, const std::string& password) const {
  pb::CreateCredentialRequest request;
  request.set_username(user);
  request.set_password(password);
  return WithoutPassword(Call("CreateCredential", request), password);
}

Result<bool> AccessClient::ChangePassword(const std::string& user,
                                          const std::string& old_password,
                                          const std::string& new_password) const {
  pb::UpdateCredentialRequest request;
  request.set_username(user);
  request.set_oldpassword(old_password);
  request.set_newpassword(new_password);
  const Status changed = Call("UpdateCredential", request);
  // A refusal of our own credentials has the same code, but other words.
  if (changed.code() == StatusCode::kUnauthenticated &&
      changed.message().find("old password") != std::string::npos) {
    return false;
  }
  CDC_RETURN_IF_ERROR(WithoutPassword(WithoutPassword(changed, old_password), new_password));
  return true;
}

Status AccessClient::ApplyUserRole(const AccessChange& change) const {
  pb::OperateUserRoleRequest request;
  request.set_username(change.item.user);
  request.set_role_name(change.item.role);
  request.set_type(change.add ? pb::AddUserToRole : pb::RemoveUserFromRole);
  return Call("OperateUserRole", request);
}

// The grantor is whom the calls are made as; Milvus fills it in.
Status AccessClient::ApplyGrant(const AccessChange& change) const {
  const AccessItem& item = change.item;
  pb::OperatePrivilegeRequest request;
  request.set_type(change.add ? pb::Grant : pb::Revoke);
  pb::GrantEntity& entity = *request.mutable_entity();
  entity.mutable_role()->set_name(item.role);
  entity.mutable_object()->set_name(item.object_type);
  entity.set_object_name(item.object);
  entity.set_db_name(item.database);
  entity.mutable_grantor()->mutable_privilege()->set_name(item.privilege);
  return Call("OperatePrivilege", request);
}

}  // namespace cdc
