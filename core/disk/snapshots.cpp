// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/snapshots.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "core/base/path.hpp"
#include "core/base/text.hpp"
#include "core/confine/confined.hpp"
#include "core/disk/image_files.hpp"
#include "core/format/xml.hpp"

namespace ploopu {
namespace {

constexpr char kNamesFile[] = "Snapshots.xml";
// Elements of Snapshots.xml are nested as the snapshots are, with a few more around them.
constexpr size_t kMaxNamesDepth = kMaxChainLength + 8;

std::string text_of(pugi::xml_node item, const char* element) {
  return std::string(trim(item.child(element).text().get()));
}

// Visits each shot of the tree once, parents first. No recursion: a hostile tree may be as deep as
// its file is long.
class TreeWalk {
 public:
  explicit TreeWalk(const std::vector<DescriptorShot>& shots) {
    for (const auto& shot : shots) {
      if (known_.insert(shot.guid).second) unique_.push_back(&shot);
    }
    for (const auto* shot : unique_) children_[shot->parent].push_back(shot);
  }

  template <class Visit>
  void visit_all(Visit visit) {
    for (const auto* shot : unique_) {
      if (!known_.contains(shot->parent)) visit_below(shot, visit);
    }
    for (const auto* shot : unique_) visit_below(shot, visit);  // shots below a cycle of parents
  }

 private:
  template <class Visit>
  void visit_below(const DescriptorShot* root, Visit visit) {
    std::vector<std::pair<const DescriptorShot*, size_t>> pending = {{root, 0}};
    while (!pending.empty()) {
      const auto [shot, branches] = pending.back();
      pending.pop_back();
      if (!seen_.insert(shot->guid).second) continue;
      visit(*shot, branches);
      const auto& below = children_[shot->guid];
      const size_t deeper = branches + (below.size() > 1 ? 1 : 0);
      for (auto child = below.rbegin(); child != below.rend(); ++child) {
        pending.emplace_back(*child, deeper);
      }
    }
  }

  std::vector<const DescriptorShot*> unique_;  // the first shot of each GUID, in the file's order
  std::set<std::string_view> known_;
  std::set<std::string_view> seen_;
  std::map<std::string_view, std::vector<const DescriptorShot*>> children_;
};

// Reads Snapshots.xml in the directory above the image's. A missing file gives no names.
Result<std::vector<SnapshotName>> read_names(const FileSystem& files,
                                             const std::string& descriptor) {
  const std::string directory = directory_of(directory_of(descriptor));
  PLOOPU_TRY(const auto found, files.resolve("/", directory + "/" + kNamesFile));
  if (found.type == PathType::missing) return std::vector<SnapshotName>();
  PLOOPU_TRY(const auto file, files.read_text(found.path, kMaxDescriptorBytes));
  return confined<std::vector<SnapshotName>>(
      {found.path}, [&] { return parse_snapshot_names(file.text, found.path); });
}

}  // namespace

Result<std::vector<SnapshotName>> parse_snapshot_names(const std::string& text,
                                                       const std::string& name) {
  pugi::xml_document document;
  PLOOPU_CHECK(parse_xml(text, name, document, kMaxNamesDepth));
  std::vector<SnapshotName> names;
  std::vector<pugi::xml_node> pending = {document.document_element()};
  while (!pending.empty()) {
    const pugi::xml_node item = pending.back();
    pending.pop_back();
    const std::string guid = lower_case(item.attribute("guid").value());
    if (!guid.empty()) {
      names.push_back(
          {guid, text_of(item, "Name"), text_of(item, "DateTime"), text_of(item, "Description")});
    }
    for (pugi::xml_node child : item.children("SavedStateItem")) pending.push_back(child);
  }
  return names;
}

std::vector<Snapshot> snapshots_of(const DiskDescriptor& descriptor, const std::string& live_guid,
                                   const std::vector<SnapshotName>& names) {
  auto shots = descriptor.shots;
  if (shots.empty() && descriptor.images.size() == 1) {
    shots.push_back({descriptor.images.front().guid, std::string(kNullGuid)});
  }
  std::vector<Snapshot> snapshots;
  TreeWalk(shots).visit_all([&](const DescriptorShot& shot, size_t branches) {
    Snapshot snapshot;
    snapshot.guid = shot.guid;
    if (shot.parent != kNullGuid) snapshot.parent = shot.parent;
    snapshot.is_live = shot.guid == live_guid;
    snapshot.branches = branches;
    for (const auto& name : names) {
      if (name.guid == shot.guid) snapshot.name = name;
    }
    for (const auto& image : descriptor.images) {
      if (image.guid == shot.guid && snapshot.file.empty()) snapshot.file = image.file;
    }
    snapshots.push_back(std::move(snapshot));
  });
  return snapshots;
}

Result<SnapshotTree> read_snapshots(const HostTree& tree, const ImageLocation& location) {
  if (!location.is_descriptor) {
    return fail(ErrorKind::usage, "{}: is a single file without snapshots: give a {} or container",
                location.path, kDescriptorName);
  }
  LocatedFiles files(tree, location);
  PLOOPU_TRY(const auto descriptor, read_descriptor(files));
  SnapshotTree found;
  found.warnings = location.warnings;
  const auto live = find_shot(descriptor, "top", location.path);
  if (!live) found.warnings.push_back(live.error().message);
  const auto names = read_names(tree.files(), location.path);
  if (!names) found.warnings.push_back(names.error().message);
  found.snapshots =
      snapshots_of(descriptor, live.value_or(""), names.value_or(std::vector<SnapshotName>()));
  return found;
}

}  // namespace ploopu
