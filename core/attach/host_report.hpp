// SPDX-License-Identifier: GPL-2.0-or-later
// The abilities of a host that ploopu needs. platform/attach/host_survey fills a report, and doctor
// prints it.
#pragma once

#include <string>
#include <vector>

namespace ploopu {

// A part of the kernel or of the system that ploopu can use.
struct HostPart {
  std::string name;
  bool available = false;
  std::string detail;  // why it is not available, or how it is; may be empty
};

struct BackendReport {
  std::string name;  // "nbd", "dm", "fuse"
  bool usable = false;
  std::string reason;               // why it can't be used, or what attach does first; may be empty
  std::vector<std::string> advice;  // sentences that tell how to make it usable
};

struct ProgramReport {
  std::string name;
  std::string path;     // empty if the program is not installed
  std::string purpose;  // why ploopu, or a user of its devices, needs it
  std::string install;  // how to install it, if it is missing
};

struct HostReport {
  std::string system;                   // "Debian GNU/Linux 12 (bookworm)"; may be empty
  std::string kernel;                   // as uname -r prints it
  std::string container;                // "lxc", "docker"...; empty outside of containers
  bool privileged = false;              // may make devices and mount
  std::string rights;                   // the user's rights in words
  bool can_mount = false;               // whether `ploopu mount` works
  std::string obstacle;                 // why `ploopu mount` doesn't work
  std::vector<BackendReport> backends;  // in the order in which "auto" tries them
  std::vector<HostPart> parts;
  std::vector<ProgramReport> programs;
};

}  // namespace ploopu
