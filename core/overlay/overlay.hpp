// SPDX-License-Identifier: GPL-2.0-or-later
// A private writable layer on a disk: what is written goes to a scratch file, and the image below
// is never touched.
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

// Any number of threads may call anything at once. Calls that overlap in time and place take effect
// in some order.
class Overlay final : public DiskView {
 public:
  // `states` says what `scratch` has already; with `file` that is kept, in its form, otherwise the
  // byte 0 of the disk is at the start of the scratch file. `limit` is in bytes: more than that is
  // never kept in the scratch file. All of them outlive this.
  Overlay(const DiskView& below, const ScratchFile& scratch, SectorStates& states, uint64_t limit,
          const OverlayFile* file = nullptr);

  [[nodiscard]] uint64_t size() const override { return below_.size(); }
  // A write is seen by every read that starts after the write has returned.
  [[nodiscard]] Extent extent_at(uint64_t offset, uint64_t max_length) const override;
  // Those of the disk below, then the scratch file.
  [[nodiscard]] const std::vector<const ImageFile*>& files() const override { return files_; }
  [[nodiscard]] const std::string& name() const override { return below_.name(); }

  // Both return 0 or an errno value: ENOMEM, EINVAL when the range leaves the disk, ENOSPC when
  // there is no room. After an error the range may be partly new; everything else is as it was, and
  // readable.
  [[nodiscard]] int write(uint64_t offset, std::span<const std::byte> data);
  [[nodiscard]] int write_zeroes(uint64_t offset, uint64_t length);

  // For one that is kept: returns 0 when all that was written before outlives this host's end, or
  // an errno value. Of one that isn't, nothing outlives anything.
  [[nodiscard]] int flush();
  // To be called first in a process that goes on where another one died.
  void take_over();
  // As flush(), when nothing is written any more.
  [[nodiscard]] int close();

  [[nodiscard]] const ScratchFile& scratch() const { return scratch_; }
  [[nodiscard]] bool is_kept() const { return file_ != nullptr; }
  // Bytes that are kept in the scratch file now.
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
  std::vector<bool> has_room_;  // of the pieces: for their states in the file; empty without one
  mutable std::shared_mutex guard_;  // of states_ and has_room_
  // Held alone where a part of a sector is read, changed and written back, and shared by all
  // others that write.
  std::shared_mutex writing_;
  std::mutex saving_;
  std::mutex marking_;
  std::atomic<bool> is_marked_ = false;  // as changed, in the file
};

}  // namespace ploopu
