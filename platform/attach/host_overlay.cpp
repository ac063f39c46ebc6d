// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/attach/host_overlay.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "platform/files/posix_scratch_file.hpp"

namespace ploopu {
namespace {

bool is_missing(const std::string& path) {
  return ::faccessat(AT_FDCWD, path.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

uint64_t sectors_of(const Image& image) { return image.disk.size() / kSectorSize; }

Result<SharedMemory> memory_for(const Image& image) {
  return SharedMemory::create(SectorStates::memory_size(sectors_of(image)));
}

}  // namespace

HostOverlay::HostOverlay(const Image& image, std::string path, SharedMemory memory)
    : image_(image),
      path_(std::move(path)),
      memory_(std::move(memory)),
      states_(sectors_of(image), memory_.bytes()) {}

Result<std::unique_ptr<HostOverlay>> HostOverlay::make(const Image& image,
                                                       const OverlayRequest& request) {
  PLOOPU_TRY(auto memory, memory_for(image));
  std::unique_ptr<HostOverlay> made(new HostOverlay(image, request.file, std::move(memory)));
  auto done = made->open_scratch(request);
  if (done) return made;
  made->undo();
  return tl::unexpected<Error>(std::move(done).error());
}

Result<void> HostOverlay::check(const Image& image, const OverlayRequest& request) {
  if (!request.file.empty() && is_missing(request.file)) {
    return check_kept_scratch(request.file, OverlayFile::size_for(image.disk.size()));
  }
  PLOOPU_TRY(const auto made, make(image, request));
  return {};
}

// Without a limit from the user, the overlay may take half of the free room.
Result<void> HostOverlay::open_scratch(const OverlayRequest& request) {
  Scratch scratch;
  if (path_.empty()) {
    PLOOPU_TRY(scratch, create_scratch(request.directory, image_.disk.size()));
  } else {
    const OverlayBase base = describe_base(image_);
    const bool is_new = is_missing(path_);
    PLOOPU_TRY(scratch, is_new ? create_kept_scratch(path_, OverlayFile::size_for(base.disk_size))
                               : open_kept_scratch(path_));
    is_new_ = is_new;
    PLOOPU_TRY(file_, is_new_ ? OverlayFile::create(*scratch.file, path_, base)
                              : OverlayFile::open(*scratch.file, path_, base));
    if (!is_new_) PLOOPU_CHECK(file_->load(*scratch.file, path_, states_));
  }
  const uint64_t used = states_.count_written(0, states_.sectors()) * kSectorSize;
  use(std::move(scratch.file), request.limit == 0 ? used + scratch.free / 2 : request.limit);
  return {};
}

Result<std::unique_ptr<HostOverlay>> HostOverlay::view(const Image& image,
                                                       const std::string& path) {
  if (is_missing(path)) return nullptr;
  PLOOPU_TRY(auto memory, memory_for(image));
  std::unique_ptr<HostOverlay> made(new HostOverlay(image, path, std::move(memory)));
  PLOOPU_TRY(auto scratch, view_kept_scratch(path));
  PLOOPU_TRY(made->file_, OverlayFile::open(*scratch.file, path, describe_base(image)));
  PLOOPU_CHECK(made->file_->load(*scratch.file, path, made->states_));
  made->use(std::move(scratch.file), 0);
  return made;
}

void HostOverlay::use(std::unique_ptr<ScratchFile> scratch, uint64_t limit) {
  scratch_ = std::move(scratch);
  overlay_.emplace(image_.disk, *scratch_, states_, limit, file_ ? &*file_ : nullptr);
}

std::vector<std::string> HostOverlay::warnings() const {
  if (!file_ || !file_->was_cut_short()) return {};
  return {path_ +
          ": its server or host ended before all data was saved: data written after the "
          "last sync may be missing"};
}

void HostOverlay::undo() const {
  if (is_new_) ::unlink(path_.c_str());
}

bool was_cut_short(const std::string& path, const FileIdentity& identity) {
  const auto scratch = view_kept_scratch(path);
  return scratch && scratch->file->identity() == identity &&
         OverlayFile::was_cut_short(*scratch->file, path).value_or(false);
}

}  // namespace ploopu
