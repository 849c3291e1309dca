// Inserts rows into a Milvus as fast as it takes them: makes the backlogs that are replicated, and
// is what a replication into a real Milvus is compared with. Prints one line of JSON.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <utility>

#include <CLI/CLI.hpp>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include "base/mutex.h"
#include "base/status.h"
#include "milvus.pb.h"
#include "milvus/milvus_call.h"
#include "milvus/milvus_channel.h"
#include "program.h"
#include "rows.h"
#include "schema.pb.h"

namespace cdc {
namespace {

namespace pb = milvus::proto::milvus;

constexpr std::chrono::seconds kTimeout{60};

struct Job {
  std::string uri;
  std::string database = "default";
  std::string collection = "rows";
  int64_t rows = 0;
  int dim = 128;
  int shards = 2;
  int batch = 5000;
  int concurrency = 4;
  bool create_only = false;
  bool drop = false;
};

// Writes batches, several at a time, until all are written or one failed.
class Inserter {
 public:
  Inserter(const Job& job, MilvusChannel* channel) : job_(job), channel_(channel) {}

  // Bytes of all requests.
  Result<size_t> Run() {
    size_t bytes = 0;
    for (int64_t first = 0; first < job_.rows; first += job_.batch) {
      const auto count = static_cast<int>(std::min<int64_t>(job_.batch, job_.rows - first));
      const grpc::ByteBuffer request = MakeRequest(first, count);
      bytes += request.Length();
      CDC_RETURN_IF_ERROR(WaitForFewer(job_.concurrency));
      Begin();
      channel_->Start("Insert", job_.database, request, kTimeout,
                      [this](const CallResult& call, grpc::ByteBuffer* answer) {
                        Done(call.status.ok() ? ReadAnswer(answer) : call.status);
                      });
    }
    CDC_RETURN_IF_ERROR(WaitForFewer(1));
    return bytes;
  }

 private:
  grpc::ByteBuffer MakeRequest(int64_t first, int count) const {
    pb::InsertRequest request;
    request.set_db_name(job_.database);
    request.set_collection_name(job_.collection);
    request.set_partition_name("_default");
    FillKeys(first, count, request.add_fields_data());
    FillVectors(first, count, job_.dim, request.add_fields_data());
    request.set_num_rows(static_cast<uint32_t>(count));
    const grpc::Slice slice(request.SerializeAsString());
    return {&slice, 1};
  }

  static Status ReadAnswer(grpc::ByteBuffer* bytes) {
    pb::MutationResult answer;
    CDC_RETURN_IF_ERROR(MilvusChannel::Parse(bytes, &answer));
    return FromMilvusStatus(answer.status());
  }

  // Waits until fewer than `calls` are in flight.
  Status WaitForFewer(int calls) {
    MutexLock lock(mutex_);
    changed_.Wait(lock, std::stop_token(), [&] { return calls_ < calls; });
    return failure_;
  }

  void Begin() {
    MutexLock lock(mutex_);
    ++calls_;
  }

  void Done(const Status& status) {
    MutexLock lock(mutex_);
    --calls_;
    if (failure_.ok()) {
      failure_ = status;
    }
    changed_.NotifyAll();
  }

  const Job& job_;
  MilvusChannel* const channel_;
  Mutex mutex_;
  CondVar changed_;
  int calls_ CDC_GUARDED_BY(mutex_) = 0;
  Status failure_ CDC_GUARDED_BY(mutex_);
};

Status Create(const Job& job, MilvusChannel* channel) {
  pb::CreateCollectionRequest request;
  request.set_db_name(job.database);
  request.set_collection_name(job.collection);
  request.set_schema(BenchSchema(job.collection, job.dim).SerializeAsString());
  request.set_shards_num(job.shards);
  request.set_consistency_level(milvus::proto::common::Bounded);
  milvus::proto::common::Status answer;
  return CallMilvus({.channel = channel, .timeout = kTimeout}, "CreateCollection", job.database,
                    request, &answer);
}

Status Drop(const Job& job, MilvusChannel* channel) {
  pb::DropCollectionRequest request;
  request.set_db_name(job.database);
  request.set_collection_name(job.collection);
  milvus::proto::common::Status answer;
  return CallMilvus({.channel = channel, .timeout = kTimeout}, "DropCollection", job.database,
                    request, &answer);
}

Status Run(const Job& job) {
  CDC_ASSIGN_OR_RETURN(const Endpoint endpoint, ParseEndpoint(job.uri));
  MilvusChannel channel(endpoint, {});
  if (job.drop) {
    return Drop(job, &channel);
  }
  CDC_RETURN_IF_ERROR(Create(job, &channel));
  if (job.create_only) {
    return OkStatus();
  }
  const auto start = std::chrono::steady_clock::now();
  CDC_ASSIGN_OR_RETURN(const size_t bytes, Inserter(job, &channel).Run());
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("{\"rows\": %lld, \"bytes\": %zu, \"seconds\": %.3f}\n",
              static_cast<long long>(job.rows), bytes, took.count());
  return OkStatus();
}

int Main(int argc, char** argv) {
  Job job;
  CLI::App app("Inserts rows into a Milvus as fast as it takes them");
  app.add_option("--uri", job.uri, "http://host:port")->required();
  app.add_option("--database", job.database);
  app.add_option("--collection", job.collection);
  app.add_option("--rows", job.rows);
  app.add_option("--dim", job.dim);
  app.add_option("--shards", job.shards);
  app.add_option("--batch", job.batch, "rows a call");
  app.add_option("--concurrency", job.concurrency, "calls at a time");
  app.add_flag("--create-only", job.create_only, "make the collection and no rows");
  app.add_flag("--drop", job.drop, "remove the collection");
  return RunProgram("direct_insert", &app, argc, argv, [&job] { return Run(job); });
}

}  // namespace
}  // namespace cdc

int main(int argc, char** argv) { return cdc::Main(argc, argv); }
