#include "tests/worker/media/decoded.hpp"

#include <cmath>
#include <fstream>
#include <limits>
#include <stdexcept>

#include "actors/worker/media/av.hpp"
#include "tests/worker/temp_folder.hpp"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace reel::media::testing {
namespace {

struct close_input {
  void operator()(AVFormatContext* f) const { avformat_close_input(&f); }
};

std::vector<std::uint8_t> to_rgb(const AVFrame& f) {
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * f.width * f.height));
  av_ptr<SwsContext> back{sws_getContext(f.width, f.height, static_cast<AVPixelFormat>(f.format), f.width, f.height,
                                         AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND, nullptr, nullptr, nullptr)};
  auto* matrix = sws_getCoefficients(f.colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_DEFAULT);
  sws_setColorspaceDetails(back.get(), matrix, f.color_range == AVCOL_RANGE_JPEG, matrix, 1, 0, 1 << 16, 1 << 16);
  std::uint8_t* planes[] = {rgb.data(), nullptr, nullptr, nullptr};
  int strides[] = {3 * f.width, 0, 0, 0};
  check(sws_scale(back.get(), f.data, f.linesize, 0, f.height, planes, strides), "back");
  return rgb;
}

void read_frames(AVFormatContext& input, AVCodecContext& decoder, decoded& out) {
  av_ptr<AVPacket> packet{av_packet_alloc()};
  av_ptr<AVFrame> frame{av_frame_alloc()};
  for (bool more = true; more;) {
    more = av_read_frame(&input, packet.get()) >= 0;
    check(avcodec_send_packet(&decoder, more ? packet.get() : nullptr), "decode");
    av_packet_unref(packet.get());
    while (avcodec_receive_frame(&decoder, frame.get()) >= 0) out.frames.push_back(to_rgb(*frame));
  }
}

} // namespace

decoded decode(const std::vector<std::uint8_t>& file) {
  reel::testing::temp_folder folder;
  auto path = folder.write("file", {reinterpret_cast<const char*>(file.data()), file.size()});
  AVFormatContext* opened = nullptr;
  check(avformat_open_input(&opened, path.c_str(), nullptr, nullptr), "open");
  std::unique_ptr<AVFormatContext, close_input> input{opened};
  check(avformat_find_stream_info(opened, nullptr), "streams");
  if (opened->nb_streams != 1) throw std::runtime_error{"expected one stream"};
  auto& stream = *opened->streams[0];
  auto& p = *stream.codecpar;

  decoded out{.width = p.width, .height = p.height, .fps = av_q2d(stream.avg_frame_rate)};
  out.codec = avcodec_get_name(p.codec_id);
  out.pixels = av_get_pix_fmt_name(static_cast<AVPixelFormat>(p.format));
  auto text = [](const char* s) { return std::string{s ? s : "?"}; };
  out.colours = text(av_color_primaries_name(p.color_primaries)) + '/' + text(av_color_transfer_name(p.color_trc)) +
                '/' + text(av_color_space_name(p.color_space)) + '/' + text(av_color_range_name(p.color_range));
  const AVDictionaryEntry* tag = nullptr;
  while ((tag = av_dict_get(opened->metadata, "", tag, AV_DICT_IGNORE_SUFFIX))) out.tags[tag->key] = tag->value;

  av_ptr<AVCodecContext> decoder{avcodec_alloc_context3(avcodec_find_decoder(p.codec_id))};
  check(avcodec_parameters_to_context(decoder.get(), &p), "parameters");
  decoder->thread_count = 1;
  check(avcodec_open2(decoder.get(), nullptr, nullptr), "decoder");
  read_frames(*opened, *decoder, out);
  return out;
}

std::vector<std::string> boxes(const std::vector<std::uint8_t>& mp4) {
  std::vector<std::string> out;
  for (std::size_t at = 0; at + 8 <= mp4.size();) {
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size = size << 8 | mp4[at + i];
    out.emplace_back(mp4.begin() + static_cast<std::ptrdiff_t>(at + 4),
                     mp4.begin() + static_cast<std::ptrdiff_t>(at + 8));
    if (size < 8) break; // a length of 0 or 1 means "to the end" or "64 bit", which no test file has
    at += size;
  }
  return out;
}

double psnr(const std::vector<std::uint8_t>& a, const std::vector<std::uint8_t>& b) {
  if (a.size() != b.size()) throw std::runtime_error{"frames of different sizes"};
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += std::pow(a[i] - b[i], 2);
  if (squares == 0) return std::numeric_limits<double>::infinity();
  return 10 * std::log10(255.0 * 255.0 * static_cast<double>(a.size()) / squares);
}

} // namespace reel::media::testing
