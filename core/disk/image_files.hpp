// SPDX-License-Identifier: GPL-2.0-or-later
// The descriptor of an image and the files that it names. A descriptor from a stranger could name
// any file of the host, so a file must lie in the descriptor's directory, unless the user allowed
// otherwise. Parsing happens in confined work, which opens nothing itself: it asks for each file.
//
//     LocatedFiles files(tree, location);
//     PLOOPU_TRY(const auto text, files.read_descriptor());
//     return confined<DiskDescriptor>({location.path}, [&](Outside& outside) {
//       AskedFiles asked(outside);
//       return parse_descriptor(text, asked);
//     }, [&](const std::string& request) { return files.serve(request, Keep::nothing); });
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/base/result.hpp"
#include "core/confine/confinement.hpp"
#include "core/disk/image_location.hpp"
#include "core/files/host_tree.hpp"
#include "core/format/delta.hpp"
#include "core/format/disk_descriptor.hpp"

namespace ploopu {

// libploop's limits: clones of clones, and what a reader of hostile ones is asked to hold.
inline constexpr size_t kMaxCloneLevels = 256;
inline constexpr size_t kMaxCloneBytes = 4 * kMaxDescriptorBytes;

// A descriptor that was read but not parsed.
struct DescriptorText {
  std::string path;  // of this host
  std::string text;
  FileIdentity identity;
};

template <class Codec>
void fields(Codec& codec, DescriptorText& text) {
  codec(text.path, text.text, text.identity);
}

// Opens the files of one image, by the rules, and hands them to confined work.
class LocatedFiles {
 public:
  // Both outlive this.
  LocatedFiles(const HostTree& tree, const ImageLocation& location)
      : tree_(tree), location_(location) {}

  [[nodiscard]] const ImageLocation& location() const { return location_; }

  // Reads the text of the image's descriptor, the first time only.
  [[nodiscard]] Result<DescriptorText> read_descriptor();
  // Whether a descriptor that was read has another text now; an error when it can't be read.
  [[nodiscard]] Result<bool> have_changed();
  // Reads the descriptors anew from now on.
  void forget();

  enum class Keep { nothing, deltas };
  // The answer to a request of AskedFiles.
  [[nodiscard]] Handed serve(const std::string& bytes, Keep keep);
  // The deltas that serve() opened and kept, in their order.
  [[nodiscard]] const std::vector<Delta>& opened() const { return opened_; }

 private:
  [[nodiscard]] bool is_known(const std::string& path) const;
  [[nodiscard]] Result<DescriptorText> read(const std::string& path);
  [[nodiscard]] Result<std::string> find_parent(const std::string& path,
                                                const std::string& clone_of) const;
  [[nodiscard]] Result<DescriptorText> read_parent(const std::string& path,
                                                   const std::string& clone_of);
  [[nodiscard]] Result<Delta> open_listed(const DescriptorImage& image, bool is_base,
                                          uint32_t cluster_sectors,
                                          std::vector<std::string>& warnings);
  [[nodiscard]] std::string backups_of(const std::string& path) const;
  // The directory of the image, which is held from the first call on.
  [[nodiscard]] Result<const ImageDirectory*> directory();
  [[nodiscard]] Result<DescriptorText> read_now(const std::string& path);

  const HostTree& tree_;
  const ImageLocation& location_;
  std::unique_ptr<ImageDirectory> directory_;
  std::vector<DescriptorText> texts_;  // of the image's descriptor, then of its parents
  std::vector<Delta> opened_;
  size_t requests_ = 0;
};

// For confined work, which opens nothing itself: has a LocatedFiles open the files of the image.
class AskedFiles {
 public:
  explicit AskedFiles(Outside& outside) : outside_(outside) {}

  // The descriptor of which the one at `path` is a clone, by its <Parent> (docs/FORMAT.md#clones).
  // Its directory lies outside of the clone's, so it takes location.allow_outside.
  [[nodiscard]] Result<DescriptorText> read_parent(const std::string& path,
                                                   const std::string& clone_of);

  // The file of one <Image>. The file must lie beneath the descriptor's directory, with no link in
  // the way. location.allow_outside permits links and regular files anywhere, with a warning that
  // names the file. Only a base may be raw.
  [[nodiscard]] Result<Delta> open_listed(const DescriptorImage& image, bool is_base,
                                          uint32_t cluster_sectors,
                                          std::vector<std::string>& warnings);

  // "; there is NAME, NAME: ..." when there may be backups beside the descriptor at `path`, else
  // "".
  [[nodiscard]] std::string backups_of(const std::string& path);

 private:
  Outside& outside_;
};

// The descriptor, with the images and shots of those it is a clone of. Everything that is wrong
// with a descriptor is ErrorKind::damaged, and names what may be a backup beside it; no backup is
// ever read instead. To be called in confined work.
[[nodiscard]] Result<DiskDescriptor> parse_descriptor(const DescriptorText& text,
                                                      AskedFiles& files);

// The same, as confined work of its own, for callers that need the descriptor alone.
[[nodiscard]] Result<DiskDescriptor> read_descriptor(LocatedFiles& files);

// AskedFiles::backups_of() for any directory.
[[nodiscard]] std::string backups_beside(const FileSystem& files, const std::string& directory);

}  // namespace ploopu
