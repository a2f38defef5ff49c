// table.hpp: Tables that fit a terminal, and text that cannot do anything to it. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace reel::ctl {

using table_rows = std::vector<std::vector<std::string>>; ///< the first one is the head

/// Cells of the terminal, not bytes: CJK takes two, what continues or combines takes none.
std::size_t cells_of(std::string_view text);

/// Bytes of the longest beginning that takes at most so many cells.
std::size_t cut_to(std::string_view text, std::size_t cells);

/// Control characters, escape sequences' beginnings and marks that turn the direction of writing become '?': nothing a
/// job carries can move the cursor, change colours, or reorder what is read. Cut to `most` cells.
std::string printable(std::string_view text, std::size_t most);

/// Columns aligned by their widest cell. Where they are wider than `columns` (0: no limit), the widest are cut, but
/// neither names and ids nor numbers; where that does not do, each row becomes lines of "HEAD  cell".
std::string format_table(const table_rows& rows, std::size_t columns);

} // namespace reel::ctl
