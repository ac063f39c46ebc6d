// SPDX-License-Identifier: GPL-2.0-or-later
// The input is a name of a container and the files in /etc/vz. No name leads to another container,
// or to a file that is not the configuration of a container.
//     line   the word
//     line   target of the link /etc/vz/names/WORD
//     line   target of the link /etc/vz/conf/102.conf; if empty, 102.conf is a file
//     rest   the configuration of each container
#include <algorithm>

#include "core/find/locate.hpp"
#include "core/vz/container_name.hpp"
#include "core/vz/private_area.hpp"
#include "tests/fuzz/fuzzing.hpp"
#include "tests/support/fake_file_system.hpp"

namespace ploopu::testing {
namespace {

constexpr char kUuid[] = "6a1b0000-1111-2222-3333-444455556666";
constexpr uint64_t kLargestCtid = 2147483644;

bool is_digits(const std::string& text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// Checks the form of a CTID, which becomes a part of paths.
void check_ctid(const std::string& word) {
  const auto ctid = parse_ctid(word);
  if (!ctid) return;
  require(parse_ctid(*ctid) == ctid);
  if (is_digits(*ctid) && ctid->size() < 32) {
    require(*ctid == word && std::to_string(std::stoull(word)) == word);
    require(std::stoull(word) >= 1 && std::stoull(word) <= kLargestCtid);
  } else {
    require(ctid->size() == 36);
    require(ctid->find_first_not_of("0123456789abcdefABCDEF-") == std::string::npos);
  }
}

struct Links {
  std::string of_name;
  std::string of_config;
};

void fill_host(FakeFileSystem& files, const std::string& word, const Links& links, Input& input) {
  const std::string config = input.text();
  files.add("/etc/shadow", "NAME=" + word + "\nVE_PRIVATE=/vz/private/101\n");
  files.add("/tmp/101.conf", config);
  files.add("/tmp/ve.conf", config);
  files.add("/etc/vz/vz.conf", "VE_PRIVATE=/vz/private/$VEID\n");
  files.add("/etc/vz/conf/101.conf", config);
  files.add("/etc/vz/conf/102.conf", config);
  if (!links.of_config.empty()) files.add_link("/etc/vz/conf/102.conf", links.of_config);
  for (const std::string ctid : {"101", "102", kUuid}) {
    files.add("/vz/private/" + ctid + "/ve.conf", config);
    files.add("/vz/private/" + ctid + "/root.hdd/DiskDescriptor.xml", "");
  }
  files.add_link(std::string("/etc/vz/conf/") + kUuid + ".conf",
                 std::string("/vz/private/") + kUuid + "/ve.conf");
  if (is_container_name(word)) files.add_link("/etc/vz/names/" + word, links.of_name);
  files.on_read = [](const std::string& path) { require(path != "/etc/shadow"); };
}

void try_word(Input input) {
  const std::string word = input.line();
  check_ctid(word);
  if (is_container_name(word)) {
    require(word != "." && word != ".." && word.size() <= 255);
    require(word.find_first_of(std::string("/\0\n", 3)) == std::string::npos);
  }
  FakeFileSystem files;
  const Links links = {input.line(), input.line()};
  fill_host(files, word, links, input);
  const auto found = find_container(HostTree(files, "/"), word);
  if (found && *found) {
    require(parse_ctid((*found)->ctid) == (*found)->ctid);
    require(parse_ctid(word) || is_container_name(word));
    if (!parse_ctid(word) && links.of_config.empty()) {
      const auto config = files.resolve("/", "/etc/vz/names/" + word);
      require(config && !config->path.starts_with("/tmp/"));
    }
    const auto area = find_private_area(HostTree(files, "/"), (*found)->ctid);
    if (area) require(area->path.starts_with('/') && area->path.find("/..") == std::string::npos);
  }
  if (word.find('/') == std::string::npos)
    static_cast<void>(locate_image(HostTree(files, "/"), word));
}

}  // namespace
}  // namespace ploopu::testing

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  ploopu::testing::try_word({data, size});
  return 0;
}
