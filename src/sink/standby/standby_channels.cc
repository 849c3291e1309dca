#include "sink/standby/standby_channels.h"

#include <deque>
#include <memory>
#include <utility>

#include <grpcpp/support/byte_buffer.h>

#include "milvus.pb.h"
#include "milvus/milvus_status.h"
#include "model/rows.h"

namespace cdc {
namespace {

namespace pb = ::milvus::proto::milvus;

// One listing: databases, their collections, the channels of each. Every answer begins the next
// call, so no two calls use this at the same time.
class Listing : public std::enable_shared_from_this<Listing> {
 public:
  Listing(MilvusChannel* channel,
          std::chrono::milliseconds timeout,
          std::stop_token stop,
          std::function<void(Result<std::set<std::string>>)> done)
      : channel_(channel), timeout_(timeout), stop_(std::move(stop)), done_(std::move(done)) {}

  void Begin() {
    Ask<pb::ListDatabasesResponse>("ListDatabases", "", pb::ListDatabasesRequest(),
                                   [this](const pb::ListDatabasesResponse& response) {
                                     databases_.assign(response.db_names().begin(),
                                                       response.db_names().end());
                                   });
  }

 private:
  void Next() {
    if (stop_.stop_requested()) {
      done_(CancelledError("stopped"));
    } else if (!collections_.empty()) {
      const CollectionName name = std::move(collections_.front());
      collections_.pop_front();
      pb::DescribeCollectionRequest request;
      request.set_db_name(name.database);
      request.set_collection_name(name.collection);
      Ask<pb::DescribeCollectionResponse>("DescribeCollection", name.database, request,
                                          [this](const pb::DescribeCollectionResponse& response) {
                                            pchannels_.insert(
                                                response.physical_channel_names().begin(),
                                                response.physical_channel_names().end());
                                          });
    } else if (!databases_.empty()) {
      const std::string database = std::move(databases_.front());
      databases_.pop_front();
      pb::ShowCollectionsRequest request;
      request.set_db_name(database);
      Ask<pb::ShowCollectionsResponse>(
          "ShowCollections", database, request,
          [this, database](const pb::ShowCollectionsResponse& response) {
            for (const std::string& name : response.collection_names()) {
              collections_.push_back({database, name});
            }
          });
    } else {
      done_(std::move(pchannels_));
    }
  }

  template <class Response>
  void Ask(const std::string& method,
           const std::string& database,
           const google::protobuf::Message& request,
           std::function<void(const Response&)> take) {
    const grpc::Slice slice(request.SerializeAsString());
    channel_->Start(method, database, grpc::ByteBuffer(&slice, 1), timeout_,
                    [self = shared_from_this(), take = std::move(take)](const CallResult& result,
                                                                        grpc::ByteBuffer* bytes) {
                      Response response;
                      Status status = result.status.ok() ? MilvusChannel::Parse(bytes, &response)
                                                         : result.status;
                      if (status.ok()) {
                        status = FromMilvusStatus(response.status());
                      }
                      // What is dropped meanwhile needs no ticks.
                      if (!status.ok() && status.code() != StatusCode::kNotFound) {
                        self->done_(std::move(status));
                        return;
                      }
                      if (status.ok()) {
                        take(response);
                      }
                      self->Next();
                    });
  }

  MilvusChannel* const channel_;
  const std::chrono::milliseconds timeout_;
  const std::stop_token stop_;
  const std::function<void(Result<std::set<std::string>>)> done_;
  std::deque<std::string> databases_;
  std::deque<CollectionName> collections_;
  std::set<std::string> pchannels_;
};

}  // namespace

void ListPchannels(MilvusChannel* channel,
                   std::chrono::milliseconds timeout,
                   std::stop_token stop,
                   std::function<void(Result<std::set<std::string>>)> done) {
  std::make_shared<Listing>(channel, timeout, std::move(stop), std::move(done))->Begin();
}

}  // namespace cdc
