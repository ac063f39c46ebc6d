// SPDX-License-Identifier: GPL-2.0-or-later
// Watches the files of an image while it is attached, and writes changes to the host's log:
//
//   ImageWatch watch(disk);
//   while (serving) { ...wait for watch.due() at most...; watch.look(); }
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

  // `disk` must outlive the object. Without disk.state, look() does nothing. `tell` writes a line
  // to the log.
  explicit ImageWatch(const ServedDisk& disk, Teller tell = warn_system_log)
      : disk_(disk), tell_(tell), then_(state_of(disk.disk)), was_told_(then_.files.size()) {}

  // The time until look() has something to do, at most a second.
  [[nodiscard]] std::chrono::milliseconds due() const;

  // Looks at the files, at most once a second, and reports each change once. If a file of a strict
  // disk was written to, sets ServiceState::is_refused. Never waits for storage: for a file on a
  // network file system, it sees the changes that this host knows.
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
