// SPDX-License-Identifier: GPL-2.0-or-later
// The attachments of this host. The runtime directory says what ploopu meant to do, the kernel what
// is there; the registry puts both together:
//
//   AttachmentRegistry registry;
//   PLOOPU_TRY(const auto lock, registry.lock());
//   PLOOPU_TRY(const auto records, registry.sweep(BlockSnapshot()));
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/attach/attachments.hpp"
#include "platform/os/unique_fd.hpp"
#include "platform/serve/backend.hpp"
#include "platform/serve/runtime_dir.hpp"

namespace ploopu {

// The time that a server without clients may take to end.
inline constexpr std::chrono::seconds kServerExit{5};

class AttachmentRegistry {
 public:
  // Opens the runtime directory, and creates it if it is missing. Call it before any method but
  // lock() and list().
  [[nodiscard]] Result<void> open();
  [[nodiscard]] const RuntimeDir& runtime() const { return *runtime_; }

  // Takes RuntimeDir::lock(), or shares it if this process holds it already. The lock ends with the
  // last copy of the result. Calls open().
  [[nodiscard]] Result<std::shared_ptr<const UniqueFd>> lock();

  // Loads the record of an attachment. ErrorKind::not_found if it was detached meanwhile.
  [[nodiscard]] Result<Record> find(const std::string& id) const;

  // The back end with that name, or of that record; nullptr if there is none. The registry owns it.
  // A record that can't be read belongs to the back end that has a device for it in `now`.
  [[nodiscard]] const Backend* backend_named(std::string_view name) const;
  [[nodiscard]] const Backend* backend_of(const Record& record, const BlockSnapshot& now) const;

  // Returns the attachment that attach() reuses for this request, or nothing if attach() creates a
  // new one. ErrorKind::busy if the image is attached in a way that doesn't fit the request.
  [[nodiscard]] Result<std::optional<Attachment>> find_existing(const Image& image,
                                                                const AttachRequest& request) const;
  // Returns the attachment as the kernel shows it in `now`; nothing if neither device nor server
  // exists any more.
  [[nodiscard]] std::optional<Attachment> inspect(const Record& record,
                                                  const BlockSnapshot& now) const;
  // Returns all attachments, sorted by device, except those that another command is creating.
  [[nodiscard]] Result<std::vector<Attachment>> list();
  // Implements Attachments::look_at_images().
  static void look_at_images(std::vector<Attachment>& attachments);
  // Removes what a killed command or a dead server left, unless something uses it, and returns all
  // records that remain. Hold lock() during the call.
  [[nodiscard]] Result<std::vector<Record>> sweep(const BlockSnapshot& now) const;

 private:
  std::optional<RuntimeDir> runtime_;
  std::vector<std::unique_ptr<Backend>> backends_;
  std::weak_ptr<const UniqueFd> lock_;  // expired while this process doesn't hold the lock
};

}  // namespace ploopu
