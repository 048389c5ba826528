#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "absl/strings/str_format.h"
#include "base/text.h"
#include "quantization/sensitivity.h"

namespace g4c::quantization {
namespace {

using Json = nlohmann::ordered_json;

struct ModuleNoise {
  std::string module;
  double activations = 0;
  double weights = 0;
  double total() const { return activations + weights; }
};

// The noises of parts add up, as far as they do not know of each other.
std::vector<ModuleNoise> ByModule(const SensitivityReport& report) {
  std::map<std::string, ModuleNoise> modules;
  for (const Sensitivity& part : report.parts) {
    ModuleNoise& module = modules[part.module];
    module.module = part.module;
    (part.is_weight ? module.weights : module.activations) += part.noise;
  }
  std::vector<ModuleNoise> sorted;
  for (auto& [name, module] : modules) sorted.push_back(std::move(module));
  std::stable_sort(sorted.begin(), sorted.end(), [](const ModuleNoise& a, const ModuleNoise& b) {
    return a.total() > b.total();
  });
  return sorted;
}

std::string Decibels(double noise) {
  return noise > 0 ? absl::StrFormat("%.1f", SnrOf(noise)) : "exact";
}

Json SnrJson(double noise) { return noise > 0 ? Json(SnrOf(noise)) : Json(nullptr); }

}  // namespace

double SnrOf(double noise) { return -10 * std::log10(noise); }

std::string SensitivityTable(const SensitivityReport& report, int rows) {
  constexpr int kBar = 24;
  const std::vector<ModuleNoise> modules = ByModule(report);
  const size_t shown =
      rows > 0 ? std::min(modules.size(), static_cast<size_t>(rows)) : modules.size();
  size_t width = 6;
  for (size_t i = 0; i < shown; ++i) width = std::max(width, modules[i].module.size());
  const double loudest = modules.empty() ? 0 : modules[0].total();
  std::string text = absl::StrFormat("%-*s  %8s  %11s  %7s  noise alone\n", static_cast<int>(width),
                                     "module", "SNR dB", "activations", "weights");
  for (size_t i = 0; i < shown; ++i) {
    const ModuleNoise& m = modules[i];
    const int bar = loudest > 0 ? static_cast<int>(std::lround(kBar * m.total() / loudest)) : 0;
    absl::StrAppendFormat(&text, "%-*s  %8s  %11s  %7s  %s\n", static_cast<int>(width),
                          m.module.empty() ? "(input)" : m.module, Decibels(m.total()),
                          Decibels(m.activations), Decibels(m.weights), std::string(bar, '#'));
  }
  if (shown < modules.size()) {
    absl::StrAppendFormat(&text, "and %d more\n", static_cast<int>(modules.size() - shown));
  }
  absl::StrAppend(&text, "quantised up to:\n");
  for (const CumulativeNoise& point : report.cumulative) {
    absl::StrAppendFormat(&text, "%-*s  %8s  %s\n", static_cast<int>(width),
                          point.module.empty() ? "(input)" : point.module, Decibels(point.noise),
                          point.value);
  }
  return text;
}

std::string SensitivityJson(const SensitivityReport& report) {
  Json json = {{"schema_version", 1}, {"samples", report.samples}};
  json["parts"] = Json::array();
  for (const Sensitivity& part : report.parts) {
    json["parts"].push_back({{"value", part.name},
                             {"module", part.module},
                             {"role", part.is_weight ? "weight" : "activation"},
                             {"dtype", std::string(ir::DTypeName(part.dtype))},
                             {"elements", part.elements},
                             {"noise", part.noise},
                             {"snr_db", SnrJson(part.noise)}});
  }
  json["modules"] = Json::array();
  for (const ModuleNoise& module : ByModule(report)) {
    json["modules"].push_back({{"module", module.module},
                               {"activations", module.activations},
                               {"weights", module.weights},
                               {"snr_db", SnrJson(module.total())}});
  }
  json["cumulative"] = Json::array();
  for (const CumulativeNoise& point : report.cumulative) {
    json["cumulative"].push_back({{"value", point.value},
                                  {"module", point.module},
                                  {"noise", point.noise},
                                  {"snr_db", SnrJson(point.noise)}});
  }
  // Names come from the model's file and need not be UTF-8.
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string SensitivityCsv(const SensitivityReport& report) {
  const auto quoted = [](const std::string& text) {
    std::string result = "\"";
    for (char c : text) {
      if (c == '"') result.push_back('"');
      result.push_back(c);
    }
    return result + "\"";
  };
  std::string text = "value,module,role,dtype,elements,noise,snr_db\n";
  for (const Sensitivity& part : report.parts) {
    absl::StrAppend(&text, quoted(part.name), ",", quoted(part.module), ",",
                    part.is_weight ? "weight" : "activation", ",",
                    std::string(ir::DTypeName(part.dtype)), ",", part.elements, ",",
                    absl::StrFormat("%.9g", part.noise), ",",
                    part.noise > 0 ? absl::StrFormat("%.4f", SnrOf(part.noise)) : "", "\n");
  }
  return text;
}

}  // namespace g4c::quantization
