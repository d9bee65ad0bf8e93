// Chains that can be worked on again and again, in blocks of replicas; threads take blocks from a counter, and each
// block's arrays belong to the thread that runs it.
#pragma once

#include <algorithm>
#include <atomic>
#include <memory>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "blocks.h"
#include "sites.h"

struct Chains {
    virtual ~Chains() = default;
    virtual bool work(const Work& work, int64_t threads, const volatile int32_t* stop) = 0;
    virtual bool load(const uint8_t* states, int64_t threads) = 0;
    // The contract's generator states, uint32 [replicas, sites, words].
    virtual bool store_generators(uint32_t* out, int64_t threads) = 0;
};

// Replicas of one kind of block.
struct Part {
    virtual ~Part() = default;
    virtual int64_t blocks() const = 0;
    // `stop` ends it early.
    virtual void work(int64_t block, const Work& work, const volatile int32_t* stop) = 0;
    virtual void load(int64_t block, const uint8_t* states) = 0;
    virtual void store_generators(int64_t block, uint32_t* out) = 0;
};

// Replicas first … first + count - 1.
template <class Block>
class BlockPart final : public Part {
public:
    BlockPart(const Run& run, int64_t first, int64_t count)
        : run_(run), first_(first), count_(count), blocks_((count + Block::LANES - 1) / Block::LANES) {}

    int64_t blocks() const override { return static_cast<int64_t>(blocks_.size()); }

    void work(int64_t b, const Work& work, const volatile int32_t* stop) override {
        run_block(work, at(b), stop);
        if (work.last) blocks_[b].reset();
    }

    void load(int64_t b, const uint8_t* states) override { at(b).load(states); }

    void store_generators(int64_t b, uint32_t* out) override {
        std::vector<bool> updated(run_.sites);
        for (int64_t k = 0; k < run_.free; ++k) updated[run_.order[k]] = true;
        const Block& block = at(b);
        block.store_generators(out);
        for (int64_t r = block.first(); r < block.first() + block.real(); ++r)
            for (int64_t i = 0; i < run_.sites; ++i)
                if (!updated[i]) later_words(run_, r, i, block.time(), out + (r * run_.sites + i) * Generator::WORDS);
    }

private:
    Block& at(int64_t b) {
        if (!blocks_[b])
            blocks_[b] = std::make_unique<Block>(run_, first_ + b * Block::LANES,
                                                 std::min<int64_t>(Block::LANES, count_ - b * Block::LANES));
        return *blocks_[b];
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

    const Run& run_;
    int64_t first_, count_;
    std::vector<std::unique_ptr<Block>> blocks_;
};

class PartedChains final : public Chains {
public:
    PartedChains(const Run& run, int64_t threads) : run_(run) {
        const int64_t shared = run.replicas - run.singles;
        // Wide blocks as far as every thread has equally many; narrow ones where wide ones would leave threads, or
        // lanes, without work.
        const int64_t wide = shared / (64 * threads) * (64 * threads);
        const auto share = [&](bool is_wide, int64_t first, int64_t count) {
            if (count)
                with_block(run_, is_wide, [&](auto kind) {
                    add(std::make_unique<BlockPart<typename decltype(kind)::type>>(run_, first, count));
                });
        };
        share(true, 0, wide);
        share(false, wide, shared - wide);
        if (run.singles) add(std::make_unique<BlockPart<SiteChain>>(run_, shared, run.singles));
    }

    bool work(const Work& work, int64_t threads, const volatile int32_t* stop) override {
        return each(threads, stop, [&](Part& part, int64_t b) { part.work(b, work, stop); });
    }

    bool load(const uint8_t* states, int64_t threads) override {
        return each(threads, nullptr, [&](Part& part, int64_t b) { part.load(b, states); });
    }

    bool store_generators(uint32_t* out, int64_t threads) override {
        return each(threads, nullptr, [&](Part& part, int64_t b) { part.store_generators(b, out); });
    }

private:
    void add(std::unique_ptr<Part> part) {
        for (int64_t b = 0; b < part->blocks(); ++b) blocks_.push_back({part.get(), b});
        parts_.push_back(std::move(part));
    }

    template <class Use>
    bool each(int64_t threads, const volatile int32_t* stop, const Use& use) {
        const int64_t count = static_cast<int64_t>(blocks_.size());
        std::atomic<int64_t> next{0};
        std::atomic<bool> failed{false};
        const auto take = [&] {
            try {
                for (int64_t b; (b = next++) < count && !(stop && *stop);) use(*blocks_[b].first, blocks_[b].second);
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

    Run run_;
    std::vector<std::unique_ptr<Part>> parts_;
    std::vector<std::pair<Part*, int64_t>> blocks_;   // of every part
};

inline Chains* open_chains(const Run& run, int64_t threads) {
    try {
        return new PartedChains(run, threads);
    } catch (const std::bad_alloc&) {
        return nullptr;
    }
}
