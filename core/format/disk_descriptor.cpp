// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/format/disk_descriptor.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/text.hpp"
#include "core/format/ploop_header.hpp"
#include "core/format/xml.hpp"

namespace ploopu {
namespace {

// GUID of the live state if the descriptor has no <TopGUID> (libploop, TOPDELTA_UUID).
constexpr std::string_view kFixedTopGuid = "{5fbaabe3-6958-40ff-92a7-860e329aab41}";

// Longest text of an element: the longest path. No text in a real descriptor is longer.
constexpr size_t kMaxTextBytes = 4095;

// Reads elements of a document. Errors name the document and the element.
class Reader {
 public:
  explicit Reader(const std::string& name) : name_(name) {}

  // Returns a null node if there is no such element. ErrorKind::damaged for two: parsers differ on
  // which counts.
  [[nodiscard]] Result<pugi::xml_node> optional_child(pugi::xml_node parent,
                                                      const char* element) const {
    const pugi::xml_node node = parent.child(element);
    if (!node.next_sibling(element)) return node;
    return fail(ErrorKind::damaged, "{}: <{}> has more than one <{}>: refused", name_,
                parent.name(), element);
  }

  [[nodiscard]] Result<pugi::xml_node> child(pugi::xml_node parent, const char* element) const {
    PLOOPU_TRY(const auto node, optional_child(parent, element));
    if (node) return node;
    return fail(ErrorKind::damaged, "{}: <{}> has no <{}>", name_, parent.name(), element);
  }

  // The text of a required child, which is a single piece of text or CDATA. Parsers differ on texts
  // with markup in between, even a comment, so such a text is an error.
  [[nodiscard]] Result<std::string> text(pugi::xml_node parent, const char* element) const {
    PLOOPU_TRY(auto node, child(parent, element));
    if (std::distance(node.begin(), node.end()) > 1) {
      return fail(ErrorKind::damaged, "{}: <{}> holds more than one piece of text", name_, element);
    }
    std::string value(trim(node.text().get()));
    if (value.empty()) {
      return fail(ErrorKind::damaged, "{}: <{}> is empty", name_, element);
    }
    if (value.size() > kMaxTextBytes) {
      return fail(ErrorKind::damaged, "{}: <{}> is {} bytes long: must be at most {}", name_,
                  element, value.size(), kMaxTextBytes);
    }
    return value;
  }

  // A required child as a decimal number, or a hexadecimal number after 0x.
  [[nodiscard]] Result<uint64_t> number(pugi::xml_node parent, const char* element) const {
    PLOOPU_TRY(const auto value, text(parent, element));
    std::string_view digits = value;
    const bool hexadecimal = digits.starts_with("0x") || digits.starts_with("0X");
    if (hexadecimal) digits.remove_prefix(2);
    const auto result = parse_number(digits, hexadecimal ? 16 : 10);
    if (!result) {
      return fail(ErrorKind::damaged, "{}: <{}> is '{}': must be a number", name_, element, value);
    }
    return *result;
  }

  [[nodiscard]] Result<std::string> guid(pugi::xml_node parent, const char* element) const {
    PLOOPU_TRY(const auto value, text(parent, element));
    auto guid = lower_case(value);
    if (is_guid(guid)) return guid;
    return fail(ErrorKind::damaged, "{}: <{}> is '{}': must be a GUID in braces", name_, element,
                value);
  }

 private:
  const std::string& name_;
};

Result<std::vector<DescriptorImage>> read_images(const Reader& reader, pugi::xml_node storage) {
  std::vector<DescriptorImage> images;
  for (pugi::xml_node node : storage.children("Image")) {
    DescriptorImage image;
    PLOOPU_TRY(image.guid, reader.guid(node, "GUID"));
    PLOOPU_TRY(image.file, reader.text(node, "File"));
    PLOOPU_TRY(auto type, reader.text(node, "Type"));
    if (type != "Plain" && type != "Compressed") {
      return fail(ErrorKind::damaged, "{}: image {} has <Type> '{}': must be Compressed or Plain",
                  image.file, image.guid, type);
    }
    image.plain = type == "Plain";
    images.push_back(std::move(image));
  }
  return images;
}

Result<std::vector<DescriptorShot>> read_shots(const Reader& reader, pugi::xml_node snapshots) {
  std::vector<DescriptorShot> shots;
  for (pugi::xml_node node : snapshots.children("Shot")) {
    DescriptorShot shot;
    PLOOPU_TRY(shot.guid, reader.guid(node, "GUID"));
    PLOOPU_TRY(shot.parent, reader.guid(node, "ParentGUID"));
    shots.push_back(std::move(shot));
  }
  return shots;
}

// Reads the parent of a clone. libploop writes <Volume> for every volume, and a <Parent> in it for
// a clone.
Result<std::optional<std::string>> read_clone_of(const Reader& reader, pugi::xml_node data) {
  PLOOPU_TRY(const auto volume, reader.optional_child(data, "Volume"));
  PLOOPU_TRY(const auto parent, reader.optional_child(volume, "Parent"));
  if (!parent.first_child()) return std::nullopt;
  PLOOPU_TRY(auto directory, reader.text(volume, "Parent"));
  return directory;
}

Result<void> read_storage(const Reader& reader, pugi::xml_node data, const std::string& name,
                          DiskDescriptor& descriptor) {
  const auto storages = data.children("Storage");
  if (const auto count = std::distance(storages.begin(), storages.end()); count != 1) {
    return fail(ErrorKind::damaged,
                "{}: has {} <Storage> elements: only disks with one can be read", name, count);
  }
  const pugi::xml_node storage = *storages.begin();
  PLOOPU_TRY(auto cluster_sectors, reader.number(storage, "Blocksize"));
  if (cluster_sectors == 0 || cluster_sectors > kMaxClusterSectors) {
    return fail(ErrorKind::damaged, "{}: <Blocksize> is {}: must be 1..{} sectors", name,
                cluster_sectors, kMaxClusterSectors);
  }
  descriptor.cluster_sectors = static_cast<uint32_t>(cluster_sectors);
  PLOOPU_TRY(descriptor.images, read_images(reader, storage));
  return {};
}

// Any value in <Encryption> other than the null GUID means that the disk is encrypted
// (docs/FORMAT.md#encryption).
Result<void> refuse_encrypted(pugi::xml_node parameters, const std::string& name) {
  for (pugi::xml_node encryption : parameters.children("Encryption")) {
    const pugi::xml_node found = encryption.find_node([](pugi::xml_node node) {
      const std::string_view value = trim(node.value());
      return !value.empty() && value != kNullGuid;
    });
    if (found) {
      return fail(ErrorKind::damaged,
                  "{}: the disk is encrypted (<{}> {}): decrypt it on the host that created it",
                  name, found.parent().name(), trim(found.value()));
    }
  }
  return {};
}

bool is_lone_image(const DiskDescriptor& descriptor) {
  return descriptor.shots.empty() && descriptor.images.size() == 1;
}

// The text of an element; empty for 0, which means that it is not set
// (docs/FORMAT.md#descriptor-elements).
std::string_view set_value(pugi::xml_node parent, const char* element) {
  const std::string_view value = trim(parent.child(element).text().get());
  return value == "0" ? std::string_view() : value;
}

void note_oddities(pugi::xml_node parameters, pugi::xml_node storage, const std::string& name,
                   DiskDescriptor& descriptor) {
  const auto note = [&](const std::string& text) {
    descriptor.oddities.push_back(name + ": " + text);
  };
  if (const auto padding = set_value(parameters, "Padding"); !padding.empty()) {
    note(fmt::format("<Padding> is {}: Parallels products don't open such a disk", padding));
  }
  const bool has_raw = std::any_of(descriptor.images.begin(), descriptor.images.end(),
                                   [](const DescriptorImage& image) { return image.plain; });
  if (has_raw && !set_value(storage, "Preallocated").empty()) {
    note("<Preallocated> is set for a Plain image: libploop refuses it");
  }
  if (is_lone_image(descriptor)) {
    note("has no <Shot>: its only image is used as the disk");
  }
}

// The GUID of the live state's shot.
Result<std::string> find_top(const DiskDescriptor& descriptor, const std::string& name) {
  // A lone image has no <Shot> (docs/FORMAT.md#lone-image).
  if (is_lone_image(descriptor)) return descriptor.images.front().guid;
  if (descriptor.top_guid) return *descriptor.top_guid;
  const bool has_fixed_top =
      std::any_of(descriptor.shots.begin(), descriptor.shots.end(),
                  [](const DescriptorShot& shot) { return shot.guid == kFixedTopGuid; });
  if (has_fixed_top) return std::string(kFixedTopGuid);
  return fail(ErrorKind::damaged, "{}: <Snapshots> has no <TopGUID>: the live state is unknown",
              name);
}

// GUIDs of shots that begin with `digits`.
std::set<std::string> shots_beginning(const DiskDescriptor& descriptor, std::string_view digits) {
  std::set<std::string> found;
  const auto look_at = [&](const std::string& guid) {
    if (std::string_view(guid).substr(1).starts_with(digits)) found.insert(guid);
  };
  if (is_lone_image(descriptor)) look_at(descriptor.images.front().guid);
  for (const auto& shot : descriptor.shots) look_at(shot.guid);
  return found;
}

}  // namespace

Result<DiskDescriptor> parse_disk_descriptor(const std::string& text, const std::string& name) {
  pugi::xml_document document;
  PLOOPU_CHECK(parse_xml(text, name, document));
  // The root's name is not checked: it is Parallels_disk_image until 2020, Virtuozzo_disk_image
  // since.
  const pugi::xml_node root = document.document_element();
  const Reader reader(name);
  DiskDescriptor descriptor;
  PLOOPU_TRY(auto parameters, reader.child(root, "Disk_Parameters"));
  PLOOPU_CHECK(refuse_encrypted(parameters, name));
  PLOOPU_TRY(descriptor.disk_sectors, reader.number(parameters, "Disk_size"));
  PLOOPU_TRY(auto data, reader.child(root, "StorageData"));
  PLOOPU_TRY(descriptor.clone_of, read_clone_of(reader, data));
  PLOOPU_CHECK(read_storage(reader, data, name, descriptor));
  PLOOPU_TRY(const auto snapshots, reader.optional_child(root, "Snapshots"));
  if (snapshots.child("TopGUID")) {
    PLOOPU_TRY(descriptor.top_guid, reader.guid(snapshots, "TopGUID"));
  }
  PLOOPU_TRY(descriptor.shots, read_shots(reader, snapshots));
  note_oddities(parameters, data.child("Storage"), name, descriptor);
  return descriptor;
}

void append_parent(DiskDescriptor& clone, const DiskDescriptor& parent) {
  std::set<std::string> known;
  for (const auto& image : clone.images) known.insert(image.guid);
  for (const auto& shot : clone.shots) known.insert(shot.guid);
  for (const auto& image : parent.images) {
    if (!known.contains(image.guid)) clone.images.push_back(image);
  }
  auto shots = parent.shots;
  if (is_lone_image(parent)) {
    shots.push_back({parent.images.front().guid, std::string(kNullGuid)});
  }
  for (auto& shot : shots) {
    if (!known.contains(shot.guid)) clone.shots.push_back(std::move(shot));
  }
}

Result<std::string> find_shot(const DiskDescriptor& descriptor, const std::string& which,
                              const std::string& name) {
  const std::string word = lower_case(which);
  if (word.empty() || word == "top") return find_top(descriptor, name);
  if (word == "base") {
    PLOOPU_TRY(const auto top, find_top(descriptor, name));
    PLOOPU_TRY(const auto chain, chain_to(descriptor, top, name));
    return chain.front().guid;
  }
  const std::string digits = guid_prefix(which);
  const auto found = digits.empty() ? std::set<std::string>() : shots_beginning(descriptor, digits);
  if (found.size() == 1) return *found.begin();
  if (found.empty()) {
    return fail(ErrorKind::not_found, "{}: has no snapshot '{}': list them with 'ploopu snapshots'",
                name, which);
  }
  return fail(ErrorKind::usage,
              "{}: '{}' is the beginning of {} snapshots, such as {}: give more digits", name,
              which, found.size(), *found.begin());
}

Result<std::vector<DescriptorImage>> chain_to(const DiskDescriptor& descriptor,
                                              const std::string& shot_guid,
                                              const std::string& name) {
  if (is_lone_image(descriptor)) return descriptor.images;

  std::map<std::string_view, const DescriptorImage*> images;
  for (const auto& image : descriptor.images) images.emplace(image.guid, &image);
  std::map<std::string_view, const DescriptorShot*> shots;
  for (const auto& shot : descriptor.shots) shots.emplace(shot.guid, &shot);

  std::vector<DescriptorImage> chain;
  std::set<std::string_view> visited;
  for (std::string_view guid = shot_guid; guid != kNullGuid;) {
    const auto shot = shots.find(guid);
    if (shot == shots.end()) {
      return fail(ErrorKind::damaged, "{}: no <Shot> has the GUID {}, which the chain needs", name,
                  guid);
    }
    const auto image = images.find(guid);
    if (image == images.end()) {
      return fail(ErrorKind::damaged, "{}: no <Image> has the GUID {}, which the chain needs", name,
                  guid);
    }
    if (!visited.insert(guid).second) {
      return fail(ErrorKind::damaged, "{}: the <Shot> {} is its own ancestor", name, guid);
    }
    if (visited.size() > kMaxChainLength) {
      return fail(ErrorKind::damaged, "{}: more than {} deltas in one chain", name,
                  kMaxChainLength);
    }
    chain.push_back(*image->second);
    guid = shot->second->parent;
  }
  if (chain.empty()) {
    return fail(ErrorKind::damaged, "{}: <TopGUID> is the null GUID: there is no image to read",
                name);
  }
  std::reverse(chain.begin(), chain.end());
  return chain;
}

std::vector<std::string> repeated_guids(const DiskDescriptor& descriptor) {
  std::set<std::string> repeated;
  const auto collect = [&](const auto& list) {
    std::set<std::string_view> seen;
    for (const auto& item : list) {
      if (!seen.insert(item.guid).second) repeated.insert(item.guid);
    }
  };
  collect(descriptor.images);
  collect(descriptor.shots);
  return {repeated.begin(), repeated.end()};
}

}  // namespace ploopu
