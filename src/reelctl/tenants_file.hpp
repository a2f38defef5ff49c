// tenants_file.hpp: The tenants file as commands change it: only ever to what a gateway would read whole, and in one
// step, because a running gateway looks at it once a second.
#pragma once

#include <functional>
#include <string>

#include "actors/gateway/auth/tenants.hpp"

namespace reel::ctl {

/// Empty where there is no file.
std::string text_of(const std::string& file);

/// A new or an overwritten file that only its owner reads, there in one step. Throws std::runtime_error.
void write_private(const std::string& file, std::string_view text);

/// Everything else in the text stays, comments too. Throws std::runtime_error for a tenant that is not there.
std::string with_keys(const std::string& text, const std::string& file, const tenant_id& who,
                      const std::vector<std::string>& key_hashes);

} // namespace reel::ctl
