// SPDX-License-Identifier: GPL-2.0-or-later
// Watches the files of an image while it is attached, and tells the host's log what becomes of
// them.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "core/disk/image_state.hpp"
#include "core/overlay/served_disk.hpp"
#include "platform/os/system_log.hpp"

namespace ploopu {

class ImageWatch {
 public:
  using Teller = void (*)(const std::string& line);

  // Without a state, nothing is done. `disk` outlives this.
  explicit ImageWatch(const ServedDisk& disk, Teller tell = warn_system_log)
      : disk_(disk), tell_(tell), then_(state_of(disk.disk)), was_told_(then_.files.size()) {}

  // How long until look() has something to do.
  [[nodiscard]] std::chrono::milliseconds due() const;

  // Looks at the files, once in a second. Each change is told once, and a strict disk is refused
  // from now on if a file of it was written to. Doesn't wait for storage: sees of a file on a
  // server what this host has heard.
  void look();

 private:
  using Clock = std::chrono::steady_clock;

  struct Told {
    bool was_written = false;
    bool was_removed = false;
  };
  void look_at(int descriptor, const FileState& then, Told& told);

  const ServedDisk& disk_;
  const Teller tell_;
  const ImageState then_;
  std::vector<Told> was_told_;  // for each file
  bool was_told_of_room_ = false;
  Clock::time_point next_ = Clock::now();
};

}  // namespace ploopu
