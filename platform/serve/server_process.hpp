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
  // Serves until the descriptor `control` can be read, or for less.
  virtual void serve_until(int /*control*/) {}
  // Returns when the kernel has let go of it.
  virtual void wait() = 0;
  // Takes down what start() made, so that wait() returns. While something uses it already, it has
  // to stay: an error, and serving goes on.
  [[nodiscard]] virtual Result<void> stop() = 0;
  // After wait(): removes what the attachment leaves behind, if it is gone.
  virtual void clean_up() = 0;
};

// The command's side. Until keep() the server takes everything down again when this object or
// the command itself goes, however it goes.
class ServerProcess {
 public:
  // Starts a process that runs `service`, keeping only the descriptors in `keep` and `lock` open,
  // and waits for its start(). `title` is its name in ps. `lock` is a lock that goes with its last
  // descriptor: the server holds it on until keep(), so that what it undoes for a command that
  // died can't be mixed up with what the next command does.
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
  // From now on the server lives until the kernel lets go of its device.
  [[nodiscard]] Result<void> keep();

 private:
  ServerProcess() = default;

  ProcessIdentity identity_;
  std::string started_;
  UniqueFd control_;
};

}  // namespace ploopu
