#pragma once

#include "base/status.h"
#include "metastore/mysql/mysql_connection.h"

// The tables of the store; rows of several stores, by root path, are in the same ones. A later
// program that needs others gives them other names.
namespace cdc::mysql_tables {

// root, token, holder, lease_until: who may use a store until when.
inline constexpr const char* kLease = "milvus_cdc_lease";
// root, token: whose writes count. Apart from the lease, so that to keep it never waits for a
// write.
inline constexpr const char* kOwner = "milvus_cdc_owner";
// root, record_key, part, value: a large value is in several parts.
inline constexpr const char* kRecord = "milvus_cdc_record";

// Creates those that do not exist.
Status Create(MysqlConnection* connection);

}  // namespace cdc::mysql_tables
