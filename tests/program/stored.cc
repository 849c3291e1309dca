#include "stored.h"

#include <stop_token>
#include <utility>

#include <CLI/CLI.hpp>

#include "etcd/etcd_client.h"
#include "source/catalog/etcd_catalog.h"
#include "source/snapshot/segment_catalog.h"

namespace cdc {

void StoredOptions::AddTo(CLI::App* app) {
  app->add_option("--etcd", etcd, "http://host:port")->required();
  app->add_option("--root-path", root_path, "Milvus' etcd.rootPath");
  app->add_option("--folder", folder, "Milvus' localStorage.path; else S3");
  app->add_option("--address", s3.address, "host:port of an S3 server");
  app->add_option("--bucket", s3.bucket);
  app->add_option("--storage-root", s3.root, "Milvus' minio.rootPath");
  app->add_option("--access-key", s3.access_key);
  app->add_option("--secret-key", s3.secret_key);
  app->add_option("--database", database);
  app->add_option("--collection", collection)->required();
}

Result<Stored> OpenStored(const StoredOptions& wanted) {
  EtcdCatalogOptions options;
  options.etcd.endpoints = {wanted.etcd};
  options.root_path = wanted.root_path;
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<EtcdCatalog> catalogs, StartEtcdCatalog(options));
  const std::shared_ptr<const Catalog> catalog = catalogs->Current();
  const auto database = catalog->FindDatabase(wanted.database);
  if (!database.has_value()) {
    return NotFoundError("no such database: " + wanted.database);
  }
  Stored stored{.collection = catalog->FindByName(*database, wanted.collection),
                .plan = {},
                .storage = nullptr};
  if (stored.collection == nullptr) {
    return NotFoundError("no such collection: " + wanted.collection);
  }
  CDC_ASSIGN_OR_RETURN(const std::unique_ptr<EtcdClient> etcd, NewEtcdClient(options.etcd));
  CDC_ASSIGN_OR_RETURN(const SegmentCatalog segments,
                       ReadSegmentCatalog(*etcd, wanted.root_path + "/meta/", *stored.collection,
                                          std::stop_token()));
  CDC_ASSIGN_OR_RETURN(stored.plan, PlanSnapshot(*stored.collection, segments));
  // A source that has never flushed anything may not have made the folder yet.
  if (stored.plan.rows > 0) {
    CDC_ASSIGN_OR_RETURN(stored.storage, wanted.folder.empty() ? OpenS3Storage(wanted.s3)
                                                               : OpenLocalStorage(wanted.folder));
  }
  return stored;
}

}  // namespace cdc
