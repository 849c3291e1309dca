#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include "base/status.h"

namespace cdc {

// A real broker, run by a module of tests/lab that obeys lines from its standard input. The
// destructor removes the broker and its data. Use it from one thread.
class LabBroker {
 public:
  // `root` is the project's folder, `module` the module's name, `files` what ./dev setup has put
  // below .cache for it. The broker is not started yet. kNotFound: ./dev setup was not run.
  static Result<std::unique_ptr<LabBroker>> Launch(const std::string& root,
                                                   const std::string& module,
                                                   const std::string& files);
  ~LabBroker();
  LabBroker(const LabBroker&) = delete;
  LabBroker& operator=(const LabBroker&) = delete;

  // Sends a line and returns the answer.
  Result<std::string> Command(const std::string& line);

  // Starts the broker on its data, if it has some, and returns what the module says of it, without
  // the word "ready", once it listens.
  Result<std::string> Start();
  Status Kill();  // kill -9

 private:
  LabBroker() = default;

  pid_t process_ = -1;
  int to_ = -1;
  int from_ = -1;
};

}  // namespace cdc
