// loss_picture.hpp: How the stages of a training went, kept beside the model that came of it.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace reel::train {

/// Copies STAGE.csv of the stages that have one from `work` into `folder`, and draws loss.svg there: a panel for each
/// stage, loss (logarithmic) by step. Throws std::filesystem::filesystem_error, std::runtime_error.
void keep_losses(const std::filesystem::path& work, const std::vector<std::string>& stages,
                 const std::filesystem::path& folder);

} // namespace reel::train
