#include "src/reel-train/text_stage.hpp"

#include <fmt/format.h>
#include <numeric>

#include "actors/worker/wan/text_encoder.hpp"
#include "actors/worker/wan/torch_compat.hpp"
#include "src/world/names.hpp"

namespace reel::train {
namespace {

constexpr std::size_t asked_max = 1000; // texts, for a figure in the log
constexpr std::int64_t not_there = -1;  // the second of one object

/// What is asked of a scene: how many answers there are, which is right, and whether every text says so.
struct question {
  std::int64_t answers;
  std::int64_t (*right)(const world::scene&);
  bool always_said;
};

template <auto Field> std::int64_t of_second(const world::scene& s) {
  return s.objects.size() < 2 ? not_there : static_cast<std::int64_t>(s.objects[1].*Field);
}
template <auto Field> std::int64_t of_first(const world::scene& s) {
  return static_cast<std::int64_t>(s.objects[0].*Field);
}
template <auto Field> std::int64_t of_background(const world::scene& s) {
  return static_cast<std::int64_t>(s.background.*Field);
}
template <class Word> constexpr auto count = static_cast<std::int64_t>(world::names_of<Word>().size());

using world::object, world::background;

const question questions[] = {
    {count<world::place>, of_first<&object::place>, true}, // anywhere: there is one object
    {count<world::colour>, of_first<&object::colour>, true},
    {count<world::shape>, of_first<&object::shape>, true},
    {count<world::motion>, of_first<&object::motion>, true},
    {count<world::size>, of_first<&object::size>, false},
    {count<world::speed>, of_first<&object::speed>, false},
    {count<world::colour>, of_second<&object::colour>, true},
    {count<world::shape>, of_second<&object::shape>, true},
    {count<world::motion>, of_second<&object::motion>, true},
    {count<world::speed>, of_second<&object::speed>, false},
    {count<world::pattern>, of_background<&background::pattern>, true},
    {count<world::tone>, of_background<&background::first>, true},
    {count<world::tone>, of_background<&background::second>, true},
};

std::int64_t answers_in_all() {
  return std::accumulate(std::begin(questions), std::end(questions), std::int64_t{0},
                         [](std::int64_t sum, const question& q) { return sum + q.answers; });
}

using text = std::span<const std::int32_t>;

/// [tokens of all texts, answers of all questions]
at::Tensor answers_of(const wan::text_config& c, const std::shared_ptr<const parameter_map>& all,
                      const std::vector<text>& texts) {
  auto encoder = std::make_shared<const parameter_map>(take_from(*all, "text."));
  auto outputs = wan::text_encoder{c, {encoder, at::TensorOptions{}.dtype(at::kFloat)}}.encode_all(texts);
  return at::addmm(all->at("answers.bias"), at::cat(outputs), all->at("answers.weight").t());
}

/// Of each token, by its text's scene.
at::Tensor right_answers(const question& q, const std::vector<const world::scene*>& scenes,
                         const std::vector<text>& texts) {
  std::vector<std::int64_t> right;
  for (std::size_t i = 0; i < texts.size(); ++i) right.insert(right.end(), texts[i].size(), q.right(*scenes[i]));
  return at::tensor(right, at::kLong);
}

at::Tensor loss_of(const at::Tensor& answers, const std::vector<const world::scene*>& scenes,
                   const std::vector<text>& texts) {
  auto sum = at::zeros({}, at::kFloat);
  std::int64_t first = 0;
  for (auto& q : questions) {
    auto right = right_answers(q, scenes, texts);
    auto errors = at::cross_entropy_loss(answers.narrow(1, first, q.answers), right, {}, at::Reduction::Sum, not_there);
    sum = sum.add(errors);
    first += q.answers;
  }
  return sum.div(answers.size(0));
}

std::size_t taught(const text_lessons& lessons) { return lessons.examples->size() - lessons.examples->size() / 10; }

/// Per cent of the texts that were not trained on from whose last output all that they always say is read off right.
double texts_understood(const text_lessons& lessons, const parameter_map& all) {
  c10::NoGradGuard guard;
  auto& examples = *lessons.examples;
  std::vector<text> texts;
  std::vector<const world::scene*> scenes;
  for (auto i = taught(lessons); i < examples.size() && texts.size() < asked_max; ++i) {
    texts.emplace_back(examples[i].captions.front());
    scenes.push_back(&examples[i].scene);
  }
  auto answers = answers_of(lessons.config, std::make_shared<const parameter_map>(all), texts);
  auto are_right = at::ones({answers.size(0)}, at::kBool);
  std::int64_t first = 0;
  for (auto& q : questions) {
    auto right = right_answers(q, scenes, texts);
    auto said = answers.narrow(1, first, q.answers).argmax(1);
    if (q.always_said) are_right = are_right.logical_and(said.eq(right).logical_or(right.eq(not_there)));
    first += q.answers;
  }
  std::size_t understood = 0;
  std::int64_t token = -1;
  for (auto& t : texts) {
    token += static_cast<std::int64_t>(t.size());
    understood += are_right[token].item<bool>();
  }
  return 100.0 * static_cast<double>(understood) / static_cast<double>(texts.size());
}

} // namespace

parameter_map train_text(const text_lessons& lessons, const parameter_map& parameters, const stage_options& options) {
  parameter_map all;
  put_under(all, "text.", parameters);
  all["answers.weight"] = at::zeros({answers_in_all(), lessons.config.dim}, at::kFloat);
  all["answers.bias"] = at::zeros({answers_in_all()}, at::kFloat);
  learner learns{options, how_transformers_learn()};
  auto loss = [&](auto& live, part_of_step part) {
    std::vector<text> texts;
    std::vector<const world::scene*> scenes;
    while (texts.size() < lessons.batch) {
      auto& example = (*lessons.examples)[part.rng() % taught(lessons)];
      texts.emplace_back(example.captions[part.rng() % example.captions.size()]);
      scenes.push_back(&example.scene);
    }
    return loss_of(answers_of(lessons.config, live, texts), scenes, texts);
  };
  auto examine = [&](const parameter_map& average, std::int64_t step) {
    return step % 500 == 0 ? fmt::format("{:.1f} % understood", texts_understood(lessons, average)) : std::string{};
  };
  return take_from(learns.run(all, loss, examine), "text.");
}

} // namespace reel::train
