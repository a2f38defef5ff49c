#include "actors/worker/media/mp4_encoder.hpp"

#include <algorithm>
#include <stdexcept>

#include "actors/worker/media/av.hpp"
#include "actors/worker/media/memory_file.hpp"

namespace reel::media {
namespace {

// Visually lossless for this material, and encoded in a fraction of the time that one denoise step takes.
constexpr const char* quality_crf = "18";
constexpr const char* preset = "veryfast";
// Without it the encoder's vector code lets memory beyond small frames decide between equals (measured: six
// different files from seven runs), and each kind of processor has a file of its own. Costs nothing
// measurable.
constexpr const char* reproducible = "cpu-independent=1";

void require_range(const video_options& o) {
  constexpr int side_max = 16384; // H.264 level 6.2
  if (o.width < 1 || o.height < 1 || o.width > side_max || o.height > side_max || o.fps < 1 || o.fps > 1000)
    throw std::invalid_argument{"video: 1 to 16384 pixels a side and 1 to 1000 frames a second are allowed"};
}

int even(int n) { return n + n % 2; }

av_ptr<AVCodecContext> open_x264(const video_options& o) {
  auto encoder = make_encoder("libx264", AV_PIX_FMT_YUV420P, even(o.width), even(o.height));
  encoder->time_base = {1, o.fps};
  encoder->framerate = {o.fps, 1};
  encoder->color_primaries = AVCOL_PRI_BT709;
  encoder->color_trc = AVCOL_TRC_BT709;
  encoder->colorspace = AVCOL_SPC_BT709;
  encoder->color_range = AVCOL_RANGE_MPEG;
  encoder->flags |= AV_CODEC_FLAG_GLOBAL_HEADER; // mp4 keeps the parameter sets once, in its index
  av_opt_set(encoder->priv_data, "preset", preset, 0);
  av_opt_set(encoder->priv_data, "crf", quality_crf, 0);
  av_opt_set(encoder->priv_data, "x264-params", reproducible, 0);
  check(avcodec_open2(encoder.get(), nullptr, nullptr), "libx264");
  return encoder;
}

av_ptr<SwsContext> make_converter(int width, int height) {
  auto converter = make_scaler(width, height, width, height, AV_PIX_FMT_YUV420P);
  auto* bt709 = sws_getCoefficients(SWS_CS_ITU709);
  constexpr int full = 1, limited = 0, one = 1 << 16;
  check(sws_setColorspaceDetails(converter.get(), bt709, full, bt709, limited, 0, one, one), "colour conversion");
  return converter;
}

} // namespace

struct mp4_encoder::parts {
  video_options options;
  memory_file file;
  av_ptr<AVFormatContext> muxer; // before what refers to it
  av_ptr<AVCodecContext> encoder;
  av_ptr<SwsContext> converter;
  av_ptr<AVFrame> frame;
  av_ptr<AVPacket> packet;
  std::vector<std::uint8_t> padded; // one frame of even size; unused for even ones
  bool finished = false;

  ~parts() {
    if (muxer) memory_file::close(muxer->pb);
  }

  void open_muxer();
  const std::uint8_t* with_even_sides(std::span<const std::uint8_t> rgb);
  void encode(const AVFrame* next);
};

void mp4_encoder::parts::open_muxer() {
  AVFormatContext* made = nullptr;
  check(avformat_alloc_output_context2(&made, nullptr, "mp4", nullptr), "mp4");
  muxer.reset(made);
  muxer->pb = file.open(true);
  muxer->opaque = &file;
  muxer->flags |= AVFMT_FLAG_BITEXACT | AVFMT_FLAG_CUSTOM_IO;
  // For "faststart" the muxer opens its own output a second time, to read.
  muxer->io_open = [](AVFormatContext* s, AVIOContext** io, const char*, int, AVDictionary**) {
    try {
      *io = static_cast<memory_file*>(s->opaque)->open(false);
      return 0;
    } catch (const std::bad_alloc&) {
      return AVERROR(ENOMEM);
    }
  };
  muxer->io_close2 = [](AVFormatContext*, AVIOContext* io) {
    memory_file::close(io);
    return 0;
  };

  auto* stream = check_made(avformat_new_stream(muxer.get(), nullptr));
  stream->time_base = encoder->time_base;
  stream->avg_frame_rate = encoder->framerate;
  check(avcodec_parameters_from_context(stream->codecpar, encoder.get()), "mp4 stream");
  for (auto& [key, value] : options.tags) check(av_dict_set(&muxer->metadata, key.c_str(), value.c_str(), 0), "tag");
  AVDictionary* flags = nullptr;
  av_dict_set(&flags, "movflags", "faststart+use_metadata_tags", 0); // the latter keeps names of our own
  auto result = avformat_write_header(muxer.get(), &flags);
  av_dict_free(&flags);
  check(result, "mp4 header");
}

const std::uint8_t* mp4_encoder::parts::with_even_sides(std::span<const std::uint8_t> rgb) {
  auto width = static_cast<std::size_t>(options.width), height = static_cast<std::size_t>(options.height);
  auto full_width = static_cast<std::size_t>(encoder->width), full_height = static_cast<std::size_t>(encoder->height);
  if (full_width == width && full_height == height) return rgb.data();
  padded.resize(3 * full_width * full_height);
  for (std::size_t y = 0; y < full_height; ++y) {
    auto row = rgb.subspan(3 * width * std::min(y, height - 1), 3 * width);
    auto to = std::ranges::copy(row, padded.begin() + static_cast<std::ptrdiff_t>(3 * full_width * y)).out;
    if (full_width > width) std::ranges::copy(row.last(3), to);
  }
  return padded.data();
}

/// next: null to get what the encoder still holds.
void mp4_encoder::parts::encode(const AVFrame* next) {
  check(avcodec_send_frame(encoder.get(), next), "libx264");
  for (;;) {
    auto result = avcodec_receive_packet(encoder.get(), packet.get());
    if (result == AVERROR(EAGAIN) || result == AVERROR_EOF) return;
    check(result, "libx264");
    packet->duration = 1; // one tick of the encoder's clock is one frame
    av_packet_rescale_ts(packet.get(), encoder->time_base, muxer->streams[0]->time_base);
    packet->stream_index = 0;
    check(av_interleaved_write_frame(muxer.get(), packet.get()), "mp4");
  }
}

mp4_encoder::mp4_encoder(const video_options& options) : parts_{std::make_unique<parts>()} {
  require_range(options);
  auto& p = *parts_;
  p.options = options;
  p.encoder = open_x264(options);
  p.converter = make_converter(p.encoder->width, p.encoder->height);
  p.frame = make_frame(AV_PIX_FMT_YUV420P, p.encoder->width, p.encoder->height);
  p.frame->pts = 0;
  p.packet.reset(check_made(av_packet_alloc()));
  p.open_muxer();
}

mp4_encoder::~mp4_encoder() = default;

void mp4_encoder::add(std::span<const std::uint8_t> rgb) {
  auto& p = *parts_;
  auto need = std::size_t{3} * static_cast<std::size_t>(p.options.width) * static_cast<std::size_t>(p.options.height);
  if (p.finished || rgb.size() != need)
    throw std::logic_error{"mp4_encoder: a frame of another size, or after the end"};
  check(av_frame_make_writable(p.frame.get()), "frame"); // the encoder may still hold the last one
  scale(p.converter.get(), p.with_even_sides(rgb), p.frame->width, p.frame->height, *p.frame);
  p.encode(p.frame.get());
  ++p.frame->pts;
}

std::vector<std::uint8_t> mp4_encoder::finish() {
  auto& p = *parts_;
  if (p.finished || p.frame->pts == 0) throw std::logic_error{"mp4_encoder: finished twice, or without a frame"};
  p.finished = true;
  p.encode(nullptr);
  check(av_write_trailer(p.muxer.get()), "mp4 index");
  avio_flush(p.muxer->pb);
  return p.file.take();
}

} // namespace reel::media
