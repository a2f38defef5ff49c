// webhook_secret.hpp: What a tenant's webhooks are signed with, in the form of Standard Webhooks: "whsec_" and the
// base64 of the key, in a file of its own that only its owner may read. Errors name the file and never show the secret.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace reel {

/// "whsec_..." of 32 random bytes.
std::string make_webhook_secret();

/// The key in it: 16 to 64 bytes. Nothing for a text that is none.
std::optional<std::string> parse_webhook_secret(std::string_view text);

/// The key in a file. Throws std::runtime_error, also when others than the owner have access.
std::string load_webhook_secret(const std::string& file);

/// The header webhook-signature: "v1," and the base64 of HMAC-SHA256 over "id.timestamp.body".
std::string webhook_signature(std::string_view key, std::string_view id, std::int64_t unix_s, std::string_view body);

} // namespace reel
