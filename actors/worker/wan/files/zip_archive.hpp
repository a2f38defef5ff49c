// zip_archive.hpp: Where the files inside a zip archive lie, without unpacking anything: torch.save stores them
// uncompressed, so that they can be read where they are. Knows zip64 (files above 4 GiB).
//
// Format: PKWARE APPNOTE 6.3. Checked: every offset and length; refused: compressed, encrypted or split archives. The
// checksums are not: that would read all of the file.
#pragma once

#include "actors/worker/wan/files/mapped_file.hpp"

#include <map>

namespace reel::wan {

using zip_entries = std::map<std::string, std::span<const std::byte>, std::less<>>;

bool is_zip(const mapped_file& file);

/// By name. Throws render_error(corrupt) with the file and what is wrong.
zip_entries read_zip(const mapped_file& file);

} // namespace reel::wan
