#pragma once

#include <string>

#include "base/status.h"
#include "milvus/metadata_reader.h"
#include "milvus/milvus_call.h"
#include "model/ddl.h"
#include "model/ids.h"

namespace cdc {

// Changes the metadata of one Milvus. A light value, created for one use. Thread-safe.
//
// Every change is idempotent. Servers answer a repeat in many ways (success, a code, only words).
// So if one refuses a change, its metadata is read and compared with the desired state.
class DdlClient {
 public:
  DdlClient(const MilvusCalls& calls, bool is_lite)
      : calls_(calls), is_lite_(is_lite), reader_(calls, is_lite) {}

  // See MetadataSink::Apply.
  Status Apply(const Ddl& ddl);

  // Drop something on a standby after its queues have got the message of the drop at `ts`. The
  // standby itself does not write one.
  Status ApplyTold(const DropCollection& ddl, Timestamp ts);
  Status ApplyTold(const DropPartition& ddl, Timestamp ts);

 private:
  Status Run(const CreateDatabase& ddl);
  Status Run(const DropDatabase& ddl);
  Status Run(const AlterDatabase& ddl);
  Status Run(const CreateCollection& ddl);
  Status Run(const DropCollection& ddl);
  Status Run(const RenameCollection& ddl);
  Status Run(const AlterCollection& ddl);
  Status Run(const SetAlias& ddl);
  Status Run(const DropAlias& ddl);
  Status Run(const CreatePartition& ddl);
  Status Run(const DropPartition& ddl);
  Status Run(const CreateIndex& ddl);
  Status Run(const DropIndex& ddl);
  Status Run(const LoadCollection& ddl);
  Status Run(const ReleaseCollection& ddl);
  Status Run(const LoadPartitions& ddl);
  Status Run(const ReleasePartitions& ddl);
  Status Run(const Flush& ddl);
  static Status UnlessAlias(const Status& status, const CollectionName& name);
  Result<bool> IsNoneOfLite(const CollectionName& name);

  // For calls whose answer is just a status.
  Status Call(const std::string& method,
              const std::string& database,
              const google::protobuf::Message& request);

  const MilvusCalls calls_;
  const bool is_lite_;
  const MetadataReader reader_;
};

}  // namespace cdc
