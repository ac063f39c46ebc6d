// SPDX-License-Identifier: GPL-2.0-or-later
// An overlay on this host: its scratch file or overlay file, its memory, and the Overlay above the
// image.
//
//   PLOOPU_TRY(const auto overlay, HostOverlay::make(image, request.overlay));
//   const ServedDisk disk(image.disk, &overlay->overlay());
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

// Implements OverlayView (core/attach/attachments.hpp). The image must outlive the object.
class HostOverlay final : public OverlayView {
 public:
  // Creates an overlay on a new scratch file, or on the overlay file that the request names, which
  // is created if it is missing. ErrorKind::busy if another attachment uses the file.
  [[nodiscard]] static Result<std::unique_ptr<HostOverlay>> make(const Image& image,
                                                                 const OverlayRequest& request);
  // Fails with the error with which make() fails, as far as can be known without creating a file
  // that has a name.
  [[nodiscard]] static Result<void> check(const Image& image, const OverlayRequest& request);
  // Opens an overlay file for reading; nullptr if there is no such file. While the file is
  // attached, the view shows the state that was saved last.
  [[nodiscard]] static Result<std::unique_ptr<HostOverlay>> view(const Image& image,
                                                                 const std::string& path);

  [[nodiscard]] const DiskView& view() const override { return *overlay_; }
  [[nodiscard]] Overlay& overlay() { return *overlay_; }
  // Warnings about the overlay file, if changes are missing because its server died.
  [[nodiscard]] std::vector<std::string> warnings() const;
  // Removes the overlay file if make() created it. Call it if the attach fails.
  void undo() const;

 private:
  HostOverlay(const Image& image, std::string path, SharedMemory memory);
  [[nodiscard]] Result<void> open_scratch(const OverlayRequest& request);
  void use(std::unique_ptr<ScratchFile> scratch, uint64_t limit);

  const Image& image_;
  std::string path_;  // overlay file; empty for a scratch file
  SharedMemory memory_;
  SectorStates states_;
  std::unique_ptr<ScratchFile> scratch_;
  std::optional<OverlayFile> file_;
  std::optional<Overlay> overlay_;
  bool is_new_ = false;
};

// True if the overlay file at `path` lacks changes that its server didn't save. False if that can't
// be found out, for example because the file at `path` isn't `identity` any more.
[[nodiscard]] bool was_cut_short(const std::string& path, const FileIdentity& identity);

}  // namespace ploopu
