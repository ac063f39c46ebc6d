// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/disk/image.hpp"

#include <algorithm>
#include <set>
#include <string_view>
#include <utility>

#include "core/base/path.hpp"
#include "core/confine/confined.hpp"
#include "core/disk/image_chain.hpp"
#include "core/disk/table_answer.hpp"

namespace ploopu {
namespace {

// The reply of confined work that opened a chain, for the process that opened the files.
struct ChainAnswer {
  std::vector<FileIdentity> files;  // files of the deltas, base first
  std::vector<std::string> guids;
  std::vector<std::string> warnings;
  std::optional<std::string> snapshot;
  TableAnswer tables;
  std::string looked;
};

template <class Codec>
void fields(Codec& codec, ChainAnswer& answer) {
  codec(answer.files, answer.guids, answer.warnings, answer.snapshot, answer.tables, answer.looked);
}

// How confined work opens a chain, and where its caller finds the deltas afterwards.
struct Opening {
  WorkTask task;
  std::function<Result<ImageChain>(Outside& outside)> open_chain;
  Serve serve;
  const std::vector<Delta>& opened;
};

// Finds the deltas that `answer` names among the opened ones. ErrorKind::damaged for an answer that
// names another file, or that sound work can't give.
Result<std::vector<Delta>> find_deltas(const ChainAnswer& answer, const Opening& opening) {
  std::vector<Delta> deltas;
  for (const auto& identity : answer.files) {
    const auto found =
        std::find_if(opening.opened.begin(), opening.opened.end(),
                     [&](const Delta& delta) { return delta.file().identity() == identity; });
    if (found != opening.opened.end()) deltas.push_back(*found);
  }
  const bool is_sound = !deltas.empty() && deltas.size() == answer.files.size() &&
                        (answer.guids.empty() || answer.guids.size() == deltas.size()) &&
                        (!answer.snapshot || is_guid(*answer.snapshot));
  if (!is_sound) return unsound_answer(opening.task.what);
  return deltas;
}

Result<Image> open_here(const ImageLocation& location, const Opening& opening, const Look& look) {
  DirectOutside outside(opening.serve);
  PLOOPU_TRY(auto chain, opening.open_chain(outside));
  PLOOPU_TRY(auto disk, assemble_unchanged(std::move(chain.deltas)));
  Image image{location, std::move(disk), std::move(chain.guids), std::move(chain.warnings)};
  image.snapshot = std::move(chain.snapshot);
  if (look) image.looked = look(image.disk);
  return image;
}

Result<Image> open_confined(const ImageLocation& location, const Opening& opening,
                            const Look& look) {
  PLOOPU_TRY(auto memory, confinement()->share(Disk::kMaxTableMemory));
  const auto bytes = memory->bytes();
  const auto work = [&](Outside& outside) -> Result<ChainAnswer> {
    PLOOPU_TRY(auto chain, opening.open_chain(outside));
    ChainAnswer answer;
    for (const auto& delta : chain.deltas) answer.files.push_back(delta.file().identity());
    answer.guids = std::move(chain.guids);
    answer.warnings = std::move(chain.warnings);
    answer.snapshot = std::move(chain.snapshot);
    PLOOPU_TRY(const auto disk, assemble_unchanged(std::move(chain.deltas), bytes));
    answer.tables = disk.describe_tables(bytes);
    if (look) answer.looked = look(disk);
    return answer;
  };
  PLOOPU_TRY(auto answer, confined<ChainAnswer>(opening.task, work, opening.serve));
  PLOOPU_TRY(auto deltas, find_deltas(answer, opening));
  PLOOPU_TRY(auto disk, Disk::adopt(std::move(deltas), answer.tables, std::move(memory)));
  Image image{location, std::move(disk), std::move(answer.guids), std::move(answer.warnings)};
  image.snapshot = std::move(answer.snapshot);
  image.looked = std::move(answer.looked);
  return image;
}

Result<Image> open_one(const ImageLocation& location, const Opening& opening, const Look& look) {
  return confinement() == nullptr ? open_here(location, opening, look)
                                  : open_confined(location, opening, look);
}

// Whoever makes or merges a snapshot meanwhile replaces the descriptor, and then removes files. So
// the descriptor is read again at the end, even after an error, and must have the same text.
Result<Image> open_state(const ImageLocation& location, LocatedFiles& files,
                         const std::string& snapshot, const Look& look) {
  for (const bool is_last_try : {false, true}) {
    PLOOPU_TRY(const auto text, files.read_descriptor());
    const Opening opening{{location.path},
                          [&](Outside& outside) {
                            AskedFiles asked(outside);
                            return open_chain(text, snapshot, asked);
                          },
                          [&](const std::string& request) {
                            return files.serve(request, LocatedFiles::Keep::deltas);
                          },
                          files.opened()};
    auto image = open_one(location, opening, look);
    PLOOPU_TRY(const bool have_changed, files.have_changed());
    if (!have_changed) return image;
    if (!is_last_try) files.forget();
  }
  return fail(ErrorKind::busy, "{}: changes while it is read: try again", location.path);
}

Result<Image> open_single_file(const HostTree& tree, const ImageLocation& location,
                               const Look& look) {
  DeltaFile source;
  source.name = location.path;
  PLOOPU_TRY(source.file, tree.files().open_image(location.path));
  PLOOPU_TRY(auto delta, Delta::open(std::move(source)));
  const std::vector<Delta> opened = {std::move(delta)};
  const Opening opening{{location.path, WorkSize::parsing, {opened.front().file().descriptor()}},
                        [&](Outside& /*outside*/) -> Result<ImageChain> {
                          return ImageChain{opened, {}, {}, {}};
                        },
                        [](const std::string& /*request*/) { return Handed(); },
                        opened};
  return open_one(location, opening, look);
}

// Deltas of snapshots have names such as "root.hdd.{GUID}" and "harddisk.hdd.0.{GUID}.hds".
bool is_named_like_a_delta(const std::string& path) {
  const std::string name = base_name(path);
  const size_t open = name.find(".{");
  return open != std::string::npos && name.find('}', open) == open + 2 + 36;
}

// Opens `file` with the deltas below it, if the descriptor beside it lists the file. Returns
// nothing when the descriptor can't be read, or doesn't list the file.
Result<std::optional<Image>> open_by_descriptor_beside(const HostTree& tree,
                                                       const ImageLocation& file,
                                                       const std::string& descriptor_path,
                                                       const Look& look) {
  ImageLocation location = file;
  location.path = descriptor_path;
  location.is_descriptor = true;
  LocatedFiles files(tree, location);
  const auto descriptor = read_descriptor(files);
  if (!descriptor) return std::nullopt;
  PLOOPU_TRY(const auto named, tree.files().open_image(file.path));
  // Files in different directories may have one name.
  for (const auto& listed : descriptor->images) {
    if (base_name(listed.file) != base_name(file.path)) continue;
    PLOOPU_TRY(auto image, open_state(location, files, listed.guid, look));
    if (image.disk.deltas().back().file().identity() != named->identity()) continue;
    if (image.guids.size() > 1 || image.snapshot) {
      image.warnings.push_back(
          fmt::format("{}: is a delta of {}: opened with the deltas below it, as snapshot {}",
                      file.path, descriptor_path, listed.guid));
    }
    return image;
  }
  return std::nullopt;
}

// Opens a file that the user named without its descriptor. A delta by itself shows zeros where the
// deltas below it have data, so a descriptor beside the file is used, or a warning given.
Result<Image> open_file(const HostTree& tree, const ImageLocation& location, const Look& look) {
  const std::string beside = directory_of(location.path) + "/" + kDescriptorName;
  PLOOPU_TRY(const auto found, tree.files().resolve("/", beside));
  const bool has_descriptor = found.type == PathType::regular;
  if (has_descriptor) {
    PLOOPU_TRY(auto image, open_by_descriptor_beside(tree, location, found.path, look));
    if (image) return *std::move(image);
  }
  PLOOPU_TRY(auto image, open_single_file(tree, location, look));
  if (has_descriptor || is_named_like_a_delta(location.path)) {
    image.warnings.push_back(
        fmt::format("{}: may be the delta of a snapshot, but no {} lists the deltas below it: its "
                    "gaps may not be zeros",
                    location.path, kDescriptorName));
  }
  return image;
}

// The fault of an illegal m_FirstBlockOffset, for a message (docs/FORMAT.md#first-block-offset).
std::optional<std::string_view> oddity_of_data_offset(const Delta& delta) {
  const uint64_t announced = uint64_t{delta.header().data_sector} * kSectorSize;
  if (announced == 0 && delta.version() == 1) return std::nullopt;
  if (announced == 0) return "which version 2 doesn't allow";
  if (announced < delta.data_start()) return "which is inside the table";
  if (announced > delta.file_size()) return "which is after the end of the file";
  if (delta.version() != 1 && announced % delta.cluster_size() != 0) {
    return "which is not a multiple of the cluster size";
  }
  return std::nullopt;
}

void warn_about_deltas(const Disk& disk, std::vector<std::string>& warnings) {
  for (size_t i = 0; i < disk.deltas().size(); ++i) {
    const Delta& delta = disk.deltas()[i];
    warn_about_delta(delta, warnings);
    if (const uint64_t damaged = disk.usage(i).damaged; damaged > 0) {
      warnings.push_back(fmt::format(
          "{}: {} of {} clusters are incomplete in the file: reading the missing parts fails",
          delta.name(), damaged, disk.usage(i).allocated));
    }
    if (i > 0 && disk.deltas()[i - 1].disk_size() > delta.disk_size()) {
      warnings.push_back(
          fmt::format("{}: describes a smaller disk than the delta below it", delta.name()));
    }
  }
}

Result<void> find_exposed_directories(const HostTree& tree, Image& image) {
  std::set<std::string> directories = {directory_of(image.location.path)};
  for (const auto& delta : image.disk.deltas()) directories.insert(directory_of(delta.name()));
  std::set<std::string> exposed;
  for (const auto& directory : directories) {
    PLOOPU_TRY(const auto found, tree.files().writable_by_others(directory));
    exposed.insert(found.begin(), found.end());
  }
  for (const auto& directory : exposed) {
    image.warnings.push_back(fmt::format(
        "{}: everybody may write to this directory and replace files of the image", directory));
  }
  image.writable_by_others.assign(exposed.begin(), exposed.end());
  return {};
}

}  // namespace

void warn_about_delta(const Delta& delta, std::vector<std::string>& warnings) {
  if (delta.in_use()) {
    warnings.push_back(fmt::format(
        "{}: was not closed: its container is running, or crashed; newest changes may be missing",
        delta.name()));
  }
  if (const uint32_t flags = delta.header().unknown_flags(); flags != 0) {
    warnings.push_back(
        fmt::format("{}: m_Flags has unknown flags {:#x}: ignored", delta.name(), flags));
  }
  if (!delta.is_raw() && delta.bat_entries() < delta.disk_clusters()) {
    warnings.push_back(
        fmt::format("{}: m_Size is {}, but the disk has {} clusters: the rest is unallocated",
                    delta.name(), delta.bat_entries(), delta.disk_clusters()));
  }
  if (const auto oddity = delta.is_raw() ? std::nullopt : oddity_of_data_offset(delta)) {
    warnings.push_back(fmt::format("{}: m_FirstBlockOffset is {}, {}: ignored", delta.name(),
                                   delta.header().data_sector, *oddity));
  }
}

Result<Image> open_image(const HostTree& tree, ImageLocation location, LocatedFiles& files,
                         const std::string& snapshot, const Look& look) {
  if (!location.is_descriptor && !snapshot.empty()) {
    return fail(ErrorKind::usage,
                "{}: is a single file without snapshots: use -s with a {} or container",
                location.path, kDescriptorName);
  }
  PLOOPU_TRY(auto image, location.is_descriptor ? open_state(location, files, snapshot, look)
                                                : open_file(tree, location, look));
  warn_about_deltas(image.disk, image.warnings);
  PLOOPU_CHECK(find_exposed_directories(tree, image));
  image.warnings.insert(image.warnings.begin(), image.location.warnings.begin(),
                        image.location.warnings.end());
  return image;
}

Result<Image> open_image(const HostTree& tree, ImageLocation location, const std::string& snapshot,
                         const Look& look) {
  LocatedFiles files(tree, location);
  return open_image(tree, location, files, snapshot, look);
}

}  // namespace ploopu
