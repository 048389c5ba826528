#include "base/progress.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "base/text.h"

namespace g4c {
namespace {

std::atomic<bool> disabled = false;

}  // namespace

Progress::Progress(std::string label, std::string unit, int64_t total)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      visible_(!disabled && isatty(STDERR_FILENO) == 1),
      start_(Clock::now()) {}

Progress::~Progress() {
  if (drawn_) std::fputs("\r\x1b[K", stderr);
}

void Progress::Disable() { disabled = true; }

void Progress::Advance(int64_t steps) {
  if (!visible_) return;
  std::lock_guard<std::mutex> lock(mutex_);
  done_ += steps;
  const Clock::time_point now = Clock::now();
  if (now - start_ < std::chrono::seconds(1)) return;
  if (drawn_ && now - last_drawn_ < std::chrono::milliseconds(100)) return;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  std::fprintf(stderr, "\r\x1b[K%s", Line(label_, unit_, done_, total_, seconds).c_str());
  std::fflush(stderr);
  last_drawn_ = now;
  drawn_ = true;
}

std::string Progress::Line(const std::string& label, const std::string& unit, int64_t done,
                           int64_t total, double seconds) {
  std::string line = absl::StrCat(label, "  ", done, "/", total, " ", unit);
  if (done <= 0 || seconds <= 0) return line;
  const double rate = static_cast<double>(done) / seconds;
  absl::StrAppendFormat(&line, rate < 10 ? "  %.2g/s" : "  %.0f/s", rate);
  if (done < total) {
    absl::StrAppend(&line, "  ", HumanSeconds(static_cast<double>(total - done) / rate), " left");
  }
  return line;
}

}  // namespace g4c
