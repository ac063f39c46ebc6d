// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/probe/blkid_prober.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <optional>
#include <string_view>

#include <blkid/blkid.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/little_endian.hpp"
#include "core/confine/confined.hpp"
#include "core/volume/gpt.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {
namespace {

// GPT with its entries, ext, xfs, btrfs, swap, LUKS, LVM and md all have their data in the first or
// the last mebibyte of the disk or partition.
constexpr uint64_t kWindow = uint64_t{1} << 20;
// More partitions than this are an attack: each costs two windows, and the logical partitions of an
// MBR form a linked list across the disk.
constexpr int kMaxPartitions = 16;

// The sparse memory file that libblkid reads.
class Window {
 public:
  explicit Window(const DiskView& disk) : disk_(disk) {}

  [[nodiscard]] Result<void> create() {
    fd_.reset(::memfd_create("ploopu-probe", MFD_CLOEXEC));
    if (!fd_.valid() || ::ftruncate(fd_.get(), static_cast<off_t>(disk_.size())) != 0) {
      return fail_errno(errno, "a memory file to look for partitions in");
    }
    return {};
  }

  [[nodiscard]] int fd() const { return fd_.get(); }

  // Copies both ends of a range of the disk into the file, at most kWindow bytes each.
  [[nodiscard]] Result<void> show_ends(uint64_t start, uint64_t size) {
    const uint64_t length = std::min(size, kWindow);
    PLOOPU_CHECK(show(start, length));
    return show(start + size - length, length);
  }

  [[nodiscard]] Result<void> show(uint64_t offset, uint64_t length) {
    while (length > 0) {
      const Extent extent = disk_.extent_at(offset, length);
      uint64_t done = extent.length;
      if (extent.kind == ExtentKind::unreadable) add_unreadable(offset, done);
      if (extent.kind == ExtentKind::data) {
        const auto piece = std::span(buffer_).first(std::min(done, uint64_t{buffer_.size()}));
        done = piece.size();
        if (disk_.read(offset, piece) == 0) {
          PLOOPU_CHECK(store(offset, piece));
        } else {
          add_unreadable(offset, done);
        }
      }
      offset += done;
      length -= done;
    }
    return {};
  }

  // Writes `data` at that offset of the file, whatever the disk has there.
  [[nodiscard]] Result<void> store(uint64_t offset, std::span<const std::byte> data) const {
    while (!data.empty()) {
      const ssize_t written =
          ::pwrite(fd_.get(), data.data(), data.size(), static_cast<off_t>(offset));
      if (written <= 0) return fail_errno(errno, "a memory file to look for partitions in");
      data = data.subspan(static_cast<size_t>(written));
      offset += static_cast<uint64_t>(written);
    }
    return {};
  }

  // Adds one warning for all ranges that can't be read, as there may be thousands.
  void warn_of_unreadable(std::vector<std::string>& warnings) const {
    if (unreadable_.empty()) return;
    const auto& [start, length] = *unreadable_.begin();
    const std::string more =
        unreadable_.size() == 1 ? "" : fmt::format(" and {} more ranges", unreadable_.size() - 1);
    warnings.push_back(fmt::format(
        "disk bytes {} to {}{} can't be read: a partition or file system there may be missing",
        start, start + length - 1, more));
  }

 private:
  // An unreadable range stays a hole: libblkid finds nothing there, and a warning says why.
  void add_unreadable(uint64_t offset, uint64_t length) {
    if (!unreadable_.empty()) {
      auto& [start, known] = *unreadable_.rbegin();
      if (start + known == offset) {
        known += length;
        return;
      }
    }
    unreadable_.emplace(offset, length);
  }

  const DiskView& disk_;
  // Memory for all reads, since fresh memory costs page faults.
  std::array<std::byte, size_t{32} << 10> buffer_ = {};
  std::map<uint64_t, uint64_t> unreadable_;  // start and length; windows overlap
  UniqueFd fd_;
};

// Shows libblkid the chain of extended boot records, which it follows from the MBR. Returns false
// if the chain is circular or longer than kMaxPartitions: the kernel makes up to 252 partitions of
// it (docs/KERNEL.md#block-devices-extended-partitions).
Result<bool> show_logical_partitions(const DiskView& disk, Window& window) {
  constexpr size_t kFirstEntry = 446, kEntrySize = 16, kEntries = 4;
  const auto is_extended = [](std::byte type) {
    return type == std::byte{0x05} || type == std::byte{0x0f} || type == std::byte{0x85};
  };
  uint64_t container = 0;  // first sector of the extended partition; 0 while in the MBR itself
  uint64_t sector = 0;
  for (int record = 0; record <= kMaxPartitions; ++record) {
    std::array<std::byte, kSectorSize> bytes{};
    if (disk.size() / kSectorSize <= sector) return true;
    if (sector != 0) PLOOPU_CHECK(window.show(sector * kSectorSize, kSectorSize));
    if (disk.read(sector * kSectorSize, bytes) != 0) return true;
    uint64_t next = 0;
    for (size_t i = 0; i < kEntries && next == 0; ++i) {
      const size_t entry = kFirstEntry + i * kEntrySize;
      if (is_extended(bytes[entry + 4])) next = container + load_le32(bytes, entry + 8);
    }
    if (next == 0) return true;
    if (container == 0) container = next;
    sector = next;
  }
  return false;
}

// Shows libblkid the sound copies of a GPT, with the signature that it knows, and hides damaged
// ones: libblkid reads as many entries as a header claims, which can be gigabytes.
Result<void> show_gpt(const Gpt& gpt, Window& window) {
  for (const GptCopy* copy : {&gpt.primary, &gpt.backup}) {
    if (!copy->present || !copy->is_sound()) continue;
    PLOOPU_CHECK(window.show(copy->entries_offset, copy->entries_size));
  }
  // The signatures come last: a range shown after them can bring a hidden header back.
  for (const GptCopy* copy : {&gpt.primary, &gpt.backup}) {
    if (!copy->present) continue;
    constexpr std::string_view kRight = "EFI PART";
    constexpr std::string_view kNone("\0\0\0\0\0\0\0\0", kRight.size());
    PLOOPU_CHECK(
        window.store(copy->offset, std::as_bytes(std::span(copy->is_sound() ? kRight : kNone))));
  }
  return {};
}

struct ProbeDeleter {
  void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
};
using Probe = std::unique_ptr<struct blkid_struct_probe, ProbeDeleter>;

Result<Probe> new_probe(const Window& window, uint64_t start, uint64_t size,
                        uint32_t unit = kSectorSize) {
  Probe probe(blkid_new_probe());
  if (!probe || blkid_probe_set_device(probe.get(), window.fd(), static_cast<blkid_loff_t>(start),
                                       static_cast<blkid_loff_t>(size)) != 0) {
    return fail(ErrorKind::failed, "libblkid could not be initialised");
  }
  blkid_probe_set_sectorsize(probe.get(), unit);
  return probe;
}

std::string value_of(blkid_probe probe, const char* name) {
  const char* value = nullptr;
  size_t length = 0;  // counts the final NUL
  if (blkid_probe_lookup_value(probe, name, &value, &length) != 0) return {};
  return {value, length > 0 ? length - 1 : 0};
}

Result<void> probe_file_system(Window& window, Partition& partition,
                               std::vector<std::string>& warnings) {
  if (partition.size == 0) return {};
  PLOOPU_CHECK(window.show_ends(partition.start, partition.size));
  PLOOPU_TRY(const auto probe, new_probe(window, partition.start, partition.size));
  blkid_probe_enable_superblocks(probe.get(), 1);
  blkid_probe_set_superblocks_flags(probe.get(),
                                    BLKID_SUBLKS_TYPE | BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID);
  // For regular files, such as the window, these two types make libblkid parse partition tables of
  // all kinds again, without the care of show_gpt(). Containers don't use them.
  std::array<std::string, 2> names = {"zfs_member", "linux_raid_member"};
  std::array<char*, 3> filter = {names[0].data(), names[1].data(), nullptr};
  blkid_probe_filter_superblocks_type(probe.get(), BLKID_FLTR_NOTIN, filter.data());
  constexpr int kAmbiguous = -2;
  switch (blkid_do_safeprobe(probe.get())) {
    case 0:
      partition.fstype = value_of(probe.get(), "TYPE");
      partition.label = value_of(probe.get(), "LABEL");
      partition.uuid = value_of(probe.get(), "UUID");
      break;
    case kAmbiguous:
      partition.is_ambivalent = true;
      break;
    default:
      break;
  }
  if (auto text = warning_of(partition); !text.empty()) warnings.push_back(std::move(text));
  return {};
}

// Reads the partition table into `layout`. `unit` is the size in bytes of the blocks in which a GPT
// counts. libblkid returns starts and sizes in sectors of 512 bytes, whatever the unit is.
Result<void> read_table(const DiskView& disk, const Window& window, uint32_t unit,
                        DiskLayout& layout) {
  PLOOPU_TRY(const auto probe, new_probe(window, 0, disk.size(), unit));
  blkid_probe_enable_superblocks(probe.get(), 0);
  blkid_probe_enable_partitions(probe.get(), 1);
  // A container's disk has a GPT or an MBR. Other tables have weak signatures, so libblkid finds
  // some where there are none.
  std::array<std::string, 2> names = {"gpt", "dos"};
  std::array<char*, 3> filter = {names[0].data(), names[1].data(), nullptr};
  blkid_probe_filter_partitions_type(probe.get(), BLKID_FLTR_ONLYIN, filter.data());
  blkid_partlist list = blkid_probe_get_partitions(probe.get());
  if (list == nullptr) return {};
  if (blkid_parttable table = blkid_partlist_get_table(list); table != nullptr) {
    layout.table = blkid_parttable_get_type(table);
  }
  const int count = blkid_partlist_numof_partitions(list);
  if (count > kMaxPartitions) {
    layout.is_excessive = true;
    layout.warnings.push_back(
        fmt::format("the partition table has {} entries: only the first {} "
                    "are read",
                    count, kMaxPartitions));
  }
  for (int i = 0; i < std::min(count, kMaxPartitions); ++i) {
    blkid_partition entry = blkid_partlist_get_partition(list, i);
    Partition partition;
    partition.number = static_cast<uint32_t>(blkid_partition_get_partno(entry));
    partition.is_extended = blkid_partition_is_extended(entry) != 0;
    const auto start = static_cast<uint64_t>(blkid_partition_get_start(entry));
    const auto size = static_cast<uint64_t>(blkid_partition_get_size(entry));
    const uint64_t disk_sectors = disk.size() / kSectorSize;
    if (start >= disk_sectors) {
      layout.warnings.push_back(
          fmt::format("partition {} starts after the end of the disk: ignored", partition.number));
      continue;
    }
    if (size > disk_sectors - start) {
      layout.warnings.push_back(
          fmt::format("partition {} ends after the end of the disk", partition.number));
    }
    partition.start = start * kSectorSize;
    partition.size = std::min(size, disk_sectors - start) * kSectorSize;
    layout.partitions.push_back(std::move(partition));
  }
  return {};
}

Result<void> find_table(const DiskView& disk, Window& window, const std::optional<Gpt>& gpt,
                        DiskLayout& layout) {
  // Without a protective MBR, the GPT is a remnant: its unit doesn't apply to the table in use.
  const bool use_gpt = gpt && gpt->has_protective_mbr;
  PLOOPU_TRY(const bool ends, show_logical_partitions(disk, window));
  if (use_gpt) PLOOPU_CHECK(show_gpt(*gpt, window));
  PLOOPU_CHECK(read_table(disk, window, use_gpt ? gpt->unit : uint32_t{kSectorSize}, layout));
  if (!ends && layout.table == "dos") {
    layout.is_excessive = true;
    layout.warnings.push_back("the chain of logical partitions is endless");
  }
  if (use_gpt && layout.table == "gpt") {
    if (auto text = warning_of_used(*gpt, disk.size()); !text.empty()) {
      layout.warnings.push_back(std::move(text));
    }
  }
  return {};
}

Result<void> probe_all(const DiskView& disk, Window& window, DiskLayout& layout) {
  PLOOPU_CHECK(window.create());
  PLOOPU_CHECK(window.show_ends(0, disk.size()));
  const auto gpt = find_gpt(disk);
  PLOOPU_CHECK(find_table(disk, window, gpt, layout));
  for (auto& partition : layout.partitions) {
    PLOOPU_CHECK(probe_file_system(window, partition, layout.warnings));
  }
  if (!layout.partitions.empty() || !layout.table.empty()) return {};
  Partition whole;
  whole.size = disk.size();
  PLOOPU_CHECK(probe_file_system(window, whole, layout.warnings));
  if (!whole.fstype.empty() || whole.is_ambivalent) {
    layout.partitions.push_back(std::move(whole));
  } else if (gpt) {
    layout.warnings.push_back(warning_of_unused(*gpt));
  }
  return {};
}

Result<DiskLayout> find_layout(const DiskView& disk) {
  DiskLayout layout;
  Window window(disk);
  PLOOPU_CHECK(probe_all(disk, window, layout));
  window.warn_of_unreadable(layout.warnings);
  return layout;
}

}  // namespace

Result<DiskLayout> BlkidProber::probe(const DiskView& disk) const {
  if (disk.size() == 0) return DiskLayout();
  PLOOPU_TRY(auto layout,
             confined<DiskLayout>({disk.name(), WorkSize::parsing, disk.file_descriptors()},
                                  [&] { return find_layout(disk); }));
  PLOOPU_CHECK(check_layout(layout, disk));
  return layout;
}

}  // namespace ploopu
