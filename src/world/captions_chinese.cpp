#include "src/world/phrases.hpp"

namespace reel::world {

namespace {

const lexicon& words() { return lexicon_of(language::chinese); }

// np: "一个红色圆形"; thing: "红色圆形"; does: "向左移动";
// on: "在黑色背景上"; bare: "黑色背景"; is: "黑色".
const frame_list moving{{"{np}{on}{does}",
                         "{on}，{np}{does}",
                         "{np}{does}，{bare}",
                         "{bare}，{np}{does}",
                         "{np}{does}，背景是{is}",
                         "{np}{does}，背景为{is}",
                         "背景是{is}，{np}{does}",
                         "背景为{is}，{np}正在{does}",
                         "{on}有{np}在{does}",
                         "视频：{np}{on}{does}",
                         "一段视频：{np}{does}，{bare}",
                         "一段{thing}{on}{does}的视频",
                         "生成一段{thing}{does}的视频，背景是{is}",
                         "生成一个视频：{on}，{np}{does}",
                         "动画：{np}{does}，{bare}",
                         "一段动画，{np}{on}{does}",
                         "给我看{np}{on}{does}",
                         "画面中{np}{does}，背景是{is}",
                         "画面里有{np}，{does}，{bare}",
                         "{thing}，{does}，{bare}",
                         "{bare}上{np}{does}",
                         "{bare}前，{np}{does}",
                         "以{is}为背景，{np}{does}",
                         "我们看到{np}{on}{does}",
                         "有{np}{on}{does}",
                         "可以看到{np}在{does}，背景是{is}"},
                        {"画面中有{np}{on}{does}", "给我看一段视频，{np}{does}，背景为{is}",
                         "画面里以{is}为背景，{np}{does}", "生成一段动画：{np}{does}，{bare}",
                         "我们看到{bare}上有{np}在{does}", "{bare}，有{np}正在{does}"}};
const frame_list resting{{"{np}{on}", "{on}有{np}", "{np}，{bare}", "{bare}上有{np}", "背景是{is}，有{np}",
                          "画面中有{np}，背景为{is}", "{thing}，{bare}", "视频：{bare}，{np}"},
                         {"画面里有{np}，背景是{is}", "我们看到{np}{on}"}};
// a, b: "左边的红色圆形向上移动"; a_at, b_at: "左边有一个红色圆形"; both: "向上移动".
const frame_list two_moving{{
                                "{on}，{a}，{b}",
                                "{a}，{b}，{bare}",
                                "{a}，{b}，背景是{is}",
                                "{a}，{b}，背景为{is}",
                                "背景是{is}，{a}，{b}",
                                "背景为{is}，{a}，而{b}",
                                "{bare}，{a}，{b}",
                                "{bare}上{a}，{b}",
                                "视频：{a}，{b}，{bare}",
                                "一段视频：{on}，{a}，{b}",
                                "生成一段视频：{a}，{b}，背景为{is}",
                                "动画：{a}，{b}，{bare}",
                                "以{is}为背景，{a}，{b}",
                                "画面中{a}，{b}，背景是{is}",
                            },
                            {
                                "我们看到{a}，而{b}，{bare}",
                                "生成一段动画：{a}，{b}，背景是{is}",
                                "给我看一段视频，{a}，{b}，{bare}",
                            }};
const frame_list two_alike{{"{a_at}，{b_at}，都{both}，{bare}", "{on}，{a_at}，{b_at}，都在{both}",
                            "{a_at}，{b_at}，都{both}，背景是{is}", "背景为{is}，{a_at}，{b_at}，都{both}"},
                           {"画面中{a_at}，{b_at}，都{both}，背景为{is}"}};
const frame_list two_resting{
    {"{a_at}，{b_at}，{bare}", "{on}，{a_at}，{b_at}", "{bare}，{a_at}，{b_at}", "{a_at}，{b_at}，背景是{is}"},
    {"画面中{a_at}，{b_at}，{bare}"}};

/// "红色的大圆形", "大的红色圆形", "红圆".
std::string name_thing(std::mt19937_64& rng, const object& o) {
  auto colour = word(rng, words().colours, o.colour), shape = word(rng, words().shapes, o.shape);
  std::string of = colour.ends_with("色") && chance(rng, 0.6) ? "的" : "";
  if (o.place != place::anywhere || changes_size(o.motion) || chance(rng, 0.5)) return colour + of + shape;
  auto size = word(rng, words().sizes, o.size);
  return chance(rng, 0.5) ? size + "的" + colour + shape : colour + of + size + shape;
}

std::string with_count(std::mt19937_64& rng, const std::string& thing) {
  return (chance(rng, 0.75) ? "一个" : chance(rng, 0.3) ? "这个" : "") + thing;
}

std::string say_motion(std::mt19937_64& rng, const object& o, phrasing how) {
  const auto& m = words().motions[static_cast<std::size_t>(o.motion)];
  std::string text;
  bool told = is_straight(o.motion) ? chance(rng, 0.45) : o.motion == motion::circling && chance(rng, 0.1);
  if (told) text = word(rng, words().speeds, o.speed);
  if (m.directions.empty() || (!m.verbs.empty() && chance(rng, 0.4)))
    return text + std::string{one_of(rng, m.verbs).does};
  bool unusual = how == phrasing::held_out && chance(rng, 0.5);
  text += one_of(rng, unusual ? m.held_out_directions : m.directions);
  bool usual_verb = o.motion == motion::circling || chance(rng, 0.5);
  return text + std::string{(usual_verb ? words().verbs_of_motion.front() : one_of(rng, words().verbs_of_motion)).does};
}

std::string name_tone(std::mt19937_64& rng, tone t) {
  std::string name;
  do name = word(rng, words().tones, t);
  while (!name.ends_with("色")); // the first of a list does
  bool dark_already = t == tone::black || name == "暗红色" || name == "藏蓝色";
  if (dark_already || chance(rng, 0.5)) return name;
  return (chance(rng, 0.75) ? "深" : "暗") + name;
}

/// "蓝黑相间", "蓝色和黑色相间", "蓝色和黑色".
std::string name_both_tones(std::mt19937_64& rng, const background& b, const std::string& first,
                            const std::string& second) {
  auto short_name = [](tone t) { return words().tones[static_cast<std::size_t>(t)][1]; };
  bool short_form = b.first != tone::teal && b.second != tone::teal && chance(rng, 0.25);
  if (short_form) return std::string{short_name(b.first)} + std::string{short_name(b.second)} + "相间";
  return first + "和" + second + (chance(rng, 0.4) ? "相间" : "");
}

void say_background(std::mt19937_64& rng, const background& b, fillings& f) {
  auto first = name_tone(rng, b.first), second = name_tone(rng, b.second);
  std::string is = first, thing = first + (chance(rng, 0.3) ? "的背景" : "背景");
  if (b.pattern == pattern::gradient) {
    is = one_of(rng, std::array{"从" + first + "到" + second + "的渐变", first + "渐变到" + second,
                                first + "到" + second + "的渐变色"});
    thing = one_of(rng, std::array{"从" + first + "到" + second + "的渐变背景", first + "渐变到" + second + "的背景",
                                   first + "到" + second + "渐变的背景"});
  } else if (b.pattern == pattern::stripes) {
    auto both = name_both_tones(rng, b, first, second);
    is = both + "的条纹";
    thing = one_of(rng, std::array{both + "的条纹背景", both + "条纹的背景", both + "的竖条纹背景"});
  }
  f["is"] = is;
  f["bare"] = thing;
  f["on"] = "在" + thing + one_of(rng, std::array{"上", "中", "前"});
}

/// "正在静止" is not said: what does not move does nothing.
std::string fitted(std::string_view frame, motion m) {
  std::string text{frame};
  if (m != motion::still) return text;
  for (std::string_view doing : {"正在{does}", "在{does}", "在{both}"})
    if (auto at = text.find(doing); at != std::string::npos) text.erase(at, doing.find('{'));
  return text;
}

std::string describe_one(const scene& s, std::mt19937_64& rng, phrasing how) {
  const auto& o = s.objects[0];
  fillings f;
  say_background(rng, s.background, f);
  f["thing"] = name_thing(rng, o);
  f["np"] = with_count(rng, f["thing"]);
  if (o.motion == motion::still && chance(rng, 0.35)) return filled(one_of(rng, resting.of(how)), f);
  f["does"] = say_motion(rng, o, how);
  return filled(fitted(one_of(rng, moving.of(how)), o.motion), f);
}

std::string describe_two(const scene& s, std::mt19937_64& rng, phrasing how) {
  fillings f;
  say_background(rng, s.background, f);
  auto order = below(rng, 3), order_at = below(rng, 3);
  std::size_t first = below(rng, 2);
  for (std::size_t i = 0; i < 2; ++i) {
    const auto& o = s.objects[i == 0 ? first : 1 - first];
    std::string key = i == 0 ? "a" : "b";
    auto thing = name_thing(rng, o), at = word(rng, words().places, o.place), does = say_motion(rng, o, how);
    f[key] = order == 0   ? at + "的" + thing + does
             : order == 1 ? at + "有一个" + thing + does
                          : thing + "在" + at + does;
    f[key + "_at"] = order_at == 0 ? at + "是" + thing : order_at == 1 ? at + "有一个" + thing : thing + "在" + at;
    f["both"] = does;
  }
  const auto &a = s.objects[0], &b = s.objects[1];
  bool alike = a.motion == b.motion && a.speed == b.speed;
  if (alike && a.motion == motion::still && chance(rng, 0.35)) return filled(one_of(rng, two_resting.of(how)), f);
  if (alike && chance(rng, 0.4)) return filled(fitted(one_of(rng, two_alike.of(how)), a.motion), f);
  return filled(one_of(rng, two_moving.of(how)), f);
}

} // namespace

std::string describe_chinese(const scene& s, std::mt19937_64& rng, phrasing how) {
  auto text = s.objects.size() == 1 ? describe_one(s, rng, how) : describe_two(s, rng, how);
  if (chance(rng, 0.4)) text += "。";
  return text;
}

} // namespace reel::world
