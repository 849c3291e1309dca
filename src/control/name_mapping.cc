#include "control/name_mapping.h"

#include <algorithm>
#include <set>
#include <utility>

#include "control/scope.h"

namespace cdc {
namespace {

constexpr const char* kAny = "*";

// A name of the source and the one it has on the target; the collection may be "*".
struct Image {
  CollectionName source;
  CollectionName target;
};

bool Meet(const CollectionName& a, const CollectionName& b) { return Covers(a, b) || Covers(b, a); }

std::vector<Image> ImagesOfMappings(const TaskSpec& spec) {
  std::vector<Image> images;
  for (const NameMapping& mapping : spec.name_mapping) {
    if (mapping.collections.empty()) {
      images.push_back({{mapping.source_database, kAny}, {mapping.target_database, kAny}});
    }
    for (const auto& [from, to] : mapping.collections) {
      images.push_back({{mapping.source_database, from}, {mapping.target_database, to}});
    }
  }
  return images;
}

// Those of the mapping and of all other names with a database of their own: what "*" stands for is
// not known.
std::vector<Image> ImagesOf(const TaskSpec& spec) {
  std::vector<Image> images = ImagesOfMappings(spec);
  const size_t mapped = images.size();
  for (const CollectionName& name : ScopeOf(spec)) {
    const auto maps_it = [&name](const Image& image) { return Covers(image.source, name); };
    const auto end = images.begin() + static_cast<std::ptrdiff_t>(mapped);
    if (name.database != kAny && std::none_of(images.begin(), end, maps_it)) {
      images.push_back({name, name});
    }
  }
  return images;
}

Status CheckName(const std::string& name, int max_length) {
  if (name.empty() || name == kAny || name.find('.') != std::string::npos ||
      name.size() > static_cast<size_t>(max_length)) {
    return InvalidArgumentError(
        "a name in the name mapping is empty, too long, `*` or has a dot, [" + name + "]");
  }
  return OkStatus();
}

}  // namespace

Status CheckNameMapping(const TaskSpec& spec, int max_name_length) {
  const std::vector<CollectionName> scope = ScopeOf(spec);
  std::set<CollectionName> sources;
  for (const Image& image : ImagesOfMappings(spec)) {
    CDC_RETURN_IF_ERROR(CheckName(image.source.database, max_name_length));
    CDC_RETURN_IF_ERROR(CheckName(image.target.database, max_name_length));
    if (image.source.collection != kAny || image.target.collection != kAny) {
      CDC_RETURN_IF_ERROR(CheckName(image.source.collection, max_name_length));
      CDC_RETURN_IF_ERROR(CheckName(image.target.collection, max_name_length));
    }
    const bool covered = std::any_of(scope.begin(), scope.end(), [&image](const auto& name) {
      return Covers(name, image.source);
    });
    if (!covered) {
      return InvalidArgumentError(
          "the collection name in the name mapping is not in the collection info, checkout it");
    }
    if (!sources.insert(image.source).second) {
      return InvalidArgumentError("the name mapping has two entries for " +
                                  image.source.ToString());
    }
  }
  const std::vector<Image> images = ImagesOf(spec);
  for (size_t i = 0; i < images.size(); ++i) {
    for (size_t j = 0; j < i; ++j) {
      const bool meet =
          Meet(images[i].target, images[j].target) && !Meet(images[i].source, images[j].source);
      if (meet) {
        return InvalidArgumentError("two names of the task have the same name on the target, " +
                                    images[j].source.ToString() + " and " +
                                    images[i].source.ToString() + " -> " +
                                    images[i].target.ToString());
      }
    }
  }
  return OkStatus();
}

std::string FindTargetCollision(const TaskSpec& created,
                                const std::vector<const TaskSpec*>& existing) {
  for (const Image& image : ImagesOf(created)) {
    for (const TaskSpec* task : existing) {
      for (const Image& older : ImagesOf(*task)) {
        if (Meet(image.target, older.target) && !Meet(image.source, older.source)) {
          return image.target.ToString() + " of " + image.source.ToString() + " is the target of " +
                 older.source.ToString() + " in task " + task->id;
        }
      }
    }
  }
  return "";
}

}  // namespace cdc
