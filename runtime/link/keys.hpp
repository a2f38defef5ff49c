// keys.hpp: The CURVE key pair of a node (RFC 26/ZMTP-CURVE), kept in two files:
//   <dir>/<node>.secret   both keys' owner only: mode 0600, refused when group or others may read it
//   <dir>/<node>.public   handed to the other nodes
// Each holds one key in Z85 (40 characters) and a newline. Everything that goes wrong is a std::runtime_error
// that names the file and never shows a key.
#pragma once

#include <filesystem>

#include "messages/ids.hpp"

namespace reel {

struct curve_keys {
  std::string public_key, secret_key; ///< Z85, 40 characters each
  bool operator==(const curve_keys&) const = default;
};

curve_keys make_curve_keys();

/// The public key that belongs to a secret one. Throws when the text is no Z85 key.
std::string public_key_of(const std::string& secret_key);

/// Makes a pair and writes it. An existing file of either name is an error unless `replace` is set.
curve_keys create_key_files(const std::filesystem::path& dir, const node_id& node, bool replace = false);

/// The node's own pair; checks the mode of the secret file and that the keys belong together.
curve_keys load_key_files(const std::filesystem::path& dir, const node_id& node);

/// Another node's public key.
std::string load_public_key(const std::filesystem::path& dir, const node_id& node);

} // namespace reel
