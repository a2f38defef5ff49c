#include "actors/worker/media/av.hpp"

#include <new>
#include <stdexcept>

namespace reel::media {

int check(int result, const std::string& what) {
  if (result >= 0) return result;
  if (result == AVERROR(ENOMEM)) throw std::bad_alloc{};
  char text[AV_ERROR_MAX_STRING_SIZE] = {};
  av_strerror(result, text, sizeof text);
  throw std::runtime_error{what + ": " + text};
}

av_ptr<AVFrame> make_frame(AVPixelFormat format, int width, int height) {
  av_ptr<AVFrame> frame{check_made(av_frame_alloc())};
  frame->format = format;
  frame->width = width;
  frame->height = height;
  check(av_frame_get_buffer(frame.get(), 0), "frame");
  return frame;
}

av_ptr<AVCodecContext> make_encoder(const char* name, AVPixelFormat format, int width, int height) {
  av_log_set_level(AV_LOG_ERROR); // of the process; libav would print a dozen lines per video to standard error
  auto* codec = avcodec_find_encoder_by_name(name);
  if (!codec) throw std::runtime_error{std::string{"this libav has no encoder "} + name};
  av_ptr<AVCodecContext> encoder{check_made(avcodec_alloc_context3(codec))};
  encoder->width = width;
  encoder->height = height;
  encoder->pix_fmt = format;
  encoder->thread_count = 1; // more change the bytes, and the cores are the model's
  encoder->flags |= AV_CODEC_FLAG_BITEXACT;
  return encoder;
}

av_ptr<SwsContext> make_scaler(int width, int height, int to_width, int to_height, AVPixelFormat to) {
  auto flags = SWS_BICUBIC | SWS_BITEXACT | SWS_ACCURATE_RND | SWS_FULL_CHR_H_INP;
  return av_ptr<SwsContext>{check_made(
      sws_getContext(width, height, AV_PIX_FMT_RGB24, to_width, to_height, to, flags, nullptr, nullptr, nullptr))};
}

void scale(SwsContext* scaler, const std::uint8_t* rgb, int width, int height, AVFrame& to) {
  const std::uint8_t* planes[] = {rgb, nullptr, nullptr, nullptr};
  int strides[] = {3 * width, 0, 0, 0};
  check(sws_scale(scaler, planes, strides, 0, height, to.data, to.linesize), "colour conversion");
}

} // namespace reel::media
