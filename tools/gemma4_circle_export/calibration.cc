#include "gemma4_circle_export/calibration.h"

#include <chrono>
#include <filesystem>

#include "base/atomic_file.h"
#include "base/mapped_file.h"
#include "base/text.h"
#include "evaluator/isa.h"
#include "gemma4_circle_export/version.h"
#include "quantization/calibrate.h"
#include "quantization/gather_hessians.h"
#include "quantization/statistics_file.h"

namespace g4c::tools {
namespace {

constexpr int64_t kSyntheticSamples = 8;
constexpr std::chrono::seconds kSaveEvery(30);

// Without the commit: statistics outlive it.
std::string ToolText() {
  const std::string text = VersionText();
  return text.substr(0, text.find(" ("));
}

// Statistics that files gave so far.
class Collected {
 public:
  Collected(const FoldedModel& model, quantization::Statistics empty)
      : graph_(model.graph),
        statistics_(std::move(empty)),
        hessians_(std::make_unique<quantization::SavedHessians>(model.graph)) {
    origin_ = {ToolText(), evaluator::IsaInUse(), model.hash, model.weight_bytes,
               quantization::GraphDigest(model.graph)};
  }

  // `resumed`: the samples of an unfinished file will be completed.
  absl::Status Add(const std::string& path, bool resumed, ExportReport& report) {
    ASSIGN_OR_RETURN(const auto mapped, MappedFile::Open(path));
    absl::StatusOr<quantization::StatisticsFile> file =
        quantization::ParseStatistics(mapped->text(), graph_, origin_);
    if (!file.ok()) {
      return Prefixed(file.status(),
                      absl::StrCat("'", path, "'",
                                   resumed ? " is there already and cannot be resumed: " : ": "));
    }
    if (!file->complete && !resumed) {
      return InvalidInput("'", path, "' is not complete: its run was interrupted after ",
                          file->statistics.num_samples(),
                          " samples; the same command with --save-stats goes on");
    }
    if (!isa_.empty() && file->isa != isa_) {
      return InvalidInput("'", path, "' was gathered on ", file->isa, ", '", first_, "' on ", isa_,
                          ": sums of floats differ; gather all with the same --isa");
    }
    for (const auto& [digest, times] : file->statistics.samples) {
      if (!statistics_.samples.contains(digest)) continue;
      report.Warn(absl::StrCat("'", path,
                               "' counts samples that another file counts, too: they "
                               "now count twice"));
      break;
    }
    if (isa_.empty()) first_ = path;
    isa_ = file->isa;
    statistics_.Merge(file->statistics);
    if (!file->has_hessians) return absl::OkStatus();
    for (const auto& [digest, times] : file->statistics.samples) with_hessians_[digest] += times;
    return Prefixed(hessians_->Add(mapped), absl::StrCat("'", path, "': "));
  }

  // Before samples are added.
  absl::Status RequireThisIsa() const {
    if (isa_.empty() || isa_ == origin_.isa) return absl::OkStatus();
    return InvalidInput("'", first_, "' was gathered on ", isa_, ", but samples would run on ",
                        origin_.isa, ": sums of floats differ; pass --isa ", isa_);
  }

  absl::Status Save(const std::string& path, bool complete) const {
    return WriteAtomically(path, Text(complete, /*has_hessians=*/false));
  }

  // The same with the Hessians of all samples, block by block. `samples`: null, or those that
  // `statistics()` counts and files may lack Hessians of.
  absl::Status SaveWithHessians(const std::string& path, const quantization::Samples* samples,
                                int64_t memory_bytes) const {
    std::vector<int64_t> added;
    std::map<std::string, int64_t> covered = with_hessians_;
    if (samples != nullptr) {
      ASSIGN_OR_RETURN(added,
                       quantization::UncountedSamples(graph_, *samples, with_hessians_, &covered));
    }
    if (covered != statistics_.samples) {
      return InvalidInput(
          "--stats hessian: the files count samples that they have no Hessians of and that "
          "--calibration does not hold; gather them again, or pass their samples");
    }
    ASSIGN_OR_RETURN(AtomicFile file, AtomicFile::Create(path));
    RETURN_IF_ERROR(file.Write(Text(/*complete=*/true, /*has_hessians=*/true)));
    RETURN_IF_ERROR(quantization::BeginHessians(file));
    const auto write = [&](ir::ValueId input, quantization::GramSums sums) {
      if (hessians_->Has(input)) sums.Merge(hessians_->Of(input).lower());
      return quantization::WriteHessian(file, sums);
    };
    if (added.empty()) {
      for (ir::ValueId input : quantization::HessianInputs(graph_)) {
        RETURN_IF_ERROR(quantization::WriteHessian(file, hessians_->Of(input)));
      }
    } else {
      const quantization::ChosenSamples chosen(*samples, std::move(added));
      RETURN_IF_ERROR(quantization::GatherHessians(graph_, chosen, memory_bytes, write));
    }
    return file.Commit();
  }

  // Whether a file has Hessians.
  bool has_hessians() const { return !hessians_->empty(); }
  // Those of all samples that files counted; null where one has none.
  std::unique_ptr<quantization::SavedHessians> TakeHessians() {
    return with_hessians_ == statistics_.samples ? std::move(hessians_) : nullptr;
  }
  quantization::Statistics& statistics() { return statistics_; }

 private:
  std::string Text(bool complete, bool has_hessians) const {
    quantization::StatisticsOrigin origin = origin_;
    if (!isa_.empty()) origin.isa = isa_;
    return quantization::PrintStatistics(graph_, origin, complete, statistics_, has_hessians);
  }

  const ir::Graph& graph_;
  quantization::Statistics statistics_;
  quantization::StatisticsOrigin origin_;
  std::string isa_;    // of the files
  std::string first_;  // the first of them
  std::unique_ptr<quantization::SavedHessians> hessians_;
  std::map<std::string, int64_t> with_hessians_;  // samples by digest, as Statistics::samples
};

// Runs what is not counted; saves from time to time.
absl::StatusOr<int64_t> RunSamples(const ExportOptions& options, const ir::Graph& graph,
                                   const quantization::Samples& samples, const Collected* saved,
                                   quantization::Statistics& statistics) {
  auto last = std::chrono::steady_clock::now();
  quantization::GatherOptions gather;
  // Without Hessians: what a file has of them stays until those of all samples are there.
  if (saved != nullptr && !options.save_stats.empty() && !saved->has_hessians()) {
    gather.after_sample = [&](const quantization::Statistics&) -> absl::Status {
      if (std::chrono::steady_clock::now() - last < kSaveEvery) return absl::OkStatus();
      RETURN_IF_ERROR(saved->Save(options.save_stats, /*complete=*/false));
      last = std::chrono::steady_clock::now();
      return absl::OkStatus();
    };
  }
  return quantization::GatherStatistics(graph, samples, gather, statistics);
}

}  // namespace

absl::StatusOr<std::unique_ptr<quantization::Samples>> OpenCalibration(const ExportOptions& options,
                                                                       const ir::Graph& graph,
                                                                       ExportReport& report) {
  if (!options.calibration.empty()) {
    quantization::SampleOptions sample_options;
    sample_options.keys = options.calibration_keys;
    report.AddFile(options.calibration);
    return quantization::OpenSamples(options.calibration, graph, sample_options);
  }
  if (!options.load_stats.empty()) return std::unique_ptr<quantization::Samples>();
  report.Warn(
      "no --calibration: calibrated on made-up samples; accuracy will be that of noise, not of "
      "images");
  return quantization::SyntheticSamples(graph, kSyntheticSamples);
}

absl::StatusOr<Calibration> Calibrate(const ExportOptions& options, const FoldedModel& model,
                                      ExportReport& report) {
  const ir::Graph& graph = model.graph;
  Calibration calibration;
  ASSIGN_OR_RETURN(calibration.samples, OpenCalibration(options, graph, report));
  calibration.statistics = quantization::StatisticsPlan(graph).Empty();

  std::unique_ptr<Collected> collected;
  if (!options.save_stats.empty() || !options.load_stats.empty()) {
    collected = std::make_unique<Collected>(model, calibration.statistics);
    for (const std::string& path : options.load_stats) {
      report.AddFile(path);
      RETURN_IF_ERROR(collected->Add(path, /*resumed=*/false, report));
    }
    std::error_code error;
    if (options.load_stats.empty() && std::filesystem::exists(options.save_stats, error)) {
      RETURN_IF_ERROR(collected->Add(options.save_stats, /*resumed=*/true, report));
    }
    if (calibration.samples != nullptr) RETURN_IF_ERROR(collected->RequireThisIsa());
    if (!options.save_stats.empty() && !options.hessians && collected->has_hessians()) {
      return InvalidInput(
          "the statistics files have Hessians, which --save-stats drops without --stats hessian");
    }
  }
  quantization::Statistics& statistics =
      collected == nullptr ? calibration.statistics : collected->statistics();
  const int64_t before = statistics.num_samples();
  int64_t run = 0;
  if (calibration.samples != nullptr) {
    ASSIGN_OR_RETURN(run,
                     RunSamples(options, graph, *calibration.samples, collected.get(), statistics));
  }
  if (!options.save_stats.empty()) {
    RETURN_IF_ERROR(options.hessians
                        ? collected->SaveWithHessians(options.save_stats, calibration.samples.get(),
                                                      options.spill_above)
                        : collected->Save(options.save_stats, /*complete=*/true));
  }
  report.AddDetail(
      "calibration",
      absl::StrCat(run, " samples run, ", before, " counted by statistics files; memory ",
                   HumanBytes(quantization::ConstantBytes(graph)), " weights + ",
                   HumanBytes(quantization::LiveBytes(graph)), " live tensors + ",
                   HumanBytes(statistics.MemoryBytes()), " statistics"));
  if (collected != nullptr) {
    calibration.hessians = collected->TakeHessians();
    calibration.statistics = std::move(collected->statistics());
  }
  return calibration;
}

}  // namespace g4c::tools
