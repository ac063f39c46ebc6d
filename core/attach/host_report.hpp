// SPDX-License-Identifier: GPL-2.0-or-later
// What a host can do for ploopu. platform/host_survey finds that out.
#pragma once

#include <string>
#include <vector>

namespace ploopu {

// A part of the kernel or of the system, and what it is good for here.
struct HostPart {
  std::string name;
  bool available = false;
  std::string detail;  // of what is there: how; of what isn't: why not. May be empty
};

struct BackendReport {
  std::string name;  // "nbd", "dm", "fuse"
  bool usable = false;
  std::string reason;               // why not; or what attach will do first; may be empty
  std::vector<std::string> advice;  // what to do about it, a sentence each
};

struct ProgramReport {
  std::string name;
  std::string path;     // empty when it isn't there
  std::string purpose;  // what ploopu, or who works with its devices, needs it for
  std::string install;  // how to get it, if it isn't there
};

struct HostReport {
  std::string system;                   // "Debian GNU/Linux 12 (bookworm)"; may be empty
  std::string kernel;                   // as uname -r prints it
  std::string container;                // "lxc", "docker"...; empty when this isn't one
  bool privileged = false;              // may make devices and mount
  std::string rights;                   // in words
  bool can_mount = false;               // `ploopu mount` will work
  std::string obstacle;                 // why not
  std::vector<BackendReport> backends;  // in the order in which "auto" tries them
  std::vector<HostPart> parts;
  std::vector<ProgramReport> programs;
};

}  // namespace ploopu
