// SPDX-License-Identifier: GPL-2.0-or-later
// A private writable layer on a disk: writes go to a scratch file, and the image below is never
// changed.
//
//     Overlay overlay(disk, scratch, states, limit);
//     const int error = overlay.write(offset, data);  // 0 or an errno value
//     overlay.read(offset, buffer);                   // sees the write
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <vector>

#include "core/disk/disk_view.hpp"
#include "core/files/scratch_file.hpp"
#include "core/overlay/overlay_file.hpp"
#include "core/overlay/sector_states.hpp"

namespace ploopu {

// Any number of threads may call any method at once. Calls that overlap in time and place take
// effect in some order.
class Overlay final : public DiskView {
 public:
  // `states` says which sectors `scratch` has already. With `file`, the scratch file is an overlay
  // file that is kept; without `file`, it has disk byte 0 at its start. `limit` is the most bytes
  // of data that the scratch file may have. All arguments outlive the overlay.
  Overlay(const DiskView& below, const ScratchFile& scratch, SectorStates& states, uint64_t limit,
          const OverlayFile* file = nullptr);

  [[nodiscard]] uint64_t size() const override { return below_.size(); }
  // Every read that starts after a write has returned sees that write.
  [[nodiscard]] Extent extent_at(uint64_t offset, uint64_t max_length) const override;
  // The files of the disk below, then the scratch file.
  [[nodiscard]] const std::vector<const ImageFile*>& files() const override { return files_; }
  [[nodiscard]] const std::string& name() const override { return below_.name(); }

  // Both methods return 0 or an errno value: ENOMEM, EINVAL when the range leaves the disk, ENOSPC
  // when there is no room. After an error the range may be partly new; all other bytes are
  // unchanged and readable.
  [[nodiscard]] int write(uint64_t offset, std::span<const std::byte> data);
  [[nodiscard]] int write_zeroes(uint64_t offset, uint64_t length);

  // Makes all earlier writes to an overlay file that is kept survive a crash of the host. Does
  // nothing for another scratch file. Returns 0 or an errno value.
  [[nodiscard]] int flush();
  // Call it before any other method in a process that replaces a dead one.
  void take_over();
  // Flushes, and marks the overlay file as closed. Call it after the last write. Returns 0 or an
  // errno value.
  [[nodiscard]] int close();

  [[nodiscard]] const ScratchFile& scratch() const { return scratch_; }
  [[nodiscard]] bool is_kept() const { return file_ != nullptr; }
  // Bytes of data that the scratch file has now.
  [[nodiscard]] uint64_t used() const { return used_ * kSectorSize; }

 private:
  struct Run {
    SectorState state = SectorState::below;
    uint64_t length = 0;  // bytes
  };
  [[nodiscard]] Run run_at(uint64_t offset, uint64_t max_length) const;
  [[nodiscard]] bool is_outside(uint64_t offset, uint64_t length) const;
  [[nodiscard]] int write_part_of_sector(uint64_t offset, std::span<const std::byte> data);
  [[nodiscard]] int write_sectors(uint64_t offset, std::span<const std::byte> data);
  [[nodiscard]] int zero_sectors(uint64_t offset, uint64_t length);
  [[nodiscard]] int prepare_change(uint64_t first, uint64_t end);

  const DiskView& below_;
  const ScratchFile& scratch_;
  std::vector<const ImageFile*> files_;
  const OverlayFile* file_;
  const uint64_t data_start_;
  const uint64_t limit_;            // sectors
  std::atomic<uint64_t> used_ = 0;  // sectors that are written, or about to be
  SectorStates& states_;
  // Whether the file has room for the states of each piece; empty without a file.
  std::vector<bool> has_room_;
  mutable std::shared_mutex guard_;  // guards states_ and has_room_
  // Two changes hold it alone: a write of a part of a sector, which reads, changes and writes the
  // sector, and zeroing. Writes of whole sectors share it.
  std::shared_mutex writing_;
  std::mutex saving_;
  std::mutex marking_;
  std::atomic<bool> is_marked_ = false;  // the file is marked as changed
};

}  // namespace ploopu
