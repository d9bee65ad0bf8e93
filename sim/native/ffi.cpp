// The kernel as an XLA custom call on the host: chains are arrays that come in and go out.
#include <vector>

#include "chains.h"
#include "xla/ffi/api/ffi.h"

namespace {

namespace ffi = xla::ffi;
using Bytes = ffi::Buffer<ffi::U8>;
using Words = ffi::Buffer<ffi::U32>;
using Ints = ffi::Buffer<ffi::S32>;

// Sites in the order of their colours, with `bounds` where a colour starts and `first` where a site's slots do.
ffi::Error advance(int64_t threads, int64_t threshold_bits, Bytes states, Words rng, Ints weights, Ints biases,
                   Ints tables, Ints shift, Bytes clamped, Ints schedule, Ints counting, Ints ends, Ints order,
                   Ints bounds, Ints first, Ints near, Ints edge_of, ffi::Result<Bytes> states_out,
                   ffi::Result<Words> rng_out, ffi::Result<Ints> ones_out, ffi::Result<Ints> both_out) {
    const int64_t replicas = states.dimensions()[0], sites = states.dimensions()[1];
    const int64_t edges = static_cast<int64_t>(weights.element_count());
    const int64_t colours = static_cast<int64_t>(bounds.element_count()) - 1;
    std::vector<int64_t> starts{0}, slots{0}, phases;
    std::vector<int32_t> free, neighbours, doubled, offsets;
    for (int64_t c = 0; c < colours; ++c) {
        for (int64_t k = bounds.typed_data()[c]; k < bounds.typed_data()[c + 1]; ++k) {
            const int32_t site = order.typed_data()[k];
            if (clamped.typed_data()[site]) continue;
            int32_t offset = biases.typed_data()[site];
            for (int64_t s = first.typed_data()[k]; s < first.typed_data()[k + 1]; ++s) {
                const int32_t weight = weights.typed_data()[edge_of.typed_data()[s]];
                if (!weight) continue;
                neighbours.push_back(near.typed_data()[s]);
                doubled.push_back(2 * weight);
                offset -= weight;
            }
            free.push_back(site);
            offsets.push_back(offset);
            slots.push_back(static_cast<int64_t>(neighbours.size()));
        }
        starts.push_back(static_cast<int64_t>(free.size()));
    }
    std::vector<Word> thresholds(tables.element_count());
    for (std::size_t k = 0; k < thresholds.size(); ++k)
        thresholds[k] = static_cast<Word>(static_cast<uint32_t>(tables.typed_data()[k]) << (THERMOFAB_WORD_BITS - threshold_bits));
    for (std::size_t k = 0; k < schedule.element_count(); ++k) phases.push_back(schedule.typed_data()[k]);

    Run run{};
    run.sites = sites, run.free = static_cast<int64_t>(free.size()), run.colours = colours, run.replicas = replicas;
    run.edges = edges, run.bounds = starts.data(), run.order = free.data(), run.first = slots.data();
    run.near = neighbours.data(), run.weights = doubled.data(), run.offsets = offsets.data();
    run.tables = thresholds.data(), run.levels = tables.dimensions()[0], run.size = tables.dimensions()[1];
    run.shift = shift.typed_data()[0], run.rng = rng.typed_data(), run.init = states.typed_data();
    run.ends = ends.typed_data(), run.couplings = weights.typed_data(), run.biases = biases.typed_data();

    const int32_t* count = counting.typed_data();  // samples, steps, level
    const bool counted = ones_out->element_count() + both_out->element_count() > 0;
    std::vector<int64_t> ones(counted ? replicas * sites : 0), both(counted ? replicas * edges : 0);
    Work work{};
    work.phases = static_cast<int64_t>(phases.size()) / 2, work.schedule = phases.data();
    work.samples = count[0], work.lead = work.steps = count[1], work.level = count[2];
    if (counted) work.ones = ones.data(), work.both = both.data();

    Work look{};
    look.samples = 1, look.chosen_count = sites, look.states = states_out->typed_data();
    const int32_t never = 0;
    std::unique_ptr<Chains> chains(open_chains(run, threads));
    if (!chains || !chains->work(work, threads, &never) || !chains->work(look, threads, &never) ||
        !chains->store_generators(rng_out->typed_data(), threads))
        return ffi::Error(ffi::ErrorCode::kResourceExhausted, "the chains do not fit in memory; run fewer at a time.");
    if (counted) {
        std::copy(ones.begin(), ones.end(), ones_out->typed_data());
        std::copy(both.begin(), both.end(), both_out->typed_data());
    }
    return ffi::Error::Success();
}

}  // namespace

extern "C" __attribute__((visibility("default"))) XLA_FFI_Error* thermofab_advance(XLA_FFI_CallFrame*);

XLA_FFI_DEFINE_HANDLER_SYMBOL(thermofab_advance, advance,
                              ffi::Ffi::Bind()
                                  .Attr<int64_t>("threads")
                                  .Attr<int64_t>("threshold_bits")
                                  .Arg<Bytes>()
                                  .Arg<Words>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Arg<Bytes>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Arg<Ints>()
                                  .Ret<Bytes>()
                                  .Ret<Words>()
                                  .Ret<Ints>()
                                  .Ret<Ints>());
