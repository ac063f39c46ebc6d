// SPDX-License-Identifier: GPL-2.0-or-later
// What a command is given: options that every command has, where to write, and the ports.
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
  // Of a command that has done its work; check tells its result by it.
  int exit_status = 0;
  bool has_colours = false;  // on standard output
  // Shows a page of the manual by its name, and doesn't return unless it can't.
  std::function<void(const std::string&)> show_page = {};
  // Becomes the program ploopu-VERB; comes back without an error only if there is none.
  std::function<Result<void>(const std::string& verb, const std::vector<std::string>& arguments)>
      run_extension = {};
  // What this host can do. Changes nothing on it.
  std::function<HostReport()> survey_host = {};
  // What the service that runs this command has to say to systemd.
  std::function<void(const std::string& state)> tell_service_manager = {};

  // One line on stderr each, unless -q or --json is given: JSON output carries its warnings.
  void warn(const std::vector<std::string>& warnings) const;
  void note(const std::vector<std::string>& notes) const;
  // The same, with -v only.
  void tell(const std::string& text) const;
};

}  // namespace ploopu::cmd
