#include "actors/worker/media/video_reader.hpp"

#include <stdexcept>

#include "actors/worker/media/av.hpp"

extern "C" {
#include <libavutil/pixdesc.h>
}

namespace reel::media {
namespace {

struct close_input {
  void operator()(AVFormatContext* f) const { avformat_close_input(&f); }
};

std::vector<std::uint8_t> to_rgb(const AVFrame& f) {
  std::vector<std::uint8_t> rgb(static_cast<std::size_t>(3 * f.width * f.height));
  av_ptr<SwsContext> back{
      check_made(sws_getContext(f.width, f.height, static_cast<AVPixelFormat>(f.format), f.width, f.height,
                                AV_PIX_FMT_RGB24, SWS_BICUBIC | SWS_ACCURATE_RND, nullptr, nullptr, nullptr))};
  auto* matrix = sws_getCoefficients(f.colorspace == AVCOL_SPC_BT709 ? SWS_CS_ITU709 : SWS_CS_DEFAULT);
  sws_setColorspaceDetails(back.get(), matrix, f.color_range == AVCOL_RANGE_JPEG, matrix, 1, 0, 1 << 16, 1 << 16);
  std::uint8_t* planes[] = {rgb.data(), nullptr, nullptr, nullptr};
  int strides[] = {3 * f.width, 0, 0, 0};
  check(sws_scale(back.get(), f.data, f.linesize, 0, f.height, planes, strides), "colour conversion");
  return rgb;
}

void read_frames(AVFormatContext& input, AVCodecContext& decoder, const std::string& file, clip& out) {
  av_ptr<AVPacket> packet{check_made(av_packet_alloc())};
  av_ptr<AVFrame> frame{check_made(av_frame_alloc())};
  std::size_t bytes = 0;
  for (bool more = true; more;) {
    more = av_read_frame(&input, packet.get()) >= 0;
    check(avcodec_send_packet(&decoder, more ? packet.get() : nullptr), file);
    av_packet_unref(packet.get());
    while (avcodec_receive_frame(&decoder, frame.get()) >= 0) {
      out.frames.push_back(to_rgb(*frame));
      bytes += out.frames.back().size();
      if (bytes > clip_bytes_max) throw std::runtime_error{file + ": too long for a clip"};
    }
  }
}

} // namespace

clip read_clip(const std::string& file) {
  av_log_set_level(AV_LOG_ERROR);
  AVFormatContext* opened = nullptr;
  check(avformat_open_input(&opened, file.c_str(), nullptr, nullptr), file);
  std::unique_ptr<AVFormatContext, close_input> input{opened};
  check(avformat_find_stream_info(opened, nullptr), file);
  if (opened->nb_streams != 1) throw std::runtime_error{file + ": expected one stream"};
  auto& stream = *opened->streams[0];
  auto& p = *stream.codecpar;

  clip out{.width = p.width, .height = p.height, .fps = av_q2d(stream.avg_frame_rate)};
  out.codec = avcodec_get_name(p.codec_id);
  out.pixels = av_get_pix_fmt_name(static_cast<AVPixelFormat>(p.format));
  auto text = [](const char* s) { return std::string{s ? s : "?"}; };
  out.colours = text(av_color_primaries_name(p.color_primaries)) + '/' + text(av_color_transfer_name(p.color_trc)) +
                '/' + text(av_color_space_name(p.color_space)) + '/' + text(av_color_range_name(p.color_range));
  const AVDictionaryEntry* tag = nullptr;
  while ((tag = av_dict_get(opened->metadata, "", tag, AV_DICT_IGNORE_SUFFIX))) out.tags[tag->key] = tag->value;

  auto* codec = avcodec_find_decoder(p.codec_id);
  if (!codec) throw std::runtime_error{file + ": no decoder for " + out.codec};
  av_ptr<AVCodecContext> decoder{check_made(avcodec_alloc_context3(codec))};
  check(avcodec_parameters_to_context(decoder.get(), &p), file);
  decoder->thread_count = 1;
  check(avcodec_open2(decoder.get(), nullptr, nullptr), file);
  read_frames(*opened, *decoder, file, out);
  return out;
}

} // namespace reel::media
