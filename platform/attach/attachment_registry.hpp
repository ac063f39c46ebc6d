// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/attach/attachments.hpp"
#include "platform/os/unique_fd.hpp"
#include "platform/serve/backend.hpp"
#include "platform/serve/runtime_dir.hpp"

namespace ploopu {

// Knows what is attached to this host now: the runtime directory says what was meant, the kernel
// what is.
class AttachmentRegistry {
 public:
  // Makes the directory if need be. Call it before any method but lock() and list().
  [[nodiscard]] Result<void> open();
  [[nodiscard]] const RuntimeDir& runtime() const { return *runtime_; }

  // Takes RuntimeDir::lock(), or shares it if this process has it. Calls open().
  [[nodiscard]] Result<std::shared_ptr<const UniqueFd>> lock();

  // ErrorKind::not_found when it was detached meanwhile.
  [[nodiscard]] Result<Record> find(const std::string& id) const;

  // nullptr when there is none.
  [[nodiscard]] const Backend* backend_named(std::string_view name) const;
  [[nodiscard]] const Backend* backend_of(const Record& record, const BlockSnapshot& now) const;

  // The attachment that attach() gives back for this request; nothing when it would make one.
  // ErrorKind::busy where it would refuse.
  [[nodiscard]] Result<std::optional<Attachment>> find_existing(const Image& image,
                                                                const AttachRequest& request) const;
  // The attachment as the kernel shows it in `now`; nothing when there is no device any more.
  [[nodiscard]] std::optional<Attachment> inspect(const Record& record,
                                                  const BlockSnapshot& now) const;
  // All attachments, by device. Leaves out what another command is at work on.
  [[nodiscard]] Result<std::vector<Attachment>> list();
  // As Attachments::look_at_images().
  static void look_at_images(std::vector<Attachment>& attachments);
  // Finishes what a killed command or a dead server left, unless something uses it, and returns the
  // records of all the rest. Call lock() before it.
  [[nodiscard]] std::vector<Record> sweep(const BlockSnapshot& now) const;

 private:
  std::optional<RuntimeDir> runtime_;
  std::vector<std::unique_ptr<Backend>> backends_;
  std::weak_ptr<const UniqueFd> lock_;  // as long as somebody in this process has it
};

}  // namespace ploopu
