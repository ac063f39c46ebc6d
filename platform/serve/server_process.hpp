// SPDX-License-Identifier: GPL-2.0-or-later
// A server is a process of its own that outlives the command which started it. It is forked, not
// executed, and so inherits the opened disk: nothing is parsed twice and no path is looked up
// again.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "platform/os/process.hpp"
#include "platform/os/unique_fd.hpp"

namespace ploopu {

// The work of a server process. All methods run in that process.
class Service {
 public:
  Service() = default;
  virtual ~Service() = default;
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  // Makes the kernel send requests here and returns the name of what it made.
  [[nodiscard]] virtual Result<std::string> start() = 0;
  // Serves until the file descriptor `control` is readable, or a shorter time. The default returns
  // at once, for services whose requests other threads answer.
  virtual void serve_until(int /*control*/) {}
  // Serves until the kernel has freed the device.
  virtual void wait() = 0;
  // Removes what start() made, so that wait() returns. Fails if something uses it already; the
  // caller then goes on serving.
  [[nodiscard]] virtual Result<void> stop() = 0;
  // Called after wait(): removes the record and the files of the attachment if its device is gone.
  virtual void clean_up() = 0;
};

// A server as the command sees it. Until keep(), the server removes everything that it made when
// this object or the command ends, however it ends:
//
//   PLOOPU_TRY(auto server, ServerProcess::launch(service, descriptors, lock, "ploopu-fuse"));
//   ... create the device, save the record ...
//   PLOOPU_CHECK(server.keep());
class ServerProcess {
 public:
  // Starts a process that runs `service`, keeping only the file descriptors in `keep` and `lock`
  // open, and waits for its start(). `title` is its name in ps. `lock` is released when its last
  // file descriptor is closed. The server keeps a copy until keep(). If the command dies, the
  // server therefore cleans up before the next command can start.
  [[nodiscard]] static Result<ServerProcess> launch(Service& service, const std::vector<int>& keep,
                                                    int lock, const char* title);

  ServerProcess(ServerProcess&&) = default;
  ServerProcess& operator=(ServerProcess&&) = default;
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;
  ~ServerProcess();

  [[nodiscard]] const ProcessIdentity& identity() const { return identity_; }
  // The answer of Service::start().
  [[nodiscard]] const std::string& started() const { return started_; }
  // Lets the server live until the kernel frees its device. Fails if the server has died.
  [[nodiscard]] Result<void> keep();

 private:
  ServerProcess() = default;

  ProcessIdentity identity_;
  std::string started_;
  UniqueFd control_;
};

}  // namespace ploopu
