// SPDX-License-Identifier: GPL-2.0-or-later
// DiskDescriptor.xml texts for tests.
#pragma once

#include <string>
#include <vector>

#include <fmt/format.h>

namespace ploopu::testing {

inline constexpr char kNull[] = "{00000000-0000-0000-0000-000000000000}";
inline constexpr char kFixedTop[] = "{5fbaabe3-6958-40ff-92a7-860e329aab41}";

// A GUID of one repeated digit.
inline std::string guid(char digit) {
  std::string text = kNull;
  for (char& c : text) {
    if (c == '0') c = digit;
  }
  return text;
}

inline std::string image_xml(const std::string& guid, const std::string& file,
                             const std::string& type = "Compressed") {
  return fmt::format("<Image><GUID>{}</GUID><Type>{}</Type><File>{}</File></Image>", guid, type,
                     file);
}

inline std::string shot_xml(const std::string& guid, const std::string& parent) {
  return fmt::format("<Shot><GUID>{}</GUID><ParentGUID>{}</ParentGUID></Shot>", guid, parent);
}

struct DescriptorText {
  std::string root = "Parallels_disk_image";
  std::string disk_sectors = "64";
  std::string cluster_sectors = "8";
  std::string images = image_xml(kFixedTop, "root.hds");
  std::string top = "";  // <TopGUID>, if any
  std::string shots = shot_xml(kFixedTop, kNull);
  std::string parameters = "";
  std::string volume = "";
  std::string storage = "";  // more elements of <Storage>

  [[nodiscard]] std::string str() const {
    return fmt::format(
        "<?xml version=\"1.0\"?>\n<{0} "
        "Version=\"1.0\"><Disk_Parameters><Disk_size>{1}</Disk_size>{6}"
        "</Disk_Parameters><StorageData>{7}<Storage><Start>0</Start><Blocksize>{2}</"
        "Blocksize>{3}{8}"
        "</Storage></StorageData><Snapshots>{4}{5}</Snapshots></{0}>",
        root, disk_sectors, cluster_sectors, images, top, shots, parameters, volume, storage);
  }
};

}  // namespace ploopu::testing
