// SPDX-License-Identifier: GPL-2.0-or-later
#include "platform/attach/backends.hpp"

#include <algorithm>

#include "platform/dm/dm_backend.hpp"
#include "platform/fuse/fuse_backend.hpp"
#include "platform/nbd/nbd_backend.hpp"

namespace ploopu {
namespace {

template <class T>
std::unique_ptr<Backend> make(const RuntimeDir& runtime) {
  return std::make_unique<T>(runtime);
}

constexpr std::array<HostBackend, kBackends.size()> kHostBackends = {{
    {"nbd", make<NbdBackend>, NbdBackend::survey},
    {"dm", make<DmBackend>, DmBackend::survey},
    {"fuse", make<FuseBackend>, FuseBackend::survey},
}};
static_assert(std::equal(kBackends.begin(), kBackends.end(), kHostBackends.begin(),
                         [](const BackendRules& rules, const HostBackend& backend) {
                           return rules.name == backend.name;
                         }),
              "the tables of back ends differ");

}  // namespace

const std::array<HostBackend, kBackends.size()>& host_backends() { return kHostBackends; }

const HostBackend& host_backend(std::string_view name) {
  return *std::find_if(kHostBackends.begin(), kHostBackends.end(),
                       [&](const HostBackend& backend) { return backend.name == name; });
}

}  // namespace ploopu
