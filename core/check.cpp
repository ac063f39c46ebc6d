// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/check.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/format_extension.hpp"
#include "core/image.hpp"

namespace ploopu {
namespace {

// Errors of one file, with a limit for each kind.
class Errors {
 public:
  Errors(CheckReport& report, std::string file) : report_(report), file_(std::move(file)) {}

  void add(const char* kind, const std::string& message) {
    if (++counts_[kind] <= kMaxListed) report_.errors.push_back({kind, file_ + ": " + message});
  }

  void finish() {
    for (const auto& [kind, count] : counts_) {
      if (count > kMaxListed) {
        report_.errors.push_back(
            {kind, fmt::format("{}: and {} more like these", file_, count - kMaxListed)});
      }
    }
  }

 private:
  CheckReport& report_;
  std::string file_;
  std::map<std::string, uint64_t> counts_;
};

std::string disk_range(uint64_t start, uint64_t length) {
  return fmt::format("disk bytes {} to {}", start, start + length - 1);
}

// One entry of a table. 8 bytes, as there may be millions.
struct Entry {
  uint32_t value = 0;
  uint32_t cluster = 0;
};

// The table of one file.
class TableCheck {
 public:
  TableCheck(const Delta& delta, uint64_t extension_clusters, CheckReport& report)
      : delta_(delta),
        extension_clusters_(extension_clusters),
        report_(report),
        errors_(report, delta.name()) {}

  Result<void> run() {
    PLOOPU_CHECK(
        delta_.for_each_entry([&](uint64_t cluster, uint32_t value) { look_at(cluster, value); }));
    end_run();
    report_.clusters_checked += delta_.entries();
    find_duplicates();
    count_leaks();
    errors_.finish();
    return {};
  }

 private:
  [[nodiscard]] uint64_t position(uint32_t value) const { return value * delta_.entry_unit(); }

  [[nodiscard]] uint64_t valid_bytes(uint64_t cluster) const {
    const uint64_t size = delta_.cluster_size();
    return std::min(size, delta_.disk_size() - cluster * size);
  }

  void look_at(uint64_t cluster, uint32_t value) {
    const uint64_t start = position(value);
    if (start < delta_.data_start()) {
      extend_run("in-metadata", cluster, value);
    } else if (start >= delta_.file_size()) {
      extend_run("past-end", cluster, value);
    } else {
      end_run();
      if (start + valid_bytes(cluster) > delta_.file_size()) {
        errors_.add("short-cluster",
                    fmt::format("{}: only {} of {} bytes of the cluster at file byte {} are there",
                                disk_range(cluster * delta_.cluster_size(), valid_bytes(cluster)),
                                delta_.file_size() - start, valid_bytes(cluster), start));
      }
      entries_.push_back({value, static_cast<uint32_t>(cluster)});
    }
  }

  // Neighbours that are wrong in the same way are one error.
  void extend_run(const char* kind, uint64_t cluster, uint32_t value) {
    if (run_kind_ != nullptr && (std::string_view(run_kind_) != kind || run_end_ != cluster)) {
      end_run();
    }
    if (run_kind_ == nullptr) {
      run_kind_ = kind;
      run_start_ = cluster;
      run_value_ = value;
    }
    run_end_ = cluster + 1;
  }

  void end_run() {
    if (run_kind_ == nullptr) return;
    const uint64_t size = delta_.cluster_size();
    const uint64_t end = std::min(run_end_ * size, delta_.disk_size());
    const bool past_end = std::string_view(run_kind_) == "past-end";
    errors_.add(
        run_kind_,
        fmt::format("{}: {} clusters, from table entry {} on, lie {} (the first at byte {})",
                    disk_range(run_start_ * size, end - run_start_ * size), run_end_ - run_start_,
                    run_start_,
                    past_end ? fmt::format("behind the file's {} bytes", delta_.file_size())
                             : "in its header or table",
                    position(run_value_)));
    run_kind_ = nullptr;
  }

  void find_duplicates() {
    std::sort(entries_.begin(), entries_.end(), [](const Entry& a, const Entry& b) {
      return std::pair(a.value, a.cluster) < std::pair(b.value, b.cluster);
    });
    const uint64_t size = delta_.cluster_size();
    for (size_t i = 1; i < entries_.size(); ++i) {
      const Entry& first = entries_[i - 1];
      const Entry& second = entries_[i];
      if (position(second.value) - position(first.value) >= size) continue;
      errors_.add("duplicate",
                  fmt::format("{} and {} share file bytes from {} on",
                              disk_range(first.cluster * size, size),
                              disk_range(second.cluster * size, size), position(second.value)));
    }
  }

  void count_leaks() {
    const uint64_t size = delta_.cluster_size();
    const uint64_t table_end = (delta_.data_start() + size - 1) / size * size;
    const uint64_t announced = uint64_t{delta_.header().data_sector} * kSectorSize;
    // Version 1 may put its first cluster anywhere behind the table.
    const uint64_t first =
        delta_.version() == 1 && announced >= delta_.data_start() ? announced : table_end;
    const uint64_t present = delta_.file_size() > first ? (delta_.file_size() - first) / size : 0;
    const auto last =
        std::unique(entries_.begin(), entries_.end(),
                    [](const Entry& a, const Entry& b) { return a.value == b.value; });
    uint64_t used = static_cast<uint64_t>(last - entries_.begin());
    used += extension_clusters_;
    if (present > used) report_.leaks += present - used;
  }

  const Delta& delta_;
  uint64_t extension_clusters_;
  CheckReport& report_;
  Errors errors_;
  std::vector<Entry> entries_;
  const char* run_kind_ = nullptr;
  uint64_t run_start_ = 0;
  uint64_t run_end_ = 0;
  uint32_t run_value_ = 0;
};

// What a backup has stored about the disk. An error only where the file itself says that it is
// valid: writers that don't know of it leave a stale one behind. Returns the clusters that it
// takes.
uint64_t check_extension(const Delta& delta, ExtensionReader& reader, CheckReport& report) {
  const auto extension = reader.read(delta);
  const auto message = extension.message(delta.name());
  switch (extension.state) {
    case ExtensionState::none:
    case ExtensionState::valid:
      break;
    case ExtensionState::corrupt:
      report.errors.push_back({"extension", message});
      break;
    case ExtensionState::stale:
    case ExtensionState::untrusted:
    case ExtensionState::unknown:
      report.warnings.push_back(message);
      break;
  }
  return extension.clusters;
}

Result<void> check_table(const Delta& delta, ExtensionReader& extensions, CheckReport& report) {
  if (delta.is_raw()) return {};
  return TableCheck(delta, check_extension(delta, extensions, report), report).run();
}

// What reading gives EIO for, in one piece where it lies together.
void find_lost(const Disk& disk, CheckReport& report) {
  for (uint64_t start = 0; start < disk.size();) {
    const Extent extent = disk.extent_at(start, UINT64_MAX);
    if (extent.kind == ExtentKind::unreadable) {
      auto& lost = report.lost;
      if (!lost.empty() && lost.back().start + lost.back().length == start) {
        lost.back().length += extent.length;
      } else if (lost.size() < kMaxListed) {
        lost.push_back({start, extent.length});
      }
    }
    start += extent.length;
  }
}

const char* kind_of(const Error& error) {
  return error.kind == ErrorKind::not_found ? "missing-delta" : "header";
}

std::set<std::string> guids_needed(const DiskDescriptor& descriptor, const std::string& snapshot,
                                   const std::string& name, CheckReport& report) {
  std::set<std::string> needed;
  const auto shot = find_shot(descriptor, snapshot, name);
  const auto chain =
      shot ? chain_to(descriptor, *shot, name)
           : Result<std::vector<DescriptorImage>>(tl::unexpected<Error>(shot.error()));
  if (!chain) {
    report.errors.push_back({"chain", chain.error().message});
    return needed;
  }
  for (const auto& image : *chain) needed.insert(image.guid);
  return needed;
}

// Shots without a parent, and the parents of none: their image may be raw.
bool is_base(const DiskDescriptor& descriptor, const std::string& guid) {
  for (const auto& shot : descriptor.shots) {
    if (shot.guid == guid) return shot.parent == kNullGuid;
  }
  return descriptor.shots.empty();
}

Result<void> check_listed_files(const FileSystem& files, const ImageLocation& location,
                                const std::string& snapshot, CheckReport& report) {
  const auto descriptor = read_descriptor(files, location.path);
  if (!descriptor) {
    if (descriptor.error().kind != ErrorKind::damaged) {
      return tl::unexpected<Error>(descriptor.error());
    }
    report.errors.push_back({"descriptor", descriptor.error().message});
    return {};
  }
  const auto needed = guids_needed(*descriptor, snapshot, location.path, report);
  ExtensionReader extensions;
  for (const auto& image : descriptor->images) {
    const auto delta = open_listed_delta(files, location, image, is_base(*descriptor, image.guid),
                                         descriptor->cluster_sectors, report.warnings);
    if (delta) {
      PLOOPU_CHECK(check_table(*delta, extensions, report));
    } else if (needed.contains(image.guid)) {
      report.errors.push_back({kind_of(delta.error()), delta.error().message});
    } else {
      report.warnings.push_back(delta.error().message + " (the chosen state doesn't need it)");
    }
  }
  return {};
}

Result<void> check_single_file(const FileSystem& files, const ImageLocation& location,
                               CheckReport& report) {
  PLOOPU_TRY(auto file, files.open_image(location.path));
  DeltaFile source;
  source.name = location.path;
  source.file = std::move(file);
  const auto delta = Delta::open(std::move(source));
  ExtensionReader extensions;
  if (delta) return check_table(*delta, extensions, report);
  report.errors.push_back({"header", delta.error().message});
  return {};
}

}  // namespace

Result<CheckReport> check_image(const FileSystem& files, const ImageLocation& location,
                                const std::string& snapshot) {
  CheckReport report;
  if (location.is_descriptor) {
    PLOOPU_CHECK(check_listed_files(files, location, snapshot, report));
  } else {
    PLOOPU_CHECK(check_single_file(files, location, report));
  }
  const auto image = open_image(files, location, snapshot);
  if (image) {
    report.warnings.insert(report.warnings.end(), image->warnings.begin(), image->warnings.end());
    find_lost(image->disk, report);
  } else if (report.errors.empty()) {
    if (image.error().kind != ErrorKind::damaged) return tl::unexpected<Error>(image.error());
    report.errors.push_back({"chain", image.error().message});
  }
  return report;
}

}  // namespace ploopu
