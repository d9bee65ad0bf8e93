// Chains that can be worked on again and again, in blocks of replicas; threads take blocks from a counter, and each
// block's arrays belong to the thread that runs it.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <system_error>
#include <thread>
#include <vector>

#include "avx512.h"
#include "sites.h"
#include "plain.h"

struct Chains {
    virtual ~Chains() = default;
    virtual bool work(const Work& work, int64_t threads, const volatile int32_t* stop) = 0;
    virtual bool load(const uint8_t* states, int64_t threads) = 0;
    // The contract's generator states, uint32 [replicas, sites, words].
    virtual bool store_generators(uint32_t* out, int64_t threads) = 0;
};

template <class Block>
class BlockChains final : public Chains {
public:
    explicit BlockChains(const Run& run) : run_(run), blocks_((run.replicas + Block::LANES - 1) / Block::LANES) {}

    bool work(const Work& work, int64_t threads, const volatile int32_t* stop) override {
        return each(threads, stop, [&](std::unique_ptr<Block>& block) {
            run_block(work, *block, stop);
            if (work.last) block.reset();
        });
    }

    bool load(const uint8_t* states, int64_t threads) override {
        return each(threads, nullptr, [&](std::unique_ptr<Block>& block) { block->load(states); });
    }

    bool store_generators(uint32_t* out, int64_t threads) override {
        std::vector<bool> updated(run_.sites);
        for (int64_t k = 0; k < run_.free; ++k) updated[run_.order[k]] = true;
        return each(threads, nullptr, [&](std::unique_ptr<Block>& block) {
            block->store_generators(out);
            for (int64_t r = block->first(); r < block->first() + block->real(); ++r)
                for (int64_t i = 0; i < run_.sites; ++i)
                    if (!updated[i])
                        later_words(run_, r, i, block->time(), out + (r * run_.sites + i) * Generator::WORDS);
        });
    }

private:
    template <class Use>
    bool each(int64_t threads, const volatile int32_t* stop, const Use& use) {
        const int64_t count = static_cast<int64_t>(blocks_.size());
        std::atomic<int64_t> next{0};
        std::atomic<bool> failed{false};
        const auto take = [&] {
            try {
                for (int64_t b; (b = next++) < count && !(stop && *stop);) {
                    const int64_t first = b * Block::LANES;
                    if (!blocks_[b])
                        blocks_[b] = std::make_unique<Block>(
                            run_, first, std::min<int64_t>(Block::LANES, run_.replicas - first));
                    use(blocks_[b]);
                }
            } catch (const std::bad_alloc&) {
                failed = true;
            }
        };
        std::vector<std::thread> others;
        try {
            for (int64_t t = 1; t < std::min(threads, count); ++t) others.emplace_back(take);
        } catch (const std::system_error&) {
            // The machine gives no more threads; those there are do the work.
        }
        take();
        for (std::thread& other : others) other.join();
        return !failed;
    }

    void run_block(const Work& work, Block& block, const volatile int32_t* stop) const {
        for (int64_t p = 0; p < work.phases; ++p)
            for (int64_t k = 0; k < work.schedule[2 * p] && !*stop; ++k) block.sweep(work.schedule[2 * p + 1]);
        if (!work.samples) return;
        if constexpr (std::is_same_v<Block, SiteChain>) {
            SiteWatch watch(run_, work, block);
            sample(work, block, stop, [&](int64_t s) { watch.look(s); });
            watch.finish();
        } else {
            WordWatch watch(run_, work, block.first(), block.real());
            sample(work, block, stop, [&](int64_t s) { watch.look(s, block.words()); });
            watch.finish();
        }
    }

    template <class Look>
    static void sample(const Work& work, Block& block, const volatile int32_t* stop, const Look& look) {
        for (int64_t s = 0; s < work.samples && !*stop; ++s) {
            for (int64_t k = 0; k < (s ? work.steps : work.lead) && !*stop; ++k) block.sweep(work.level);
            look(s);
        }
    }

    Run run_;
    std::vector<std::unique_ptr<Block>> blocks_;
};

inline Chains* open_chains(const Run& run, int64_t threads) {
    try {
        if (run.layout) return new BlockChains<SiteChain>(run);
#ifdef THERMOFAB_AVX512
        if (Avx512Block<64>::fits(run)) {
            // Narrow blocks where wide ones would leave threads, or lanes, without work.
            if (run.replicas >= 64 * threads) return new BlockChains<Avx512Block<64>>(run);
            return new BlockChains<Avx512Block<32>>(run);
        }
#endif
        return new BlockChains<PlainBlock>(run);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
