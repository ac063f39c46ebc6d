// SPDX-License-Identifier: GPL-2.0-or-later
// All that a command works with: the global options, the output streams, and the ports to the host.
// main() creates one Context; tests create it with fake ports.
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "core/attach/attachments.hpp"
#include "core/attach/host_report.hpp"
#include "core/base/result.hpp"
#include "core/check/lost_files.hpp"
#include "core/files/host_tree.hpp"
#include "core/find/image_use.hpp"
#include "core/volume/partitions.hpp"

namespace ploopu::cmd {

struct GlobalOptions {
  bool json = false;
  bool quiet = false;
  bool verbose = false;
  std::string root = "/";
};

struct Context {
  std::ostream& out;
  std::ostream& err;
  const FileSystem& files;
  const Prober& prober;
  Attachments& attachments;
  const FileFinder& file_finder;
  const ImageUses& image_uses;
  GlobalOptions options = {};
  // The host of --root; dispatch sets it before a verb runs.
  const HostTree* tree = nullptr;
  // Exit code of a command that succeeded; check and doctor set it.
  int exit_status = 0;
  bool has_colours = false;  // standard output is a terminal that shows colours
  // Shows a manual page such as "ploopu-mount". Returns only if it can't.
  std::function<void(const std::string&)> show_page = {};
  // Replaces this process by the program ploopu-VERB. Returns success if there is no such program,
  // and an error if it can't be run.
  std::function<Result<void>(const std::string& verb, const std::vector<std::string>& arguments)>
      run_extension = {};
  // Finds out what this host can do. Changes nothing on it.
  std::function<HostReport()> survey_host = {};
  // Sends `state`, such as "READY=1", to systemd if a service runs this command.
  std::function<void(const std::string& state)> tell_service_manager = {};

  // Both print one line on stderr for each text, unless -q or --json is given: JSON output has a
  // field for warnings.
  void warn(const std::vector<std::string>& warnings) const;
  void note(const std::vector<std::string>& notes) const;
  // Prints a line like note() if -v is given.
  void tell(const std::string& text) const;
};

}  // namespace ploopu::cmd
