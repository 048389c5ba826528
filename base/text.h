// Small pieces of text that reports, errors and the ir text share.
#ifndef BASE_TEXT_H_
#define BASE_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"

namespace g4c {

// The shortest text that reads back to the same number: "0.1", "1e-06", "3", "inf", "-inf", "nan".
// The locale does not matter. FormatFloat is shortest among floats, FormatDouble among doubles.
std::string FormatFloat(float value);
std::string FormatDouble(double value);

// "63 bytes", "8 KiB", "1.9 MiB": binary units, one decimal digit below 10, no trailing ".0".
std::string HumanBytes(uint64_t bytes);

// "12 ms", "0.21 s", "3.4 s", "2 min 05 s".
std::string HumanSeconds(double seconds);

// "[1, 63, 64]"; "[]" for a scalar.
std::string DimsText(absl::Span<const int64_t> dims);

}  // namespace g4c

#endif  // BASE_TEXT_H_
