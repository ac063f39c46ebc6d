// SPDX-License-Identifier: GPL-2.0-or-later
#include "core/check/check_table.hpp"

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/little_endian.hpp"

namespace ploopu {
namespace {

// Collects the errors of a file, up to a limit for each kind.
class Errors {
 public:
  Errors(CheckReport& report, std::string file) : report_(report), file_(std::move(file)) {}

  // Calls `make_message` only for an error that is listed, since there may be millions of errors.
  template <class MakeMessage>
  void add(std::string_view kind, MakeMessage make_message) {
    if (++counts_[kind] > kMaxListed) return;
    report_.errors.push_back({std::string(kind), file_ + ": " + make_message()});
  }

  void finish() {
    for (const auto& [kind, count] : counts_) {
      if (count > kMaxListed) {
        report_.errors.push_back({std::string(kind), fmt::format("{}: and {} more like these",
                                                                 file_, count - kMaxListed)});
      }
    }
  }

 private:
  CheckReport& report_;
  std::string file_;
  std::map<std::string_view, uint64_t> counts_;  // kinds are literals
};

std::string disk_range(uint64_t start, uint64_t length) {
  return fmt::format("disk bytes {} to {}", start, start + length - 1);
}

uint64_t round_up(uint64_t value, uint64_t unit) { return (value + unit - 1) / unit * unit; }

uint64_t announced_data(const Delta& delta) {
  return uint64_t{delta.header().data_sector} * kSectorSize;
}

// The first file byte that a data cluster may have: that of m_FirstBlockOffset if it is legal. In
// version 1 it may be any sector after the table, and 0 stands for the first one
// (docs/FORMAT.md#first-block-offset).
uint64_t first_data(const Delta& delta) {
  const uint64_t announced = announced_data(delta);
  const bool is_v1 = delta.version() == 1;
  if (announced >= delta.data_start() && (is_v1 || announced % delta.cluster_size() == 0)) {
    return announced;
  }
  return round_up(delta.data_start(), is_v1 && announced == 0 ? kSectorSize : delta.cluster_size());
}

// An entry of a table. It has 8 bytes only, as there may be millions.
struct Entry {
  uint32_t value = 0;
  uint32_t cluster = 0;
};

// Checks the table of a file.
class TableCheck {
 public:
  TableCheck(const Delta& delta, uint64_t extension_clusters, CheckReport& report)
      : delta_(delta),
        extension_clusters_(extension_clusters),
        report_(report),
        errors_(report, delta.name()) {}

  Result<void> run() {
    // Counts first, because a vector that grows takes twice the memory.
    size_t count = 0;
    PLOOPU_CHECK(delta_.for_each_entry([&](uint64_t, uint32_t) { ++count; }));
    entries_.reserve(count);
    PLOOPU_CHECK(
        delta_.for_each_entry([&](uint64_t cluster, uint32_t value) { look_at(cluster, value); }));
    end_run();
    report_.clusters_checked += delta_.entries();
    find_duplicates();
    count_leaks();
    errors_.finish();
    warn_of_unaligned();
    warn_of_holes();
    return find_slack();
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
        errors_.add("short-cluster", [&] {
          return fmt::format("{}: only {} of {} bytes of the cluster at file byte {} exist",
                             disk_range(cluster * delta_.cluster_size(), valid_bytes(cluster)),
                             delta_.file_size() - start, valid_bytes(cluster), start);
        });
      }
      if (start % delta_.cluster_size() != 0) ++unaligned_;
      entries_.push_back({value, static_cast<uint32_t>(cluster)});
    }
  }

  // Joins neighbours with one kind of fault to a single error.
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
    errors_.add(run_kind_, [&] {
      return fmt::format("{}: {} clusters, from table entry {} on, are {} (the first at byte {})",
                         disk_range(run_start_ * size, end - run_start_ * size),
                         run_end_ - run_start_, run_start_,
                         past_end ? fmt::format("after the file's {} bytes", delta_.file_size())
                                  : "in its header or table",
                         position(run_value_));
    });
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
      errors_.add("duplicate", [&] {
        return fmt::format("{} and {} share file bytes from {} on",
                           disk_range(first.cluster * size, size),
                           disk_range(second.cluster * size, size), position(second.value));
      });
    }
  }

  void count_leaks() {
    const uint64_t size = delta_.cluster_size();
    const uint64_t first = first_data(delta_);
    const uint64_t present = delta_.file_size() > first ? (delta_.file_size() - first) / size : 0;
    uint64_t used = 0;
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (i == 0 || entries_[i].value != entries_[i - 1].value) ++used;
    }
    used += extension_clusters_;
    if (present > used) report_.leaks += present - used;
  }

  // Entries can be unaligned only in version 1, where they are sectors. ploopu reads at the exact
  // sector; the OpenVZ kernel rounds.
  void warn_of_unaligned() const {
    if (unaligned_ == 0) return;
    report_.warnings.push_back(
        fmt::format("{}: {} entries are not aligned to clusters: read at the exact sector, "
                    "which not every reader does",
                    delta_.name(), unaligned_));
  }

  // Warns of clusters that lie in holes of the file, where the disk has zeros. That is right for
  // clusters that were preallocated and never written, but a bad copy of the file looks alike.
  // `entries_` are sorted by now.
  void warn_of_holes() const {
    uint64_t holes = 0;
    uint64_t data = 0;  // start of the last piece of data that was looked up
    uint64_t hole = 0;  // its end
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (i > 0 && entries_[i].value == entries_[i - 1].value) continue;
      const uint64_t start = position(entries_[i].value);
      const uint64_t end = std::min(start + delta_.cluster_size(), delta_.file_size());
      if (hole <= start) {
        data = delta_.file().next_data(start);
        hole = delta_.file().next_hole(data);
      }
      if (data >= end) ++holes;
    }
    if (holes == 0) return;
    report_.warnings.push_back(
        fmt::format("{}: {} clusters are holes in the file and read as zeros, which is right "
                    "if it was preallocated",
                    delta_.name(), holes));
  }

  // Looks for numbers in the table after its last entry, up to the first data. `entries_` are
  // sorted by now.
  Result<void> find_slack() {
    uint64_t at = kPloopHeaderSize + delta_.entries() * 4;
    uint64_t end = std::min(first_data(delta_), delta_.file_size());
    if (!entries_.empty()) end = std::min(end, position(entries_.front().value));
    end = std::min(end, at + kMaxClusters * 4);  // no table is longer, whatever m_Size says
    uint64_t filled = 0;
    std::vector<std::byte> buffer(size_t{256} << 10);
    for (; at + 4 <= end; at += buffer.size()) {
      at = std::max(at, delta_.file().next_data(at) / 4 * 4);
      if (at + 4 > end) break;
      const auto piece =
          std::span(buffer).first(std::min<uint64_t>(buffer.size(), (end - at) / 4 * 4));
      if (int error = delta_.file().read(at, piece); error != 0) {
        return fail_errno(error, fmt::format("{}: reading file byte {}", delta_.name(), at));
      }
      for (size_t i = 0; i < piece.size(); i += 4) {
        if (load_le32(piece, i) != 0) ++filled;
      }
    }
    if (filled > 0) {
      report_.warnings.push_back(
          fmt::format("{}: {} slots after the table's {} entries are not zero: ignored",
                      delta_.name(), filled, delta_.entries()));
    }
    return {};
  }

  const Delta& delta_;
  uint64_t extension_clusters_;
  CheckReport& report_;
  Errors errors_;
  std::vector<Entry> entries_;
  uint64_t unaligned_ = 0;
  const char* run_kind_ = nullptr;
  uint64_t run_start_ = 0;
  uint64_t run_end_ = 0;
  uint32_t run_value_ = 0;
};

}  // namespace

void check_table(const Delta& delta, uint64_t extension_clusters, CheckReport& report) {
  if (const auto done = TableCheck(delta, extension_clusters, report).run(); !done) {
    report.errors.push_back({"header", done.error().message});
  }
}

void check_header_fields(const Delta& delta, CheckReport& report) {
  const auto warn = [&](const std::string& text) {
    report.warnings.push_back(delta.name() + ": " + text);
  };
  const PloopHeader& header = delta.header();
  if (header.disk_in_use != 0 && header.disk_in_use != kClosedWithExtension && !header.in_use()) {
    warn(fmt::format("m_DiskInUse is {:#x}, an unusual value: treated as closed",
                     header.disk_in_use));
  }
  if (delta.bat_entries() > delta.disk_clusters()) {
    warn(fmt::format("m_Size is {}, but the disk has only {} clusters: the rest is ignored",
                     delta.bat_entries(), delta.disk_clusters()));
  }
  const uint64_t first = delta.version() == 1 ? first_data(delta) : 0;
  if (delta.file_size() >= first && (delta.file_size() - first) % delta.cluster_size() != 0) {
    warn(fmt::format("has {} bytes, which is not a multiple of the cluster size {}",
                     delta.file_size(), delta.cluster_size()));
  }
}

}  // namespace ploopu
