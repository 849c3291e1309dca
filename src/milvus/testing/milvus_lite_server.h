#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include "base/status.h"

namespace cdc {

// A Milvus Lite server on a loopback port of its own, with its data in a temporary folder. The
// destructor removes both, and the server dies with the process that started it.
class MilvusLiteServer {
 public:
  // `program`: the path of milvus-lite. kNotFound: it does not exist. kUnavailable: it did not
  // start.
  static Result<std::unique_ptr<MilvusLiteServer>> Start(const std::string& program);
  ~MilvusLiteServer();
  MilvusLiteServer(const MilvusLiteServer&) = delete;
  MilvusLiteServer& operator=(const MilvusLiteServer&) = delete;

  std::string uri() const { return "http://127.0.0.1:" + std::to_string(port_); }

 private:
  MilvusLiteServer() = default;
  Status WaitUntilReady() const;

  std::string folder_;
  int port_ = 0;
  pid_t process_ = 0;
};

}  // namespace cdc
