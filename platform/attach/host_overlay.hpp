// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/attach/attachments.hpp"
#include "core/overlay/overlay.hpp"
#include "core/overlay/overlay_file.hpp"
#include "platform/os/shared_memory.hpp"

namespace ploopu {

// An overlay and all that it stands on. The image outlives it.
class HostOverlay final : public OverlayView {
 public:
  // With a new scratch file, or with the one that the request names.
  [[nodiscard]] static Result<std::unique_ptr<HostOverlay>> make(const Image& image,
                                                                 const OverlayRequest& request);
  // Fails where make() would, with the same error, and makes nothing that has a name.
  [[nodiscard]] static Result<void> check(const Image& image, const OverlayRequest& request);
  // Only to be read, also while it is attached: then as it was saved last.
  [[nodiscard]] static Result<std::unique_ptr<HostOverlay>> view(const Image& image,
                                                                 const std::string& path);

  [[nodiscard]] const DiskView& view() const override { return *overlay_; }
  [[nodiscard]] Overlay& overlay() { return *overlay_; }
  // What the user should know of a file that was kept.
  [[nodiscard]] std::vector<std::string> warnings() const;
  // Removes the file if it was made here: nothing was attached.
  void undo() const;

 private:
  HostOverlay(const Image& image, std::string path, SharedMemory memory);
  [[nodiscard]] Result<void> open_scratch(const OverlayRequest& request);
  void use(std::unique_ptr<ScratchFile> scratch, uint64_t limit);

  const Image& image_;
  std::string path_;  // empty for one that isn't kept
  SharedMemory memory_;
  SectorStates states_;
  std::unique_ptr<ScratchFile> scratch_;
  std::optional<OverlayFile> file_;
  std::optional<Overlay> overlay_;
  bool is_new_ = false;
};

// Whether the overlay file at `path`, which is `identity`, lacks changes that its server didn't
// save. False where that can't be told any more.
[[nodiscard]] bool was_cut_short(const std::string& path, const FileIdentity& identity);

}  // namespace ploopu
