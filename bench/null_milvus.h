#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "write_counter.h"

namespace grpc {
class ByteBuffer;
}

namespace cdc {

// What the null target answers. It remembers collections and partitions, so that it describes what
// was created, and of rows only their number. Thread-safe.
class NullMilvus {
 public:
  NullMilvus();

  // The answer to `method` ("Insert"), serialized.
  std::string Answer(const std::string& method, const grpc::ByteBuffer& request);

  static bool IsWrite(std::string_view method);

  WriteCounter& counter() { return counter_; }

 private:
  using Bytes = std::string;
  using Handler = std::function<Bytes(const grpc::ByteBuffer&)>;
  struct Collection {
    Bytes schema;
    int shards = 1;
    std::vector<std::string> partitions;
  };
  using Name = std::pair<std::string, std::string>;  // database, collection

  Bytes CreateCollection(const grpc::ByteBuffer& request);
  Bytes DropCollection(const grpc::ByteBuffer& request);
  Bytes DescribeCollection(const grpc::ByteBuffer& request);
  Bytes CreatePartition(const grpc::ByteBuffer& request);
  Bytes ShowPartitions(const grpc::ByteBuffer& request);
  Bytes ShowCollections(const grpc::ByteBuffer& request);
  Bytes CountWrite(const grpc::ByteBuffer& request);

  std::map<std::string, Handler> handlers_;  // written by the constructor only
  Mutex mutex_;
  std::map<Name, Collection> collections_ CDC_GUARDED_BY(mutex_);
  WriteCounter counter_;
};

}  // namespace cdc
