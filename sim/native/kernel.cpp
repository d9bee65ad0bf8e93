// The C interface: one call is one run, spread over threads by blocks of replicas.
#include <algorithm>
#include <atomic>
#include <system_error>
#include <thread>
#include <vector>

#include "avx512.h"
#include "sites.h"
#include "plain.h"

namespace {

// All sweeps of one block of replicas, until done or told to stop.
template <class Block>
void run_block(const Run& run, int64_t first, int64_t real, const volatile int32_t* stop) {
    Block block(run, first, real);
    for (int64_t p = 0; p < run.phases; ++p)
        for (int64_t k = 0; k < run.schedule[2 * p] && !*stop; ++k) block.sweep(run.schedule[2 * p + 1]);
    block.record(0);
    for (int64_t s = 1; s < run.samples && !*stop; ++s) {
        for (int64_t k = 0; k < run.steps && !*stop; ++k) block.sweep(run.level);
        block.record(s);
    }
}

// Threads take blocks from a counter; each block's arrays belong to the thread that runs it.
template <class Block>
bool run_all(const Run& run, int64_t threads, const volatile int32_t* stop) {
    const int64_t blocks = (run.replicas + Block::LANES - 1) / Block::LANES;
    std::atomic<int64_t> next{0};
    std::atomic<bool> failed{false};
    const auto work = [&] {
        try {
            for (int64_t b; (b = next++) < blocks && !*stop;)
                run_block<Block>(run, b * Block::LANES, std::min<int64_t>(Block::LANES, run.replicas - b * Block::LANES),
                                 stop);
        } catch (const std::bad_alloc&) {
            failed = true;
        }
    };
    std::vector<std::thread> others;
    try {
        for (int64_t t = 1; t < std::min(threads, blocks); ++t) others.emplace_back(work);
    } catch (const std::system_error&) {
        // The machine gives no more threads; those there are do the work.
    }
    work();
    for (std::thread& other : others) other.join();
    return !failed;
}

}  // namespace

// Whether it had the memory. Once *stop is set the run ends early and what it wrote means nothing.
extern "C" __attribute__((visibility("default"))) int thermofab_run(const Run* run, int64_t threads,
                                                                   const volatile int32_t* stop) {
    if (run->layout) return run_all<SiteChain>(*run, threads, stop);
#ifdef THERMOFAB_AVX512
    if (Avx512Block<64>::fits(*run))
        // Narrow blocks where wide ones would leave threads, or lanes, without work.
        return run->replicas >= 64 * threads ? run_all<Avx512Block<64>>(*run, threads, stop)
                                             : run_all<Avx512Block<32>>(*run, threads, stop);
#endif
    return run_all<PlainBlock>(*run, threads, stop);
}
